//! What the fields of one block say, before it is known what the block is: a request, an informational
//! response, the head of the response, or trailers (RFC 9113 §8.1).

use super::hpack::{Field, Older};
use crate::context::Carrier;

/// The field of a call's status, in its trailers.
pub(super) const STATUS: &[u8] = b"grpc-status";

/// What a field block of the client says beside the facts.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) carrier: Carrier,
    /// A pseudo-header field of requests was there.
    pub(super) is_request: bool,
    /// Fields were not seen.
    pub(super) cut: bool,
}

/// What a field block of the server says by itself.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// `:status`.
    pub(super) status: Option<u16>,
    /// Fields were not seen.
    pub(super) cut: bool,
    /// `grpc-status` was there by its name.
    pub(super) has_grpc_status: bool,
    /// The last field that may be `grpc-status` by its value, which may be unknown as well; and how many
    /// there were.
    pub(super) candidate: Option<(Older, Option<Box<[u8]>>)>,
    pub(super) candidates: u32,
}

impl Reply {
    /// Of a block that is `whole`, or was cut.
    pub(super) fn of(whole: bool) -> Self {
        Self { cut: !whole, ..Self::default() }
    }

    /// Takes the next field.
    pub(super) fn take(&mut self, field: Field<'_>) {
        let (older, value) = match field {
            Field::Known(b":status", value) => {
                self.status = status(value);
                return;
            }
            Field::Known(name, _) => {
                self.has_grpc_status |= name == STATUS;
                return;
            }
            Field::Unnamed(value, older) => (older, Some(value)),
            Field::Unknown(older) => (older, None),
        };
        self.cut = true;
        if value.is_none_or(|value| matches!(value, [b'0'..=b'9'] | [b'1', b'0'..=b'6'])) {
            self.candidates += 1;
            self.candidate = Some((older, value.map(Into::into)));
        }
    }

    /// "A HEADERS frame ... that carries an informational status code" (§8.1) is not the response.
    pub(super) fn is_informational(&self) -> bool {
        matches!(self.status, Some(100..=199))
    }
}

/// Three digits (RFC 9110 §15).
fn status(value: &[u8]) -> Option<u16> {
    let &[a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = value else { return None };
    Some([a, b, c].iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
}
