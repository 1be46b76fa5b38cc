//! What the tables of connections and flows share.

use std::net::SocketAddr;

use onlooker_protocol::Side;

use crate::count::Counters;
use crate::event::ConnectionId;
use crate::tcp::connection::Listener;

/// Registered and privileged ports are below this number (the default of
/// `net.ipv4.ip_local_port_range` begins here).
const FIRST_EPHEMERAL_PORT: u16 = 32_768;

/// What a table needs to take a packet.
pub(crate) struct Context<'a, 'b> {
    pub(crate) counters: &'a mut Counters,
    pub(crate) next_id: &'a mut u64,
    /// Time of the frame, or of the last one if the capture is over.
    pub(crate) time: u64,
    /// Where the packet was captured, as far as that is known: interface, direction, tunnels.
    pub(crate) vantage: u64,
    pub(crate) listener: &'a mut Listener<'b>,
}

impl Context<'_, '_> {
    /// A name for what was not seen before.
    pub(crate) fn new_id(&mut self) -> ConnectionId {
        let id = ConnectionId(*self.next_id);
        *self.next_id += 1;
        self.counters.connections += 1;
        id
    }
}

/// Both ends, the smaller address first: the same for both directions.
pub(crate) type Ends = (SocketAddr, SocketAddr);

pub(crate) fn ends(one: SocketAddr, other: SocketAddr) -> Ends {
    (one.min(other), one.max(other))
}

pub(crate) fn side(client: SocketAddr, source: SocketAddr) -> Side {
    if client == source { Side::Client } else { Side::Server }
}

/// Whether what goes from `source` to `destination` at one place can be what goes between `others` at
/// another: a translation of addresses leaves one end, or both ports, as they are.
pub(crate) fn is_translation(
    (source, destination): (SocketAddr, SocketAddr),
    others: (SocketAddr, SocketAddr),
) -> bool {
    let moved = source.ip() != others.0.ip() || destination.ip() != others.1.ip();
    let kept = source == others.0 || destination == others.1;
    let ports = (source.port(), destination.port()) == (others.0.port(), others.1.port());
    moved && (kept || ports)
}

/// The value that an eighth of the values (one at least) do not exceed.
pub(crate) fn eighth(mut values: Vec<u64>) -> u64 {
    let index = (values.len() / 8).min(values.len().saturating_sub(1));
    if values.is_empty() { 0 } else { *values.select_nth_unstable(index).1 }
}

/// Without a handshake: the end with an ephemeral port is the client; if both or none have one,
/// the one with a port that needs no privilege; else the one that was seen speaking first.
pub(crate) fn guess_client(first: SocketAddr, second: SocketAddr) -> SocketAddr {
    for border in [FIRST_EPHEMERAL_PORT, 1024] {
        match (first.port() >= border, second.port() >= border) {
            (true, false) => return first,
            (false, true) => return second,
            _ => {}
        }
    }
    first
}
