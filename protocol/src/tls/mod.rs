//! TLS (RFC 8446, RFC 5246): recognised, so that encrypted connections are counted with their
//! reason and cost nothing further. What is inside comes from the probes on TLS libraries.

mod record;

use crate::chunk::{Chunk, Moment, Side};
use crate::detect::{Evidence, Opening, Protocol};
use crate::dissector::{Capture, Dissector, Ending, Handover, Output};
use record::{Fit, fit};

/// Detection's entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "tls",
    detect,
    dissector: |_| Box::new(Tls),
    ports: &[443, 465, 563, 636, 853, 989, 990, 992, 993, 995, 5671, 6697, 8443, 8883],
};

/// A hello is a signature of its own; in the middle of a connection, records of both sides are.
/// One side's record headers fit by chance once in many millions of openings.
fn detect(opening: &Opening<'_>) -> Evidence {
    if opening.datagram {
        return Evidence::No;
    }
    let client = fit(opening.client, Side::Client, opening.client_from_start);
    let server = fit(opening.server, Side::Server, opening.server_from_start);
    match (client, server) {
        (Fit::No, _) | (_, Fit::No) => Evidence::No,
        (Fit::Hello, _) | (_, Fit::Hello) | (Fit::Records, Fit::Records) => Evidence::Certain,
        (Fit::Records, _) | (_, Fit::Records) => Evidence::Likely,
        (Fit::Unknown, Fit::Unknown) => Evidence::NeedMore,
    }
}

/// Gives the connection up at once: nothing in it can be read.
struct Tls;

impl Dissector for Tls {
    fn feed(&mut self, _chunk: &Chunk<'_>, out: &mut Output) {
        out.capture = Some(Capture::Mute);
        out.handover = Some(Handover::Opaque("tls"));
    }

    fn half_closed(&mut self, _side: Side, _at: Moment, _out: &mut Output) {}

    fn held(&self) -> usize {
        0
    }

    fn closed(&mut self, _ending: Ending, _at: Moment, _out: &mut Output) {}
}

#[cfg(test)]
mod tests;
