//! The PROXY protocol: one header before all else, by which a proxy or load balancer says whose
//! connection it passes on. It makes no exchanges; what is said behind it is detected as on any
//! connection.

mod header;

use crate::chunk::{Chunk, Moment, Side};
use crate::detect::{Evidence, Opening, Protocol};
use crate::dissector::{Capture, Dissector, Ending, Handover, Output};
use crate::window::Window;
use header::{Header, header};

/// The longest header that is waited for, in bytes. One of version 2 could have 65,551; what clouds add to
/// addresses are certificates' names and numbers.
const LONGEST: usize = 16 * 1024;
const HEADS: Capture = Capture::Heads { client: 64 * 1024, server: 64 * 1024 };

/// Detection's entry.
pub static PROTOCOL: Protocol =
    Protocol { name: "proxy", detect, dissector: |_| Box::new(Proxy::default()), ports: &[] };

/// Only at the very start of a connection, and before the server has said anything.
fn detect(opening: &Opening<'_>) -> Evidence {
    if opening.datagram || !opening.client_from_start {
        return Evidence::No;
    }
    match header(opening.client) {
        Header::Alien => Evidence::No,
        Header::More { certain: false } => Evidence::NeedMore,
        Header::More { certain: true } | Header::Whole { .. } => Evidence::Certain,
    }
}

/// Reads the header.
#[derive(Debug, Default)]
struct Proxy {
    client: Window,
}

impl Dissector for Proxy {
    fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        // Who waits for the header has nothing to say before it.
        if chunk.side == Side::Server {
            out.handover = Some(Handover::NotMine);
            return;
        }
        self.client.push(chunk);
        match header(self.client.bytes()) {
            Header::Whole { length, client } => {
                out.client = client;
                let behind = self.client.position().saturating_add(length as u64);
                out.handover = Some(Handover::Detect { client: behind, server: 0 });
            }
            Header::More { .. } if self.client.hole() == 0 && self.client.len() <= LONGEST => {
                out.capture = Some(HEADS);
            }
            Header::More { .. } | Header::Alien => out.handover = Some(Handover::Opaque("proxy")),
        }
    }

    fn held(&self) -> usize {
        self.client.held()
    }

    fn half_closed(&mut self, _side: Side, _at: Moment, _out: &mut Output) {}

    fn closed(&mut self, _ending: Ending, _at: Moment, _out: &mut Output) {}
}

#[cfg(test)]
mod tests;
