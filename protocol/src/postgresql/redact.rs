//! What may leave of PostgreSQL: messages without values.
//!
//! A message is taken apart only if it is whole in one record. Of one that is cut its head stays,
//! and of a cut statement what was read up to the cut.

use super::message::{self, HEADER, Head, Opening};
use crate::redact::{Kept, Way, all};
use crate::sql::{Dialect, mask};

/// Whether `standard_conforming_strings` is on is not always known: what is a literal in either
/// mode is one.
const DIALECTS: [Dialect; 2] = [Dialect::Postgresql, Dialect::PostgresqlBackslash];
/// The longest name of a statement or portal that is shown, in bytes.
const LONGEST_NAME: usize = 63;

/// Both directions of a connection.
#[derive(Debug)]
pub(crate) struct Redactor {
    client: Way,
    ways: [Direction; 2],
    /// The client asked for encryption; the server's next byte answers.
    encryption: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Direction {
    /// Where this is is not known. The first bytes of a call may begin messages.
    #[default]
    Lost,
    /// The client's first packet comes.
    Opening,
    /// A head comes, of which these bytes were read.
    Head([u8; HEADER], usize),
    /// So many bytes of a message that was cut.
    Rest(u64),
}

const NEXT: Direction = Direction::Head([0; HEADER], 0);

impl Redactor {
    /// A redactor for the connection whose client's bytes, which went this way, were recognised.
    pub(crate) fn new(client: Way) -> Self {
        Self { client, ways: [Direction::Lost; 2], encryption: false }
    }

    /// Whether the bytes begin as a client does: with its first packet, or with whole requests.
    pub(crate) fn recognises(bytes: &[u8]) -> bool {
        opens(bytes) || message::requests(bytes).is_some_and(|whole| whole > 0)
    }

    /// Takes the next bytes; false if the connection is not to be read any further.
    pub(crate) fn run(&mut self, way: Way, begins: bool, kept: &mut Kept<'_>) -> bool {
        let from_client = way == self.client;
        if matches!(self.ways[way.index()], Direction::Lost) {
            let found = match (begins, from_client) {
                (true, true) if opens(kept.bytes) => Some(Direction::Opening),
                (true, true) if Self::recognises(kept.bytes) => Some(NEXT),
                (true, false) if self.encryption || answers(kept.bytes) => Some(NEXT),
                _ => None,
            };
            let Some(found) = found else { return true };
            self.ways[way.index()] = found;
        }
        if !from_client && std::mem::take(&mut self.encryption) {
            // `N`: it goes on in the clear. Else what follows is encrypted.
            if kept.bytes != b"N" {
                return false;
            }
            kept.keep(0..1);
            return true;
        }
        let mut at = 0;
        while at < kept.bytes.len() {
            let next = match self.ways[way.index()] {
                Direction::Lost => return true,
                Direction::Opening => match self.opening(kept) {
                    Some(next) => next,
                    None => return false,
                },
                Direction::Rest(left) => {
                    let here = left.min((kept.bytes.len() - at) as u64);
                    at += here as usize;
                    self.ways[way.index()] =
                        if left > here { Direction::Rest(left - here) } else { NEXT };
                    continue;
                }
                Direction::Head(..) => {
                    at = self.message(way, at, kept);
                    continue;
                }
            };
            at = next;
        }
        true
    }

    /// Bytes that are not known went by.
    pub(crate) fn skip(&mut self, way: Way, length: u64) {
        let direction = &mut self.ways[way.index()];
        *direction = match *direction {
            same if length == 0 => same,
            Direction::Rest(left) if length < left => Direction::Rest(left - length),
            Direction::Rest(left) if length == left => NEXT,
            _ => Direction::Lost,
        };
    }

    /// The client's first packet; where the next begins, or `None` if there is none to be read.
    fn opening(&mut self, kept: &mut Kept<'_>) -> Option<usize> {
        let direction = &mut self.ways[self.client.index()];
        *direction = NEXT;
        let (opening, total) = message::opening(kept.bytes).ok()??;
        match opening {
            Opening::Ssl | Opening::Gss => {
                kept.keep(0..8);
                *direction = Direction::Opening;
                self.encryption = true;
                // Nothing is sent before the answer.
                (kept.bytes.len() == total).then_some(total)
            }
            Opening::Cancel => {
                kept.keep(0..8);
                None
            }
            Opening::Startup { .. } => {
                kept.keep(0..8);
                let mut at = 8;
                while let Some((name, value)) = pair(kept.from(at)) {
                    kept.keep(at..at + name.len() + 1);
                    let start = at + name.len() + 1;
                    if name == b"database" {
                        kept.keep(start..start + value.len());
                    }
                    kept.keep(start + value.len()..start + value.len() + 1);
                    at = start + value.len() + 1;
                }
                kept.keep(total.saturating_sub(1)..total);
                Some(total)
            }
        }
    }

    /// A message, of which bytes of the head may have come before; where the next begins.
    fn message(&mut self, way: Way, at: usize, kept: &mut Kept<'_>) -> usize {
        let from_client = way == self.client;
        let Direction::Head(mut bytes, had) = self.ways[way.index()] else { return at };
        let new = kept.from(at);
        let more = new.len().min(HEADER - had);
        for (slot, byte) in bytes.iter_mut().skip(had).zip(new) {
            *slot = *byte;
        }
        let is_valid = if from_client { message::is_client } else { message::is_server };
        if had + more < HEADER {
            self.ways[way.index()] = Direction::Head(bytes, had + more);
            // What a message can begin with.
            let kinds = if from_client { CLIENT_KINDS } else { SERVER_KINDS };
            if kinds.contains(&bytes[0]) {
                kept.keep(at..at + more);
            } else {
                self.ways[way.index()] = Direction::Lost;
            }
            return at + more;
        }
        let Some(head) = message::head(&bytes).filter(|head| is_valid(*head)) else {
            self.ways[way.index()] = Direction::Lost;
            return kept.bytes.len();
        };
        kept.keep(at..at + more);
        let start = at + more;
        let length = head.total.saturating_sub(HEADER as u64);
        let here = kept.from(start).len();
        if length > here as u64 {
            if from_client && more == HEADER {
                cut_statement(head, start, here, kept);
            }
            self.ways[way.index()] = Direction::Rest(length - here as u64);
            return kept.bytes.len();
        }
        let length = length as usize;
        let mut body = Body { at: start, end: start + length, kept };
        if from_client {
            // What cannot be read further stays masked.
            let _ = client_message(head, &mut body);
        } else {
            let _ = server_message(head, &mut body);
        }
        self.ways[way.index()] = NEXT;
        start + length
    }
}

const CLIENT_KINDS: &[u8] = b"QPBEDCSHXcfFdp";
const SERVER_KINDS: &[u8] = b"123nsIcZKRSCATtGHWDVENdv";

/// Whether the bytes are a client's first packet.
fn opens(bytes: &[u8]) -> bool {
    matches!(message::opening(bytes), Ok(Some((_, total))) if total <= bytes.len())
}

/// Whether the bytes begin as a server's answer does, with a whole message at least.
fn answers(bytes: &[u8]) -> bool {
    message::chain(bytes, message::is_server).is_some_and(|whole| whole > 0)
}

/// A name and a value of the start-up packet.
fn pair(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = message::cstring(bytes)?;
    let is_name = |byte: u8| byte.is_ascii_alphabetic() || b"_.".contains(&byte);
    let (value, _) = message::cstring(rest)?;
    all(name, LONGEST_NAME, is_name).then_some((name, value))
}

fn cut_statement(head: Head, start: usize, here: usize, kept: &mut Kept<'_>) {
    let statement = match head.kind {
        b'Q' => start,
        b'P' => {
            let body = kept.from(start);
            let Some((name, _)) = message::cstring(body.get(..here).unwrap_or(body)) else {
                return;
            };
            let mut body = Body { at: start, end: start + here, kept };
            if body.name().is_none() {
                return;
            }
            start + name.len() + 1
        }
        _ => return,
    };
    let length = (start + here).saturating_sub(statement);
    let text = kept.from(statement);
    let text = text.get(..length).unwrap_or(text);
    let length = text.iter().position(|&byte| byte == 0).unwrap_or(length);
    mask::keep(statement, length, &DIALECTS, kept);
}

/// The body of a whole message, being walked over.
struct Body<'a, 'b> {
    at: usize,
    end: usize,
    kept: &'a mut Kept<'b>,
}

impl<'b> Body<'_, 'b> {
    fn rest(&self) -> &'b [u8] {
        let length = self.end.saturating_sub(self.at);
        let rest = self.kept.from(self.at);
        rest.get(..length).unwrap_or(rest)
    }

    /// Shows so many bytes.
    fn keep(&mut self, length: usize) -> Option<&'b [u8]> {
        let bytes = self.rest().get(..length)?;
        self.kept.keep(self.at..self.at + length);
        self.at += length;
        Some(bytes)
    }

    /// Masks so many bytes.
    fn hide(&mut self, length: usize) -> Option<()> {
        self.rest().get(..length)?;
        self.at += length;
        Some(())
    }

    fn keep_rest(&mut self) -> Option<()> {
        self.keep(self.rest().len()).map(|_| ())
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.keep(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.keep(4)?.try_into().ok()?))
    }

    /// A text with its zero byte, shown if it is made so.
    fn text(&mut self, shows: impl Fn(&[u8]) -> bool) -> Option<&'b [u8]> {
        let (text, _) = message::cstring(self.rest())?;
        if shows(text) {
            self.keep(text.len()).map(|_| ())?
        } else {
            self.hide(text.len())?
        }
        self.keep(1)?;
        Some(text)
    }

    /// The name of a statement or a portal, which drivers make up.
    fn name(&mut self) -> Option<()> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        self.text(|name| all(name, LONGEST_NAME, is_name)).map(|_| ())
    }

    /// Values with their lengths; -1 is NULL.
    fn values(&mut self) -> Option<()> {
        for _ in 0..self.u16()? {
            match self.u32()? {
                u32::MAX => {}
                length => self.hide(usize::try_from(length).ok()?)?,
            }
        }
        Some(())
    }
}

/// <https://www.postgresql.org/docs/current/protocol-message-formats.html>
fn client_message(head: Head, body: &mut Body<'_, '_>) -> Option<()> {
    match head.kind {
        b'Q' => {
            let (text, _) = message::cstring(body.rest())?;
            mask::keep(body.at, text.len(), &DIALECTS, body.kept);
            body.at += text.len();
            body.keep_rest()
        }
        b'P' => {
            body.name()?;
            let (text, _) = message::cstring(body.rest())?;
            mask::keep(body.at, text.len(), &DIALECTS, body.kept);
            body.at += text.len();
            // Types of parameters.
            body.keep_rest()
        }
        b'B' => {
            body.name()?;
            body.name()?;
            let formats = body.u16()?;
            body.keep(2 * usize::from(formats))?;
            body.values()?;
            body.keep_rest()
        }
        b'E' => {
            body.name()?;
            body.keep_rest()
        }
        b'C' | b'D' => {
            body.keep(1)?;
            body.name()
        }
        _ => None,
    }
}

fn server_message(head: Head, body: &mut Body<'_, '_>) -> Option<()> {
    match head.kind {
        b'Z' => body.keep_rest(),
        // Of authentication its kind, and no salt.
        b'R' | b'v' => body.keep(4).map(|_| ()),
        b'S' => {
            let is_name = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
            body.text(|name| all(name, LONGEST_NAME, is_name))?;
            body.text(|value| matches!(value, b"on" | b"off")).map(|_| ())
        }
        b'T' => {
            for _ in 0..body.u16()? {
                body.text(|_| false)?;
                // Table, column, type, its size and modifier, format.
                body.keep(18)?;
            }
            Some(())
        }
        b't' | b'G' | b'H' | b'W' => body.keep_rest(),
        b'D' => body.values(),
        b'C' => {
            let is_tag =
                |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ';
            body.text(|tag| all(tag, 64, is_tag)).map(|_| ())
        }
        b'E' | b'N' => loop {
            let kind = body.keep(1)?;
            let is_code = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            match kind {
                [0] => return Some(()),
                [b'C' | b'V' | b'S'] => body.text(|value| all(value, 8, is_code))?,
                _ => body.text(|_| false)?,
            };
        },
        _ => None,
    }
}
