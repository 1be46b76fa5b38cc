//! Conversations, by RFC 9112 and RFC 9110.

mod bodies;
mod footing;
mod framing;
mod hands;
mod heads;
mod oracle;
mod random;
mod talk;
