//! SOCKS 4, 4A and 5 (RFC 1928, 1929; SOCKS.protocol and socks4a.protocol of NEC): the handshake
//! before a connection that a proxy passes on. It makes no exchanges; what is said behind it is
//! detected as on any connection.

mod handshake;

use crate::chunk::{Chunk, Moment, Side};
use crate::detect::{Evidence, Opening, Protocol};
use crate::dissector::{Capture, Dissector, Ending, Handover, Output};
use crate::window::Window;
use handshake::{Course, course};

/// The longest handshake of one side that is waited for, in bytes: user name and password (RFC
/// 1929), a host name, and what goes with them come to less than 800.
const LONGEST: usize = 1024;
const HEADS: Capture = Capture::Heads { client: LONGEST as u32, server: LONGEST as u32 };

/// Detection's entry.
pub static PROTOCOL: Protocol =
    Protocol { name: "socks", detect, dissector: |_| Box::new(Socks::default()), ports: &[1080] };

/// Only a handshake that is seen from its start, and that the server goes along with.
fn detect(opening: &Opening<'_>) -> Evidence {
    if opening.datagram || !opening.client_from_start || !opening.server_from_start {
        return Evidence::No;
    }
    match course(opening.client, opening.server) {
        Course::Alien => Evidence::No,
        Course::More { agreed: false } => Evidence::NeedMore,
        Course::More { agreed: true } | Course::Open { .. } | Course::Over => Evidence::Certain,
    }
}

/// Reads the handshake.
#[derive(Debug, Default)]
struct Socks {
    client: Window,
    server: Window,
}

impl Dissector for Socks {
    fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        let window = match chunk.side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        window.push(chunk);
        let course = match [&self.client, &self.server].iter().any(|window| window.hole() > 0) {
            true => Course::Over,
            false => course(self.client.bytes(), self.server.bytes()),
        };
        match course {
            Course::Open { client, server } => {
                // What a side said before the other had opened the way is not given out again.
                let early = match chunk.side {
                    Side::Client => self.server.len() > server,
                    Side::Server => self.client.len() > client,
                };
                out.handover = Some(if early {
                    Handover::Opaque("socks")
                } else {
                    let client = self.client.position().saturating_add(client as u64);
                    let server = self.server.position().saturating_add(server as u64);
                    Handover::Detect { client, server }
                });
            }
            Course::More { .. } if self.client.len().max(self.server.len()) <= LONGEST => {
                out.capture = Some(HEADS);
            }
            Course::More { .. } | Course::Over | Course::Alien => {
                out.handover = Some(Handover::Opaque("socks"));
            }
        }
    }

    fn half_closed(&mut self, _side: Side, _at: Moment, _out: &mut Output) {}

    fn held(&self) -> usize {
        self.client.held() + self.server.held()
    }

    fn closed(&mut self, _ending: Ending, _at: Moment, _out: &mut Output) {}
}

#[cfg(test)]
mod tests;
