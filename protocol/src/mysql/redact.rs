//! What may leave of MySQL: packets without values.
//!
//! Both directions are followed packet by packet. What a packet of the server may show depends on where
//! in an answer it comes, because a row looks like anything: so an answer is shown only if the command
//! that it is for was, and only as long as its packets are numbered as they must be.

mod body;
mod client;
mod server;

use std::collections::VecDeque;

use super::handshake::{Capabilities, Greeting};
use super::packet::{self, HEADER, Head};
use super::{System, reply};
use crate::redact::{Kept, Way};
use crate::sql::Dialect;
use body::Body;
use server::Phase;

/// The most commands whose answers are awaited. A client of more is not followed.
const MAX_WAITING: usize = 64;

/// Both directions of a connection.
#[derive(Debug)]
pub(crate) struct Redactor {
    client: Way,
    ways: [Direction; 2],
    /// What the server's next packet is, and the number that it must have.
    phase: Phase,
    expected: u8,
    /// Commands that were not answered, by their first bytes.
    waiting: VecDeque<u8>,
    /// The client's packet goes on in the next one.
    client_continues: bool,
    server_continues: bool,
    system: Option<System>,
    /// How the server reads literals, once it said so.
    dialect: Option<Dialect>,
    /// What the server offered.
    offered: Option<Capabilities>,
    /// What both sides agreed to.
    agreed: Option<Capabilities>,
    /// Both sides were seen to agree: heads that come in parts are shown, too.
    trusted: bool,
    /// What follows is encrypted or compressed.
    ends: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Direction {
    /// Where this is is not known.
    #[default]
    Lost,
    /// A head comes, of which these bytes were read.
    Head([u8; HEADER], usize),
    /// The payload of this packet comes.
    Payload(Head),
    /// So many bytes of a payload that was cut.
    Rest(u64),
}

const NEXT: Direction = Direction::Head([0; HEADER], 0);

impl Redactor {
    /// A redactor for the connection of which these bytes came first.
    pub(crate) fn new(bytes: &[u8], way: Way) -> Self {
        let greets = greets(bytes);
        let other = match way {
            Way::In => Way::Out,
            Way::Out => Way::In,
        };
        Self {
            client: if greets { other } else { way },
            ways: if greets { [NEXT; 2] } else { [Direction::Lost; 2] },
            phase: if greets { Phase::Greeting } else { Phase::Unknown },
            expected: 0,
            waiting: VecDeque::new(),
            client_continues: false,
            server_continues: false,
            system: None,
            dialect: None,
            offered: None,
            agreed: None,
            trusted: greets,
            ends: false,
        }
    }

    /// Whether bytes are a server's greeting, or a client's text command, from end to end.
    pub(crate) fn recognises(bytes: &[u8]) -> bool {
        greets(bytes) || commands(bytes)
    }

    /// Takes the next bytes; false if the connection is not to be read any further.
    pub(crate) fn run(&mut self, way: Way, begins: bool, kept: &mut Kept<'_>) -> bool {
        let from_client = way == self.client;
        if begins && matches!(self.ways[way.index()], Direction::Lost) {
            let found = match from_client {
                true => commands(kept.bytes),
                false => self.phase == Phase::Start && answers(kept.bytes),
            };
            if found {
                self.ways[way.index()] = NEXT;
            }
        }
        let mut at = 0;
        while at < kept.bytes.len() && !self.ends {
            let here = kept.bytes.len() - at;
            match self.ways[way.index()] {
                Direction::Lost => return true,
                Direction::Rest(left) => {
                    let passed = left.min(here as u64);
                    at += passed as usize;
                    self.ways[way.index()] =
                        if left > passed { Direction::Rest(left - passed) } else { NEXT };
                }
                Direction::Head(mut bytes, had) => {
                    let more = here.min(HEADER - had);
                    for (slot, byte) in bytes.iter_mut().skip(had).zip(kept.from(at)) {
                        *slot = *byte;
                    }
                    let head = packet::head(&bytes).filter(|_| had + more == HEADER);
                    let fits = match head {
                        Some(head) => self.fits(way, head, kept.from(at + more)),
                        None => self.trusted,
                    };
                    if !fits || more < HEADER && !self.trusted {
                        self.lose(way);
                        return true;
                    }
                    kept.keep(at..at + more);
                    at += more;
                    self.ways[way.index()] =
                        head.map_or(Direction::Head(bytes, had + more), Direction::Payload);
                    self.empty(way);
                }
                Direction::Payload(head) => {
                    let length = head.length as usize;
                    let whole = here >= length;
                    let end = at + length.min(here);
                    self.ways[way.index()] =
                        if whole { NEXT } else { Direction::Rest((length - here) as u64) };
                    let body = Body { at, end, kept };
                    if from_client {
                        self.client_packet(head, body, whole);
                    } else {
                        self.server_packet(head, body, whole);
                    }
                    at = end;
                }
            }
        }
        !self.ends
    }

    /// Bytes that are not known went by.
    pub(crate) fn skip(&mut self, way: Way, length: u64) {
        let direction = &mut self.ways[way.index()];
        match *direction {
            _ if length == 0 => {}
            Direction::Rest(left) if length < left => *direction = Direction::Rest(left - length),
            Direction::Rest(left) if length == left => *direction = NEXT,
            _ => {
                self.lose(way);
                // What went by may have changed it.
                self.dialect = None;
            }
        }
    }

    /// Whether a packet with this head can come here, as far as its payload is here.
    fn fits(&self, way: Way, head: Head, follows: &[u8]) -> bool {
        let payload = follows.get(..follows.len().min(head.length as usize)).unwrap_or_default();
        let authenticates = matches!(self.phase, Phase::Authentication | Phase::Handshake);
        if way != self.client {
            let is_known = !matches!(self.phase, Phase::Unknown | Phase::Idle | Phase::Handshake);
            return is_known && (head.sequence == self.expected || authenticates);
        }
        if self.client_continues || authenticates || head.sequence != 0 {
            return self.trusted;
        }
        payload.is_empty() && self.trusted || packet::is_command(head, payload)
    }

    /// A packet without payload has none to wait for.
    fn empty(&mut self, way: Way) {
        let Direction::Payload(head) = self.ways[way.index()] else { return };
        if head.length > 0 {
            return;
        }
        self.ways[way.index()] = NEXT;
        if way == self.client {
            // The end of a long packet, or of a file.
            self.client_continues = false;
            self.expected = head.sequence.wrapping_add(1);
        } else {
            self.lose(way);
        }
    }

    fn server(&self) -> Way {
        match self.client {
            Way::In => Way::Out,
            Way::Out => Way::In,
        }
    }

    fn lose(&mut self, way: Way) {
        self.ways[way.index()] = Direction::Lost;
        self.phase = Phase::Unknown;
        self.waiting.clear();
        if way == self.client {
            self.client_continues = false;
        } else {
            self.server_continues = false;
        }
    }
}

/// Whether the bytes are a greeting.
fn greets(bytes: &[u8]) -> bool {
    packet::whole(bytes).is_some_and(|(head, payload, rest)| {
        head.sequence == 0 && rest.is_empty() && Greeting::read(payload).is_some()
    })
}

/// Whether the bytes are one command, from end to end: with a text, or with a prepared statement.
fn commands(bytes: &[u8]) -> bool {
    use packet::command::{QUERY, STMT_EXECUTE, STMT_PREPARE};
    packet::whole(bytes).is_some_and(|(head, payload, rest)| {
        let is_telling = matches!(payload.first(), Some(&(QUERY | STMT_PREPARE | STMT_EXECUTE)));
        rest.is_empty() && is_telling && packet::is_command(head, payload)
    })
}

/// Whether the bytes are whole packets of an answer, from its first on.
fn answers(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut expected = 1;
    while !rest.is_empty() {
        let Some((head, payload, after)) = packet::whole(rest) else { return false };
        let begins = expected > 1 || reply::begins(payload, head.length);
        if head.sequence != expected || !begins || expected == u8::MAX {
            return false;
        }
        expected += 1;
        rest = after;
    }
    expected > 1
}
