//! HTTP/1.0 and HTTP/1.1 (RFC 1945, RFC 9112).
//!
//! `head` reads start lines and fields, `framing` decides how a body ends, `body` walks over it,
//! `requests` and `responses` read a direction each, and `conversation` pairs them. Bodies are
//! never kept, but for the few bytes that [`crate::http`] asks for to tell the API behind.

mod body;
mod conversation;
mod detect;
mod dissector;
mod fields;
mod framing;
mod head;
mod lines;
mod message;
pub(crate) mod redact;
mod requests;
mod responses;
mod scan;

#[cfg(test)]
mod tests;

use crate::detect::Protocol;

pub use dissector::Http1;
pub(crate) use redact::Redactor;

/// Detection's entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "http/1",
    detect: detect::detect,
    dissector: |from_start| Box::new(Http1::new(from_start)),
    ports: &[80, 591, 8008, 8080],
};
