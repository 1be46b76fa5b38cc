//! Which protocol a connection speaks.
//!
//! Every protocol has one [`Protocol`] entry in [`PROTOCOLS`]; there is no other list. The order
//! of the list decides nothing: all entries are asked, and a connection is taken only when exactly
//! one is the surest. Ports break ties between equally likely ones and do nothing else.

use crate::dissector::Dissector;

/// How sure a protocol is that a connection is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// These bytes cannot be this protocol.
    No,
    /// Too little was seen. Nothing contradicts.
    NeedMore,
    /// Both sides fit, or one side fits in a way that few protocols would.
    Likely,
    /// A signature that no other protocol has, or both sides in agreement.
    Certain,
}

/// The first bytes of a connection, or the bytes at the first turn seen of an older one. By default
/// nothing was seen, and nothing is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opening<'a> {
    /// What the client sent (a contiguous run; empty if nothing was seen yet).
    pub client: &'a [u8],
    /// What the server sent.
    pub server: &'a [u8],
    /// `client` starts at the first byte of the connection.
    pub client_from_start: bool,
    /// `server` starts at the first byte of the connection.
    pub server_from_start: bool,
    /// UDP: each side holds one datagram.
    pub datagram: bool,
    /// Which side is the client's is known for certain, by who listens or who opened the connection.
    pub sides_known: bool,
}

/// A protocol that detection knows.
pub struct Protocol {
    /// The name in reports and `onlooker doctor` (`http/1`, `postgresql`).
    pub name: &'static str,
    /// Judges an opening.
    pub detect: fn(&Opening<'_>) -> Evidence,
    /// Makes a dissector; the flag says that the connection is read from its first byte.
    pub dissector: fn(from_start: bool) -> Box<dyn Dissector>,
    /// Registered ports, for ties.
    pub ports: &'static [u16],
}

/// Every protocol there is.
pub static PROTOCOLS: &[&Protocol] = &[
    &crate::amqp::PROTOCOL,
    &crate::dns::PROTOCOL,
    &crate::fastcgi::PROTOCOL,
    &crate::http1::PROTOCOL,
    &crate::http2::PROTOCOL,
    &crate::kafka::PROTOCOL,
    &crate::mysql::PROTOCOL,
    &crate::postgresql::PROTOCOL,
    &crate::proxy::PROTOCOL,
    &crate::redis::PROTOCOL,
    &crate::socks::PROTOCOL,
    &crate::tls::PROTOCOL,
];

/// What detection says of an opening.
#[derive(Clone, Copy)]
pub enum Verdict {
    /// This protocol, on this evidence.
    Found(&'static Protocol, Evidence),
    /// Wait for more bytes.
    NeedMore,
    /// No protocol of ours.
    Unknown,
}

/// Asks every protocol. `port` is the server's.
///
/// A `Certain` protocol wins at once if it is the only one. A `Likely` one wins when it is the
/// only one that is not excluded, or when its port says so; else detection waits.
#[must_use]
pub fn decide(opening: &Opening<'_>, port: u16) -> Verdict {
    let mut best: Option<(&'static Protocol, Evidence)> = None;
    let mut tied = false;
    let mut waiting = false;
    for protocol in PROTOCOLS {
        match (protocol.detect)(opening) {
            Evidence::No => {}
            Evidence::NeedMore => waiting = true,
            evidence => match best {
                Some((other, known)) if known == evidence => {
                    let (mine, theirs) =
                        (protocol.ports.contains(&port), other.ports.contains(&port));
                    if mine && !theirs {
                        best = Some((protocol, evidence));
                    }
                    tied = mine == theirs;
                }
                Some((_, known)) if known > evidence => {}
                _ => {
                    best = Some((protocol, evidence));
                    tied = false;
                }
            },
        }
    }
    match best {
        Some((protocol, Evidence::Certain)) if !tied => Verdict::Found(protocol, Evidence::Certain),
        Some((protocol, Evidence::Likely))
            if !tied && (!waiting || protocol.ports.contains(&port)) =>
        {
            Verdict::Found(protocol, Evidence::Likely)
        }
        Some(_) => Verdict::NeedMore,
        None if waiting => Verdict::NeedMore,
        None => Verdict::Unknown,
    }
}
