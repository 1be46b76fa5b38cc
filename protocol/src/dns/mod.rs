//! DNS lookups over UDP and TCP.
//!
//! Sources of fact: RFC 1035 (messages), RFC 7766 (TCP), RFC 6891 (EDNS), RFC 2181 §11 (names are
//! any bytes). Only standard queries with one question are lookups; notifications, updates and
//! zone maintenance are read over. Multicast DNS (RFC 6762) and LLMNR (RFC 4795) have the same
//! format and other rules, and are not taken.
//!
//! A query and its response have the same id and question. A query that is sent again before the
//! response is the same lookup (stub resolvers retry so), and is counted.
//!
//! Reading order: [`dissector`], [`message`], [`name`], [`code`], [`detect`].

use std::net::IpAddr;

use crate::detect::Protocol;

mod code;
mod detect;
mod dissector;
mod message;
mod name;
pub(crate) mod redact;

#[cfg(test)]
mod tests;

pub use code::{RecordType, ResponseCode};

/// DNS in the list of protocols.
pub static PROTOCOL: Protocol = Protocol {
    name: "dns",
    detect: detect::detect,
    dissector: |from_start| Box::new(dissector::Dns::new(from_start)),
    ports: &[53],
};

/// Facts of one lookup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsFacts {
    /// The name asked for, as sent and without the last dot (the root is `.`). Bytes that are not
    /// printable, and dots and backslashes within a label, are escaped as in zone files
    /// (RFC 1035 §5.1).
    pub name: Box<str>,
    /// The type asked for.
    pub record_type: RecordType,
    /// How the lookup ended; `None` without a response.
    pub response_code: Option<ResponseCode>,
    /// The addresses among the answers, in order; at most 64.
    pub addresses: Vec<IpAddr>,
    /// The response was cut to fit a datagram: the client has to ask again over TCP.
    pub is_truncated: bool,
    /// How often the query was sent again.
    pub resends: u32,
}
