//! How a message's body ends (RFC 9112 §6.3), and what else the fields say to the connection.

use super::body::Body;
use crate::names::{Names, is};
use crate::text::lossy;

/// The fields of one head that matter to the connection.
#[derive(Debug, Default)]
pub(super) struct Framing {
    length: Length,
    /// `Transfer-Encoding` was there; whether its last coding is `chunked`.
    chunked: Option<bool>,
    /// The first protocol of `Upgrade`, in lower case, if `Connection` lists it.
    upgrade: Option<Box<str>>,
    connection_upgrade: bool,
    /// `Expect: 100-continue`.
    pub(super) expects_continue: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Length {
    #[default]
    Absent,
    Is(u64),
    Invalid,
}

impl Framing {
    /// The fields that are read.
    pub(super) const NAMES: &Names = &Names::new(&[
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"upgrade",
        b"expect",
    ]);

    /// Takes one field.
    #[inline]
    pub(super) fn field(&mut self, name: &[u8], value: &[u8]) {
        if Self::NAMES.may_hold(name) {
            self.likely_field(name, value);
        }
    }

    fn likely_field(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            14 if is(name, b"Content-Length", b"content-length") => self.length(value),
            17 if is(name, b"Transfer-Encoding", b"transfer-encoding") => {
                // Several fields are one list: the last coding of the last field decides.
                let last =
                    value.rsplit(|&byte| byte == b',').find(|it| !it.trim_ascii().is_empty());
                if let Some(last) = last {
                    let coding = last.split(|&byte| byte == b';').next().unwrap_or_default();
                    self.chunked = Some(coding.trim_ascii().eq_ignore_ascii_case(b"chunked"));
                }
            }
            10 if is(name, b"Connection", b"connection") => {
                if is(value, b"Keep-Alive", b"keep-alive") {
                    return;
                }
                self.connection_upgrade |= value
                    .split(|&byte| byte == b',')
                    .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
            }
            7 if is(name, b"Upgrade", b"upgrade") => {
                let first = value.split(|&byte| byte == b',').next().unwrap_or_default();
                self.upgrade = Some(lossy(&first.trim_ascii().to_ascii_lowercase(), 64));
            }
            6 if is(name, b"Expect", b"expect") => {
                self.expects_continue = value.trim_ascii().eq_ignore_ascii_case(b"100-continue");
            }
            _ => {}
        }
    }

    /// Equal values, in one field or several, are one; different ones are an error (§6.3, 5).
    fn length(&mut self, value: &[u8]) {
        if let (Length::Absent, Some(number)) = (self.length, decimal(value)) {
            self.length = Length::Is(number);
            return;
        }
        for element in value.split(|&byte| byte == b',') {
            let number = decimal(element.trim_ascii());
            self.length = match (self.length, number) {
                (Length::Absent, Some(number)) => Length::Is(number),
                (Length::Is(known), Some(number)) if known == number => Length::Is(known),
                _ => Length::Invalid,
            };
        }
    }

    /// What the sender offers to change to, or has changed to.
    pub(super) fn take_upgrade(&mut self) -> Option<Box<str>> {
        self.upgrade.take().filter(|_| self.connection_upgrade)
    }

    /// The body of a request; `None` if its length cannot be known (rules 3 to 7).
    pub(super) fn request_body(&self) -> Option<Body> {
        match (self.chunked, self.length) {
            (Some(true), _) => Some(Body::chunked()),
            (Some(false), _) | (None, Length::Invalid) => None,
            (None, Length::Is(length)) => Some(Body::length(length)),
            (None, Length::Absent) => Some(Body::length(0)),
        }
    }

    /// The body of a final response (rules 1 and 3 to 8; rule 2 is the tunnel's).
    pub(super) fn response_body(&self, status: u16, to_head: bool) -> Body {
        if to_head || status < 200 || status == 204 || status == 304 {
            return Body::length(0);
        }
        match (self.chunked, self.length) {
            (Some(true), _) => Body::chunked(),
            (Some(false), _) | (None, Length::Absent | Length::Invalid) => Body::until_close(),
            (None, Length::Is(length)) => Body::length(length),
        }
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, digit| {
        let value = digit.is_ascii_digit().then(|| digit - b'0')?;
        sum.checked_mul(10)?.checked_add(value.into())
    })
}
