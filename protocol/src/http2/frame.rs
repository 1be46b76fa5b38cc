//! Frame headers (RFC 9113 §4.1) and what each type demands of them (§6).

use crate::chunk::Side;

/// What a client sends first (§3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length of a frame header, in bytes.
pub(super) const HEADER: usize = 9;

/// `END_STREAM`, of DATA and HEADERS.
pub(super) const END_STREAM: u8 = 0x1;
/// `ACK`, of SETTINGS and PING.
const ACK: u8 = 0x1;
/// `END_HEADERS`, of HEADERS, PUSH_PROMISE and CONTINUATION.
pub(super) const END_HEADERS: u8 = 0x4;
/// `PADDED`, of DATA, HEADERS and PUSH_PROMISE.
pub(super) const PADDED: u8 = 0x8;
/// `PRIORITY`, of HEADERS.
pub(super) const PRIORITY: u8 = 0x20;

/// The type of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    Goaway,
    WindowUpdate,
    Continuation,
    /// "Implementations MUST ignore and discard frames of unknown types" (§5.5).
    Other(u8),
}

/// The first nine bytes of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Of the payload, in bytes: below 2^24.
    pub(super) length: usize,
    pub(super) kind: Kind,
    pub(super) flags: u8,
    /// Below 2^31; 0 is the connection itself.
    pub(super) stream: u32,
    /// The bit before the stream identifier, unset by whoever sends and ignored by whoever reads.
    reserved: bool,
}

impl Header {
    /// Reads a header, if the bytes suffice.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[a, b, c, kind, flags, s0, s1, s2, s3, ..] = bytes else { return None };
        let id = u32::from_be_bytes([s0, s1, s2, s3]);
        Some(Self {
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            kind: match kind {
                0 => Kind::Data,
                1 => Kind::Headers,
                2 => Kind::Priority,
                3 => Kind::RstStream,
                4 => Kind::Settings,
                5 => Kind::PushPromise,
                6 => Kind::Ping,
                7 => Kind::Goaway,
                8 => Kind::WindowUpdate,
                9 => Kind::Continuation,
                other => Kind::Other(other),
            },
            flags,
            stream: id & 0x7fff_ffff,
            reserved: id & 0x8000_0000 != 0,
        })
    }

    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether a peer may send this at all: lengths and streams as §6 fixes them. Anything else
    /// is a connection error, or no frame.
    pub(super) fn is_valid(&self, side: Side) -> bool {
        let (length, of_stream) = (self.length, self.stream != 0);
        match self.kind {
            Kind::Data | Kind::Headers | Kind::Continuation => of_stream,
            Kind::Priority => of_stream && length == 5,
            Kind::RstStream => of_stream && length == 4,
            Kind::Settings => {
                !of_stream && length.is_multiple_of(6) && (!self.has(ACK) || length == 0)
            }
            Kind::PushPromise => of_stream && length >= 4 && side == Side::Server,
            Kind::Ping => !of_stream && length == 8,
            Kind::Goaway => !of_stream && length >= 8,
            Kind::WindowUpdate => length == 4,
            // The greatest frame that needs no leave by settings (§4.2).
            Kind::Other(_) => length <= 16_384,
        }
    }

    /// Whether a peer would send this: valid, and "unused flags MUST be left unset" (§4.1).
    pub(super) fn is_usual(&self, side: Side) -> bool {
        let flags = match self.kind {
            Kind::Data => END_STREAM | PADDED,
            Kind::Headers => END_STREAM | END_HEADERS | PADDED | PRIORITY,
            Kind::PushPromise => END_HEADERS | PADDED,
            Kind::Continuation => END_HEADERS,
            Kind::Settings | Kind::Ping => ACK,
            Kind::Priority | Kind::RstStream | Kind::Goaway | Kind::WindowUpdate => 0,
            Kind::Other(_) => return false,
        };
        !self.reserved && self.flags & !flags == 0 && self.is_valid(side)
    }
}

/// The content of a payload between padding length and padding (§6.1), and, of HEADERS, behind
/// the priority fields (§6.2). `payload` may be cut: the padding is then cut first.
pub(super) fn content<'a>(header: &Header, payload: &'a [u8]) -> Option<&'a [u8]> {
    let (padding, rest) = if header.has(PADDED) {
        let (&padding, rest) = payload.split_first()?;
        (usize::from(padding), rest)
    } else {
        (0, payload)
    };
    // "If the length of the padding is the length of the frame payload or greater, the recipient
    // MUST treat this as a connection error" (§6.1).
    let lost = header.length.saturating_sub(payload.len());
    let rest = match padding.saturating_sub(lost) {
        0 if padding + usize::from(header.has(PADDED)) > header.length => return None,
        padding => rest.get(..rest.len().checked_sub(padding)?)?,
    };
    if header.kind == Kind::Headers && header.has(PRIORITY) {
        return rest.get(5..);
    }
    Some(rest)
}

/// The name of an error code (§7), as `error.type` wants it.
pub(super) const fn error_name(code: u32) -> &'static str {
    match code {
        0x0 => "NO_ERROR",
        0x1 => "PROTOCOL_ERROR",
        0x2 => "INTERNAL_ERROR",
        0x3 => "FLOW_CONTROL_ERROR",
        0x4 => "SETTINGS_TIMEOUT",
        0x5 => "STREAM_CLOSED",
        0x6 => "FRAME_SIZE_ERROR",
        0x7 => "REFUSED_STREAM",
        0x8 => "CANCEL",
        0x9 => "COMPRESSION_ERROR",
        0xa => "CONNECT_ERROR",
        0xb => "ENHANCE_YOUR_CALM",
        0xc => "INADEQUATE_SECURITY",
        0xd => "HTTP_1_1_REQUIRED",
        _ => "_OTHER",
    }
}
