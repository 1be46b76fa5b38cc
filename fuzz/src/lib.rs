//! What the fuzz targets share: a connection whose every circumstance the fuzzer decides.

#![forbid(unsafe_code)]

use onlooker_pipeline::connection::Conversation;
use onlooker_protocol::detect::{Opening, PROTOCOLS, decide};
use onlooker_protocol::{Chunk, Ending, Handover, Moment, Output, Side};

/// Plays the input to a protocol's dissector and its detection.
///
/// The first byte says whether the connection is read from its first byte, and whether it is of
/// datagrams. Then come steps: a byte of circumstances, the length of the payload in two bytes
/// (little-endian) and the payload. [`seed`] writes such inputs.
///
/// # Panics
/// If the protocol does not exist, or the dissector breaks its contract.
pub fn dissect(protocol: &str, input: &[u8]) {
    let protocol = PROTOCOLS.iter().find(|known| known.name == protocol).expect("a protocol");
    let mut rest = input;
    let Some(flags) = rest.split_off_first() else { return };
    let (from_start, datagram) = (flags & 1 == 1, flags & 2 == 2);
    let mut dissector = (protocol.dissector)(from_start);
    let mut out = Output::default();
    let mut positions = [0, 0];
    let mut seen = Vec::new();
    let (mut time, mut fed) = (1, 0);
    while let Some((step, payload)) = Step::take(&mut rest) {
        let position = &mut positions[usize::from(step.side == Side::Server)];
        *position += step.gap;
        time += 10;
        let first = Moment { position: *position, start: time, end: time + 1, ..Moment::default() };
        if step.half_close {
            dissector.half_closed(step.side, first, &mut out);
        } else {
            let chunk =
                Chunk { missing: step.missing, datagram, ..Chunk::new(step.side, first, payload) };
            *position = chunk.end_position();
            dissector.feed(&chunk, &mut out);
        }
        fed += payload.len();
        let _ = dissector.open_request(*position);
        seen.append(&mut out.exchanges);
        if out.handover.take().is_some_and(|handover| handover == Handover::NotMine) {
            break;
        }
        let opening = Opening {
            client: if step.side == Side::Client { payload } else { &[] },
            server: if step.side == Side::Server { payload } else { &[] },
            client_from_start: from_start,
            server_from_start: from_start,
            datagram,
            sides_known: true,
        };
        let _ = (protocol.detect)(&opening);
        let _ = decide(&opening, 0);
    }
    let at = Moment { position: u64::MAX, start: time + 10, end: time + 11, ..Moment::default() };
    dissector.closed(Ending::Closed, at, &mut out);
    seen.append(&mut out.exchanges);

    // Each takes bytes: what comes of nothing was invented.
    assert!(seen.len() <= fed, "{} exchanges of {fed} bytes", seen.len());
    for exchange in &seen {
        let request = exchange.request;
        assert!(request.first.position <= request.last.position, "{exchange:?}");
        assert!(request.first.start <= request.last.start, "{exchange:?}");
        if let Some(response) = exchange.response {
            assert!(response.first.position <= response.last.position, "{exchange:?}");
            assert!(response.first.start <= response.last.start, "{exchange:?}");
        }
    }
}

/// Plays the input to the pipeline's reader of conversations, which detects and hands over. The
/// first byte says what is known of the sides and starts; the next two are the server's port.
pub fn converse(input: &[u8]) {
    let [flags, low, high, rest @ ..] = input else { return };
    let port = u16::from_le_bytes([*low, *high]);
    let has = |bit: u8| flags & bit != 0;
    let mut conversation = Conversation::new(port, has(1), has(2), has(4));
    let datagram = has(8);
    let mut out = Output::default();
    let mut positions = [0, 0];
    let mut rest = rest;
    let (mut time, mut fed, mut found) = (1, 0, 0);
    while let Some((step, payload)) = Step::take(&mut rest) {
        let position = &mut positions[usize::from(step.side == Side::Server)];
        *position += step.gap;
        time += 10;
        let first = Moment { position: *position, start: time, end: time + 1, ..Moment::default() };
        if step.half_close {
            conversation.half_closed(step.side, first, &mut out);
        } else {
            let chunk =
                Chunk { missing: step.missing, datagram, ..Chunk::new(step.side, first, payload) };
            *position = chunk.end_position();
            conversation.feed(&chunk, &mut out);
        }
        fed += payload.len();
        found += out.exchanges.drain(..).count();
    }
    let at = Moment { position: u64::MAX, start: time + 10, end: time + 11, ..Moment::default() };
    conversation.closed(Ending::Reset, at, &mut out);
    found += out.exchanges.len();
    assert!(found <= fed, "{found} exchanges of {fed} bytes");
}

/// Adds a chunk to a seed of [`dissect`] or [`converse`].
pub fn seed(input: &mut Vec<u8>, side: Side, payload: &[u8]) {
    for piece in payload.chunks(usize::from(u16::MAX)) {
        input.push(u8::from(side == Side::Server));
        input.extend((piece.len() as u16).to_le_bytes());
        input.extend(piece);
    }
}

/// The circumstances of one chunk.
struct Step {
    side: Side,
    /// Bytes that were lost before it.
    gap: u64,
    /// Bytes of it that were not captured.
    missing: u64,
    /// Not a chunk, but the end of the direction.
    half_close: bool,
}

impl Step {
    fn take<'a>(rest: &mut &'a [u8]) -> Option<(Self, &'a [u8])> {
        let circumstances = *rest.split_off_first()?;
        let (low, high) = (*rest.split_off_first()?, *rest.split_off_first()?);
        let length = usize::from(u16::from_le_bytes([low, high]));
        let payload = rest.split_off(..length.min(rest.len()))?;
        let amounts = [0, 0, 0, 1, 7, 100, 70_000, 1 << 40];
        let step = Self {
            side: if circumstances & 1 == 0 { Side::Client } else { Side::Server },
            gap: amounts[usize::from(circumstances >> 1 & 7)],
            missing: amounts[usize::from(circumstances >> 4 & 7)],
            half_close: circumstances >> 7 == 1,
        };
        Some((step, payload))
    }
}
