//! What we find in a capture.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;

use onlooker_protocol::{Chunk, Ending, Exchange, Moment, Output, Side};
use onlooker_replay::{
    Assembler, ConnectionId, End, Event, Frame, Opened, Role, Transport, replay,
};

use crate::golden::Line;
use crate::words;
use onlooker_pipeline::connection::Conversation;

/// One connection as it was read.
struct Connection {
    opened: Opened,
    conversation: Conversation,
    /// Stream positions of both sides, for moments.
    positions: [u64; 2],
}

/// Reads a capture file the way `onlooker replay` does, up to the exchanges.
pub(crate) fn exchanges(capture: &str, path: &Path) -> Vec<Line> {
    let mut reader = Reader::new(capture);
    let input = BufReader::new(File::open(path).expect("a file"));
    replay(input, &mut |event| reader.take(&event))
        .unwrap_or_else(|error| panic!("{capture}: {error}"));
    reader.lines
}

/// Reads frames.
pub(crate) fn exchanges_of<'a>(
    capture: &str,
    frames: impl IntoIterator<Item = Frame<'a>>,
) -> Vec<Line> {
    let mut reader = Reader::new(capture);
    let mut assembler = Assembler::new();
    for frame in frames {
        assembler.frame(&frame, &mut |event| reader.take(&event));
    }
    assembler.finish(&mut |event| reader.take(&event));
    reader.lines
}

struct Reader<'a> {
    capture: &'a str,
    connections: HashMap<ConnectionId, Connection>,
    out: Output,
    lines: Vec<Line>,
}

impl<'a> Reader<'a> {
    fn new(capture: &'a str) -> Self {
        let (connections, lines) = (HashMap::new(), Vec::new());
        Self { capture, connections, out: Output::default(), lines }
    }

    fn take(&mut self, event: &Event<'_>) {
        let id = match *event {
            Event::Opened(opened) => {
                let known = opened.role == Role::Handshake;
                let is_multicast = opened.transport == Transport::Udp
                    && [opened.client, opened.server].iter().any(|it| it.ip().is_multicast());
                let conversation = if is_multicast {
                    Conversation::multicast()
                } else {
                    Conversation::new(opened.server.port(), known, known, known)
                };
                let connection = Connection { opened, conversation, positions: [0; 2] };
                self.connections.insert(opened.id, connection);
                return;
            }
            Event::ConnectFailed { .. } => return,
            Event::Data { id, .. }
            | Event::Datagram { id, .. }
            | Event::HalfClosed { id, .. }
            | Event::Closed { id, .. } => id,
        };
        let connection = self.connections.get_mut(&id).expect("opened");
        connection.take(event, &mut self.out);
        for exchange in self.out.exchanges.drain(..) {
            self.lines.extend(connection.lines(self.capture, &exchange));
        }
    }
}

impl Connection {
    fn take(&mut self, event: &Event<'_>, out: &mut Output) {
        match *event {
            Event::Opened(_) | Event::ConnectFailed { .. } => {}
            Event::Data { side, position, bytes, missing, time, .. } => {
                let first = moment(position, time);
                self.positions[usize::from(side == Side::Server)] =
                    position + bytes.len() as u64 + missing;
                self.conversation.feed(&Chunk { missing, ..Chunk::new(side, first, bytes) }, out);
            }
            Event::Datagram { side, bytes, missing, time, .. } => {
                let at = &mut self.positions[usize::from(side == Side::Server)];
                let first = moment(*at, time);
                *at += bytes.len() as u64 + missing;
                let chunk = Chunk { missing, datagram: true, ..Chunk::new(side, first, bytes) };
                self.conversation.feed(&chunk, out);
            }
            Event::HalfClosed { side, time, .. } => {
                let position = self.positions[usize::from(side == Side::Server)];
                self.conversation.half_closed(side, moment(position, time), out);
            }
            Event::Closed { end, time, .. } => {
                let ending = match end {
                    End::Fin => Ending::Closed,
                    End::Reset => Ending::Reset,
                    End::Replaced | End::Forgotten | End::Capture => Ending::Forgotten,
                };
                self.conversation.closed(ending, moment(0, time), out);
            }
        }
    }

    fn lines(&self, capture: &str, exchange: &Exchange) -> Vec<Line> {
        let from_client = (exchange.asker == Side::Client) != self.conversation.flipped();
        let Opened { client, server, .. } = self.opened;
        let (asker, answerer) = if from_client { (client, server) } else { (server, client) };
        words::of(exchange)
            .into_iter()
            .map(|(protocol, what, result)| Line {
                capture: capture.to_owned(),
                protocol: protocol.to_owned(),
                asker: name(asker),
                answerer: name(answerer),
                what,
                result,
            })
            .collect()
    }
}

fn moment(position: u64, time: u64) -> Moment {
    Moment { position, start: time, end: time, ..Moment::default() }
}

fn name(address: SocketAddr) -> String {
    address.to_string()
}
