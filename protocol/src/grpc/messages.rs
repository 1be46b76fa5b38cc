//! Length-prefixed messages: `Compressed-Flag Message-Length Message`, in DATA or in a body.

/// The longest trailers of gRPC-Web that are read, in bytes.
const TRAILERS_LIMIT: usize = 4096;
/// `PROTOCOL-WEB.md`: "Use EOS to signal ... the 8th (MSB) bit of the 1st gRPC frame byte".
const TRAILERS_FLAG: u8 = 0x80;
/// The prefix: a byte of flags, four of length.
const PREFIX: usize = 5;

/// Counts the messages of one direction as its body passes.
#[derive(Debug, Default)]
pub(super) struct Messages {
    state: State,
    count: u32,
    trailers: Option<Vec<u8>>,
}

#[derive(Debug)]
enum State {
    Prefix {
        have: usize,
        bytes: [u8; PREFIX],
    },
    Message {
        left: u64,
    },
    Trailers {
        left: u64,
    },
    /// Something was no message, or lost.
    Lost,
}

impl Default for State {
    fn default() -> Self {
        Self::Prefix { have: 0, bytes: [0; PREFIX] }
    }
}

impl Messages {
    /// Takes the next bytes of the body.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Prefix { have, bytes: prefix } => {
                    let n = bytes.len().min(PREFIX - *have);
                    prefix[*have..*have + n].copy_from_slice(&bytes[..n]);
                    *have += n;
                    bytes = &bytes[n..];
                    if *have == PREFIX {
                        let [flags, length @ ..] = *prefix;
                        self.begin(flags, u32::from_be_bytes(length).into());
                    }
                }
                State::Message { left } | State::Trailers { left } => {
                    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= n as u64;
                    let (here, rest) = bytes.split_at(n);
                    bytes = rest;
                    if let Some(trailers) = &mut self.trailers {
                        let room = TRAILERS_LIMIT - trailers.len();
                        trailers.extend_from_slice(&here[..n.min(room)]);
                    }
                    self.end_if_whole();
                }
                State::Lost => return,
            }
        }
    }

    /// How many of the next bytes need not be seen.
    pub(super) fn indifferent(&self) -> u64 {
        match self.state {
            State::Message { left } => left,
            State::Lost => u64::MAX,
            State::Prefix { .. } | State::Trailers { .. } => 0,
        }
    }

    /// Passes over bytes that were not seen.
    pub(super) fn skip(&mut self, n: u64) {
        match &mut self.state {
            _ if n == 0 => {}
            State::Message { left } if n <= *left => {
                *left -= n;
                self.end_if_whole();
            }
            _ => self.state = State::Lost,
        }
    }

    /// Messages so far, the one in hand included.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// The body so far is nothing but whole messages, and at least one.
    pub(super) const fn is_whole(&self) -> bool {
        self.count > 0 && matches!(self.state, State::Prefix { have: 0, .. })
    }

    /// Some of the body has passed.
    pub(super) const fn is_started(&self) -> bool {
        !matches!(self.state, State::Prefix { have: 0, .. }) || self.count > 0
    }

    /// The trailers of gRPC-Web, as in HTTP/1 without the blank line.
    pub(super) fn trailers(&self) -> Option<&[u8]> {
        self.trailers.as_deref()
    }

    fn begin(&mut self, flags: u8, length: u64) {
        self.state = match flags {
            0 | 1 => {
                self.count = self.count.saturating_add(1);
                State::Message { left: length }
            }
            // Compressed trailers (0x81) are allowed and not read.
            TRAILERS_FLAG | 0x81 if self.trailers.is_none() => {
                if flags == TRAILERS_FLAG {
                    self.trailers = Some(Vec::new());
                }
                State::Trailers { left: length }
            }
            _ => State::Lost,
        };
        self.end_if_whole();
    }

    fn end_if_whole(&mut self) {
        if let State::Message { left: 0 } | State::Trailers { left: 0 } = self.state {
            self.state = State::default();
        }
    }
}

/// Decodes base64 as it comes (`application/grpc-web-text`): padding may occur between chunks.
#[derive(Debug, Default)]
pub(super) struct Base64 {
    bits: u32,
    count: u32,
}

impl Base64 {
    /// Decodes `text` and gives each octet.
    pub(super) fn take(&mut self, text: &[u8], mut octet: impl FnMut(u8)) {
        for &byte in text {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                b'=' => {
                    (self.bits, self.count) = (0, 0);
                    continue;
                }
                _ => continue,
            };
            self.bits = self.bits << 6 | u32::from(value);
            self.count += 6;
            if self.count >= 8 {
                self.count -= 8;
                octet((self.bits >> self.count) as u8);
                self.bits &= (1 << self.count) - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Base64, Messages};

    #[test]
    fn counts_messages_however_they_are_cut() {
        let body = b"\0\0\0\0\x02hi\x01\0\0\0\0\0\0\0\0\x01x";
        for cut in 0..body.len() {
            let mut messages = Messages::default();
            messages.take(&body[..cut]);
            messages.take(&body[cut..]);
            assert_eq!((messages.count(), messages.is_whole()), (3, true), "cut at {cut}");
        }
    }

    #[test]
    fn a_hole_inside_a_message_is_harmless_and_elsewhere_is_not() {
        let mut messages = Messages::default();
        messages.take(b"\0\0\0\0\x08a");
        assert_eq!(messages.indifferent(), 7);
        messages.skip(7);
        assert!(messages.is_whole());
        messages.skip(1);
        messages.take(b"\0\0\0\0\0");
        assert_eq!((messages.count(), messages.is_whole()), (1, false));
    }

    #[test]
    fn what_is_no_flag_is_no_message() {
        let mut messages = Messages::default();
        messages.take(b"{\"json\":1}");
        assert_eq!((messages.count(), messages.is_whole()), (0, false));
    }

    #[test]
    fn trailers_of_grpc_web() {
        let mut messages = Messages::default();
        messages.take(b"\0\0\0\0\x01x\x80\0\0\0\x0fgrpc-status:0\r\n");
        assert_eq!(messages.trailers(), Some(&b"grpc-status:0\r\n"[..]));
    }

    /// RFC 4648 §10, with padding in the middle.
    #[test]
    fn base64_in_pieces() {
        let mut out = Vec::new();
        let mut base64 = Base64::default();
        for piece in [&b"Zm9vY"[..], b"mE=Zm", b"8="] {
            base64.take(piece, |octet| out.push(octet));
        }
        assert_eq!(out, b"foobafo");
    }
}
