//! What may leave of HTTP/2: frames without contents, and fields as HTTP/1's.
//!
//! Only a connection that is seen from its start is read, as the state of HPACK is not known later on; and
//! only as long as nothing but contents of DATA is missing of it.

use super::frame::{self, HEADER, Header, Kind, PREFACE};
use super::hpack::{self, Decoder};
use crate::http::Method;
use crate::http1;
use crate::redact::{Kept, Way, all};

/// The longest name of a field that is shown, in bytes.
const LONGEST_NAME: usize = 48;
/// The longest frame that is believed, in bytes. Peers seldom allow more than the first 16 KiB.
const LONGEST_FRAME: usize = 1 << 20;

/// The longest settings: more than twice as many as there are, of six bytes each.
const LONGEST_SETTINGS: usize = 96;

/// Both directions of a connection.
#[derive(Debug)]
pub(crate) struct Redactor {
    client: Way,
    ways: [Direction; 2],
    fields: [Decoder; 2],
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    /// The client's preface comes, of which so many bytes were read.
    Preface(usize),
    /// A head comes, of which these bytes were read.
    Head([u8; HEADER], usize),
    /// The payload of this frame comes.
    Payload(Header),
    /// So many bytes of contents.
    Rest(usize),
}

const NEXT: Direction = Direction::Head([0; HEADER], 0);

impl Redactor {
    /// A redactor for the connection of which these bytes came first.
    pub(crate) fn new(bytes: &[u8], way: Way) -> Self {
        let is_client = bytes.starts_with(PREFACE);
        let client = match (is_client, way) {
            (true, way) => way,
            (false, Way::In) => Way::Out,
            (false, Way::Out) => Way::In,
        };
        let mut ways = [NEXT; 2];
        ways[client.index()] = Direction::Preface(0);
        Self { client, ways, fields: [Decoder::from_start(), Decoder::from_start()] }
    }

    /// Whether the bytes begin as a client does, or a server that speaks first.
    pub(crate) fn recognises(bytes: &[u8]) -> bool {
        bytes.starts_with(PREFACE) || settings(bytes)
    }

    /// Takes the next bytes; false if the connection is not to be read any further.
    pub(crate) fn run(&mut self, way: Way, kept: &mut Kept<'_>) -> bool {
        let mut at = 0;
        while at < kept.bytes.len() {
            let here = kept.bytes.len() - at;
            let next = match self.ways[way.index()] {
                Direction::Preface(had) => {
                    let rest = PREFACE.get(had..).unwrap_or_default();
                    let more = rest.len().min(here);
                    if way != self.client || kept.from(at).get(..more) != rest.get(..more) {
                        return false;
                    }
                    kept.keep(at..at + more);
                    at += more;
                    if more == rest.len() { NEXT } else { Direction::Preface(had + more) }
                }
                Direction::Rest(left) => {
                    let passed = left.min(here);
                    at += passed;
                    if left > passed { Direction::Rest(left - passed) } else { NEXT }
                }
                Direction::Head(mut bytes, had) => {
                    let more = here.min(HEADER - had);
                    for (slot, byte) in bytes.iter_mut().skip(had).zip(kept.from(at)) {
                        *slot = *byte;
                    }
                    let head = Header::parse(&bytes).filter(|_| had + more == HEADER);
                    if head.is_some_and(|head| !fits(head)) {
                        return false;
                    }
                    kept.keep(at..at + more);
                    at += more;
                    match head {
                        Some(head) if head.length == 0 => NEXT,
                        Some(head) => Direction::Payload(head),
                        None => Direction::Head(bytes, had + more),
                    }
                }
                Direction::Payload(head) => {
                    let length = head.length.min(here);
                    let is_contents = matches!(head.kind, Kind::Data | Kind::Other(_));
                    let is_whole = length == head.length;
                    if !is_whole && !is_contents || !self.payload(way, head, is_whole, at, kept) {
                        return false;
                    }
                    at += length;
                    if is_whole { NEXT } else { Direction::Rest(head.length - length) }
                }
            };
            self.ways[way.index()] = next;
        }
        true
    }

    /// Bytes that are not known went by; false if the connection is not to be read any further.
    pub(crate) fn skip(&mut self, way: Way, length: u64) -> bool {
        let left = match self.ways[way.index()] {
            _ if length == 0 => return true,
            Direction::Rest(left) => left,
            Direction::Payload(head) if head.kind == Kind::Data => head.length,
            _ => return false,
        };
        match usize::try_from(length).ok().and_then(|length| left.checked_sub(length)) {
            Some(0) => self.ways[way.index()] = NEXT,
            Some(left) => self.ways[way.index()] = Direction::Rest(left),
            None => return false,
        }
        true
    }

    /// Shows what may be shown of a payload; false if it cannot be read.
    fn payload(
        &mut self,
        way: Way,
        head: Header,
        is_whole: bool,
        at: usize,
        kept: &mut Kept<'_>,
    ) -> bool {
        let end = at + head.length;
        let bytes = kept.from(at);
        let bytes = bytes.get(..head.length.min(bytes.len())).unwrap_or_default();
        match head.kind {
            // Numbers.
            Kind::Settings | Kind::WindowUpdate | Kind::RstStream | Kind::Priority => {
                kept.keep(at..end);
            }
            // The last stream and the code, without what is said of it.
            Kind::Goaway => kept.keep(at..end.min(at + 8)),
            Kind::Ping | Kind::Other(_) => {}
            Kind::Data if head.flags & frame::PADDED != 0 => kept.keep(at..at + 1),
            Kind::Data if is_whole => messages(bytes, at, kept),
            Kind::Data => {}
            Kind::Headers if head.flags & frame::END_HEADERS != 0 => {
                let padded = usize::from(head.flags & frame::PADDED != 0);
                let before = padded + 5 * usize::from(head.flags & frame::PRIORITY != 0);
                let padding = if padded == 1 { bytes.first().copied().unwrap_or(0) } else { 0 };
                let Some(length) = bytes.len().checked_sub(before + usize::from(padding)) else {
                    return false;
                };
                let block = bytes.get(before..before + length).unwrap_or_default();
                let decoder = &mut self.fields[way.index()];
                let Some(masked) = hpack::masked(decoder, block, shows) else { return false };
                kept.keep(at..at + before);
                for (offset, byte) in masked.into_iter().enumerate() {
                    kept.put(at + before + offset, byte);
                }
            }
            // A block in several frames, and promises.
            Kind::Headers | Kind::Continuation | Kind::PushPromise => return false,
        }
        true
    }
}

/// Whether bytes begin with the settings of a server; gRPC has one of its own.
fn settings(bytes: &[u8]) -> bool {
    let Some(head) = Header::parse(bytes) else { return false };
    let Some(payload) = bytes.get(HEADER..HEADER + head.length) else { return false };
    head.kind == Kind::Settings
        && (head.flags, head.stream) == (0, 0)
        && (6..=LONGEST_SETTINGS).contains(&head.length)
        && head.length.is_multiple_of(6)
        && payload.chunks(6).all(|setting| matches!(setting, [0, 1..=16, ..] | [0xfe, 3, ..]))
}

fn fits(head: Header) -> bool {
    let is_of_connection = matches!(head.kind, Kind::Settings | Kind::Ping | Kind::Goaway);
    let has_stream = match head.kind {
        Kind::WindowUpdate | Kind::Other(_) => true,
        _ => is_of_connection == (head.stream == 0),
    };
    has_stream && has_length(head)
}

/// Whether a frame is as long as its kind (RFC 9113, section 6): what is shown whole are numbers then.
fn has_length(head: Header) -> bool {
    match head.kind {
        Kind::RstStream | Kind::WindowUpdate => head.length == 4,
        Kind::Priority => head.length == 5,
        Kind::Settings => head.length.is_multiple_of(6) && head.length <= LONGEST_SETTINGS,
        _ => head.length <= LONGEST_FRAME,
    }
}

/// The heads of gRPC's messages, if the payload is nothing but whole ones: a flag and a length.
fn messages(bytes: &[u8], start: usize, kept: &mut Kept<'_>) {
    let mut heads = Vec::new();
    let mut at = 0;
    while let Some(&[flag, a, b, c, d]) = bytes.get(at..at + 5) {
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if flag > 1 || length > bytes.len() {
            return;
        }
        heads.push(at);
        at += 5 + length;
    }
    if at == bytes.len() {
        heads.into_iter().for_each(|at| kept.keep(start + at..start + at + 5));
    }
}

/// Which bytes of a field's value may be shown, or of its name.
fn shows(name: Option<&[u8]>, text: &[u8]) -> Vec<bool> {
    let Some(name) = name else {
        let is_name =
            |byte: u8| byte.is_ascii_lowercase() || b"-_".contains(&byte) || byte.is_ascii_digit();
        // Some write the names of pseudo-fields out.
        let name = text.strip_prefix(b":").unwrap_or(text);
        return vec![all(name, LONGEST_NAME, is_name); text.len()];
    };
    let shown = match name {
        b":path" => return http1::redact::target(text),
        b":method" => Method::new(text).known().is_some(),
        b":scheme" => matches!(text, b"http" | b"https"),
        b":authority" => all(text, 128, http1::redact::is_host),
        b":status" => all(text, 3, |byte| byte.is_ascii_digit()),
        b"grpc-status" => all(text, 2, |byte| byte.is_ascii_digit()),
        b"grpc-timeout" => all(text, 9, |byte| byte.is_ascii_digit() || b"HMSmun".contains(&byte)),
        name => {
            let length = http1::redact::value(name, text).unwrap_or(0);
            return (0..text.len()).map(|at| at < length).collect();
        }
    };
    vec![shown; text.len()]
}
