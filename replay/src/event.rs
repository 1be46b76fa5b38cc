//! What comes out of a capture.

use std::net::SocketAddr;

use onlooker_protocol::Side;

/// Names one connection within one replay; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// What carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A byte stream each way.
    Tcp,
    /// Datagrams between two addresses.
    Udp,
}

impl Transport {
    /// The value of `network.transport`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// How it is known which end is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The connection's SYN or SYN-ACK is in the capture: certain, and both streams are read from
    /// their first bytes.
    Handshake,
    /// Concluded from the ports, or from who spoke first. May be the wrong way round.
    Guessed,
}

/// A connection, or the first datagram between two addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its name in all further events.
    pub id: ConnectionId,
    /// TCP or UDP.
    pub transport: Transport,
    /// The end that opened it.
    pub client: SocketAddr,
    /// The other one.
    pub server: SocketAddr,
    /// How that is known.
    pub role: Role,
    /// Nanoseconds since 1970 (UTC).
    pub time: u64,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Both sides sent a FIN.
    Fin,
    /// One side sent a RST.
    Reset,
    /// A new connection between the same addresses and ports began; this one's end was not seen.
    Replaced,
    /// The table of connections was full and this one the longest idle, or datagrams stopped
    /// coming.
    Forgotten,
    /// The capture ended first.
    Capture,
}

/// Why a connection did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailedConnect {
    /// A reset answered the SYN.
    Refused,
    /// Nothing answered for a second or more, as far as the capture goes.
    Unanswered,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A connection's first packet.
    Opened(Opened),
    /// Bytes of one direction. In order and without overlap: each event of a side but the first
    /// begins where the one before ended, missing bytes included.
    Data {
        /// The connection.
        id: ConnectionId,
        /// Who sent them.
        side: Side,
        /// Offset of the first byte in its stream. Counts from the connection's first byte after a
        /// handshake, else from an arbitrary one.
        position: u64,
        /// What was captured; may be empty.
        bytes: &'a [u8],
        /// How many bytes follow that were sent but are not in the capture.
        missing: u64,
        /// When the bytes could be read by the receiver, as far as the capture shows (those behind
        /// a gap: when the gap was filled). Nanoseconds since 1970 (UTC).
        time: u64,
    },
    /// One UDP datagram.
    Datagram {
        /// The flow.
        id: ConnectionId,
        /// Who sent it.
        side: Side,
        /// The payload as far as captured.
        bytes: &'a [u8],
        /// How many bytes of it were cut off by the capture's snap length.
        missing: u64,
        /// Nanoseconds since 1970 (UTC).
        time: u64,
    },
    /// A connect failed.
    ConnectFailed {
        /// Who wanted the connection.
        client: SocketAddr,
        /// With whom.
        server: SocketAddr,
        /// Why it failed.
        why: FailedConnect,
        /// When that was seen. Nanoseconds since 1970 (UTC).
        time: u64,
    },
    /// One side sends nothing more (its FIN, with all bytes before it delivered).
    HalfClosed {
        /// The connection.
        id: ConnectionId,
        /// Who is done.
        side: Side,
        /// Nanoseconds since 1970 (UTC).
        time: u64,
    },
    /// The connection is over. The last event of its id.
    Closed {
        /// The connection.
        id: ConnectionId,
        /// Why.
        end: End,
        /// Nanoseconds since 1970 (UTC).
        time: u64,
    },
}
