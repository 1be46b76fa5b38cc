//! Walks over a message body without keeping it.

use memchr::memchr;

use crate::chunk::Moment;
use crate::grpc::Call;
use crate::window::Window;

/// The longest chunk-size line with its extensions, in bytes. Node.js and nginx allow less.
const CHUNK_LINE_LIMIT: usize = 16 * 1024;
/// The longest trailer section, in bytes.
const TRAILER_LIMIT: usize = 64 * 1024;

/// A body, as far as it was walked.
#[derive(Debug)]
pub(super) struct Body {
    state: State,
    in_chunks: bool,
}

#[derive(Debug)]
enum State {
    /// So many bytes are to come, of the body or of a chunk.
    Bytes(u64),
    /// The bytes up to and with this position are promised to the window to skip.
    Skipping { last: u64 },
    /// A chunk-size line comes.
    Size,
    /// The line end behind a chunk's data comes.
    DataEnd,
    /// Trailer fields come; so many bytes were there already.
    Trailers(usize),
    /// Everything up to the end of the stream.
    UntilClose,
}

/// What a walk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The body goes on.
    More,
    /// The body is over; its last byte, if it had any.
    Done(Option<Moment>),
    /// Where it ends cannot be known any more: a hole where the length was written.
    Lost,
    /// The chunked coding is broken.
    Invalid,
}

/// Listens to a body's content, from its start on as far as it goes without a hole.
#[derive(Debug)]
pub(super) struct Listener {
    ear: Ear,
    open: bool,
}

#[derive(Debug)]
enum Ear {
    /// Keeps the first bytes, up to so many.
    Start(Vec<u8>, usize),
    /// Follows the messages of a call's request.
    Request(Box<Call>),
    /// Follows the messages of a call's response.
    Response(Box<Call>),
}

impl Listener {
    /// Keeps the first bytes, at most `limit`.
    pub(super) fn start(limit: usize) -> Self {
        Self { ear: Ear::Start(Vec::new(), limit), open: true }
    }

    /// Follows a call's request.
    pub(super) fn request(call: Box<Call>) -> Self {
        Self { ear: Ear::Request(call), open: true }
    }

    /// Follows a call's response.
    pub(super) fn response(call: Box<Call>) -> Self {
        Self { ear: Ear::Response(call), open: true }
    }

    /// The first bytes, or the call back.
    pub(super) fn heard(self) -> Heard {
        match self.ear {
            Ear::Start(bytes, _) => Heard::Start(bytes),
            Ear::Request(call) | Ear::Response(call) => Heard::Call(call),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        match &mut self.ear {
            Ear::Start(start, limit) => {
                let room = limit.saturating_sub(start.len());
                start.extend_from_slice(&bytes[..bytes.len().min(room)]);
                self.open = bytes.len() < room;
            }
            Ear::Request(call) => call.request_body(bytes),
            Ear::Response(call) => call.response_body(bytes),
        }
    }
}

/// What a [`Listener`] heard.
pub(super) enum Heard {
    /// The first bytes of the content.
    Start(Vec<u8>),
    /// The call, further on.
    Call(Box<Call>),
}

impl Body {
    pub(super) fn length(length: u64) -> Self {
        Self { state: State::Bytes(length), in_chunks: false }
    }

    pub(super) fn chunked() -> Self {
        Self { state: State::Size, in_chunks: true }
    }

    pub(super) fn until_close() -> Self {
        Self { state: State::UntilClose, in_chunks: false }
    }

    /// Whether there is nothing to walk over.
    pub(super) fn is_empty(&self) -> bool {
        !self.in_chunks && matches!(self.state, State::Bytes(0))
    }

    pub(super) fn is_until_close(&self) -> bool {
        matches!(self.state, State::UntilClose)
    }

    /// Goes on as far as the window's bytes reach.
    pub(super) fn advance(
        &mut self,
        window: &mut Window,
        listener: &mut Option<Listener>,
    ) -> Progress {
        loop {
            match self.state {
                State::Bytes(0) if self.in_chunks => self.state = State::DataEnd,
                State::Bytes(0) => return Progress::Done(None),
                State::Bytes(left) => {
                    let open = listener.as_mut().filter(|it| it.open);
                    if let Some(listener) = open {
                        let here = window.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                        listener.take(&window.bytes()[..here]);
                        // Only the last bytes of the body may end here, so that their moment
                        // is read below; of the others nothing more is needed.
                        if (here as u64) < left && window.hole() == 0 && listener.open {
                            window.consume(here);
                            self.state = State::Bytes(left - here as u64);
                            return Progress::More;
                        }
                        if (here as u64) < left {
                            listener.open = false;
                        }
                    }
                    let last = window.position().saturating_add(left - 1);
                    let moment = usize::try_from(left - 1)
                        .ok()
                        .filter(|&offset| offset < window.len())
                        .map(|offset| window.moment(offset));
                    window.skip(left);
                    if window.skipping() > 0 {
                        self.state = State::Skipping { last };
                        return Progress::More;
                    }
                    let moment = moment.unwrap_or(Moment { position: last, ..window.last() });
                    if !self.in_chunks {
                        return Progress::Done(Some(moment));
                    }
                    self.state = State::DataEnd;
                }
                State::Skipping { .. } if window.skipping() > 0 => return Progress::More,
                State::Skipping { last } if !self.in_chunks => {
                    return Progress::Done(Some(Moment { position: last, ..window.last() }));
                }
                State::Skipping { .. } => self.state = State::DataEnd,
                State::Size => {
                    let Some(line_end) = memchr(b'\n', window.bytes()) else {
                        return Self::incomplete(window, CHUNK_LINE_LIMIT);
                    };
                    let Some(size) = chunk_size(&window.bytes()[..line_end]) else {
                        return Progress::Invalid;
                    };
                    window.consume(line_end + 1);
                    self.state = if size == 0 { State::Trailers(0) } else { State::Bytes(size) };
                }
                State::DataEnd => {
                    let length = match window.bytes() {
                        [b'\r', b'\n', ..] => 2,
                        [b'\n', ..] => 1,
                        [] | [b'\r'] => return Self::incomplete(window, 2),
                        _ => return Progress::Invalid,
                    };
                    window.consume(length);
                    self.state = State::Size;
                }
                State::Trailers(seen) => {
                    let Some(line_end) = memchr(b'\n', window.bytes()) else {
                        return Self::incomplete(window, TRAILER_LIMIT);
                    };
                    let is_last = matches!(&window.bytes()[..line_end], [] | [b'\r']);
                    let moment = window.moment(line_end);
                    window.consume(line_end + 1);
                    if is_last {
                        return Progress::Done(Some(moment));
                    }
                    let seen = seen + line_end + 1;
                    if seen > TRAILER_LIMIT {
                        return Progress::Invalid;
                    }
                    self.state = State::Trailers(seen);
                }
                State::UntilClose => {
                    if let Some(listener) = listener.as_mut().filter(|it| it.open) {
                        listener.take(window.bytes());
                        listener.open &= window.hole() == 0;
                    }
                    window.clear();
                    return Progress::More;
                }
            }
        }
    }

    fn incomplete(window: &Window, limit: usize) -> Progress {
        if window.hole() > 0 {
            Progress::Lost
        } else if window.len() > limit {
            Progress::Invalid
        } else {
            Progress::More
        }
    }
}

/// `chunk-size [ chunk-ext ]` (RFC 9112 §7.1), the line without its LF.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits == 0 {
        return None;
    }
    if !matches!(line.get(digits), None | Some(b';' | b'\r' | b' ' | b'\t')) {
        return None;
    }
    line[..digits].iter().try_fold(0_u64, |size, &digit| {
        let value = char::from(digit).to_digit(16)?;
        if size >> 60 != 0 { None } else { Some((size << 4) | u64::from(value)) }
    })
}

#[cfg(test)]
mod tests {
    use super::chunk_size;

    #[test]
    fn sizes_and_extensions() {
        assert_eq!(chunk_size(b"0\r"), Some(0));
        assert_eq!(chunk_size(b"1aF;name=\"v\"\r"), Some(0x1af));
        assert_eq!(chunk_size(b"5  \r"), Some(5));
        assert_eq!(chunk_size(b"FFFFFFFFFFFFFFFF"), Some(u64::MAX));
        assert_eq!(chunk_size(b"1FFFFFFFFFFFFFFFF"), None);
        assert_eq!(chunk_size(b"0x5"), None);
        assert_eq!(chunk_size(b""), None);
    }
}
