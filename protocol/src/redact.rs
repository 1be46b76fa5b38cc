//! What may leave a machine of the bytes of a connection, without a change of their length.
//!
//! A recording for a bug report has to show how a conversation was built, and not what was said. So
//! bytes are masked unless they are known to be structure: every one becomes an `x`, and each
//! protocol that is read here puts back what it is certain of. A message that is not read from its
//! first byte, a line that is cut, a protocol that is not read here: all of it stays masked.
//!
//! What stays:
//!
//! | protocol | stays |
//! | --- | --- |
//! | HTTP/1 | methods, versions, status codes; of targets `/`-parts that are words of letters and versions, and names of parameters that are such words; host names and ports; names of fields; values of the fields that frame a message, of `Host`, of `Content-Type` up to its parameters and of trace contexts, each if it is built as it must be; sizes of chunks; line ends |
//! | HTTP/2, gRPC | heads of frames; fields as HTTP/1's, and `grpc-status` and `grpc-timeout`; settings, windows, codes; flags and lengths of messages of gRPC |
//! | PostgreSQL | types and lengths of messages; SQL without the inside of literals, numbers (as `9`s) and comments; names of statements and portals; the database's name; counts, formats and lengths of values and rows; tags of commands; SQLSTATE and severity of errors |
//! | MySQL | lengths, numbers and kinds of packets; the greeting without its scramble; capabilities; SQL as above; the database's name; numbers of statements; types and lengths of attributes; counts and status of results; numbers and SQLSTATE of errors |
//! | Redis | types, lengths and counts; names of known commands; the number of the database; `OK`, `PONG`, `QUEUED`; known codes of errors |
//! | DNS | lengths before messages (TCP); the header; of names lengths, pointers and parts that are words of letters; types, classes, times and lengths; addresses |
//! | FastCGI | headers of records, roles and flags; of the parameters lengths and names, and values as HTTP/1's of what they stand for; of the response what stays of HTTP/1's fields, and the status |
//! | TLS | the first 11 bytes of a hello: what shows that it is one |
//! | others | nothing |
//!
//! Values of parameters, fields and rows, bodies, paths with numbers in them, reason phrases, user
//! names, passwords and messages of errors are masked everywhere.

use std::ops::Range;

use crate::{dns, fastcgi, http1, http2, mysql, postgresql, redis};

/// What stands for a byte that may not leave.
pub const MASK: u8 = b'x';
/// The same for a digit of a number that has to stay one.
pub const DIGIT: u8 = b'9';

/// Which way bytes went, as seen from one end. Which of the two is the client's is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Received.
    In,
    /// Sent.
    Out,
}

impl Way {
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::In => 0,
            Self::Out => 1,
        }
    }
}

/// One connection's redactor. Bytes of each way are to come in order; what did not come is told by
/// [`skip`](Self::skip).
#[derive(Debug, Default)]
pub struct Redactor {
    talk: Talk,
}

#[derive(Debug, Default)]
enum Talk {
    /// Nothing was said that is known.
    #[default]
    Unknown,
    Dns(Box<dns::redact::Redactor>),
    FastCgi(Box<fastcgi::Redactor>),
    Http1(Box<http1::Redactor>),
    Http2(Box<http2::Redactor>),
    Mysql(Box<mysql::Redactor>),
    Postgresql(Box<postgresql::Redactor>),
    Redis(Box<redis::Redactor>),
    /// Nothing more will be understood.
    Masked,
}

impl Redactor {
    /// Appends what may leave of `bytes` to `out`: as many bytes. `begins` says that the bytes are
    /// the first of a system call, where messages mostly begin.
    pub fn run(&mut self, way: Way, begins: bool, bytes: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + bytes.len(), MASK);
        let Some(masked) = out.get_mut(start..) else { return };
        let mut kept = Kept { bytes, out: masked };
        if matches!(self.talk, Talk::Unknown) && begins {
            self.talk = recognise(bytes, way, &mut kept);
        }
        let goes_on = match &mut self.talk {
            Talk::Unknown | Talk::Masked => true,
            Talk::Dns(it) => it.run(way, begins, &mut kept),
            Talk::FastCgi(it) => it.run(way, begins, &mut kept),
            Talk::Http1(it) => it.run(way, begins, &mut kept),
            Talk::Http2(it) => it.run(way, &mut kept),
            Talk::Mysql(it) => it.run(way, begins, &mut kept),
            Talk::Postgresql(it) => it.run(way, begins, &mut kept),
            Talk::Redis(it) => it.run(way, begins, &mut kept),
        };
        if !goes_on {
            self.talk = Talk::Masked;
        }
    }

    /// `length` bytes went this way that are not known.
    pub fn skip(&mut self, way: Way, length: u64) {
        match &mut self.talk {
            Talk::Unknown | Talk::Masked => {}
            Talk::Dns(it) => it.skip(way, length),
            Talk::FastCgi(it) => it.skip(way, length),
            Talk::Http1(it) => it.skip(way, length),
            Talk::Http2(it) => {
                if !it.skip(way, length) {
                    self.talk = Talk::Masked;
                }
            }
            Talk::Mysql(it) => it.skip(way, length),
            Talk::Postgresql(it) => it.skip(way, length),
            Talk::Redis(it) => it.skip(way, length),
        }
    }
}

/// Appends what may leave of a whole datagram to `out`: as many bytes. Of one that is not read here
/// nothing may.
pub fn datagram(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len(), MASK);
    if let Some(masked) = out.get_mut(start..) {
        dns::redact::keep(&mut Kept { bytes, out: masked });
    }
}

/// What begins with these bytes. Only signatures that hold by themselves count.
fn recognise(bytes: &[u8], way: Way, kept: &mut Kept<'_>) -> Talk {
    if http1::Redactor::recognises(bytes) {
        Talk::Http1(Box::default())
    } else if http2::Redactor::recognises(bytes) {
        Talk::Http2(Box::new(http2::Redactor::new(bytes, way)))
    } else if fastcgi::Redactor::recognises(bytes) {
        Talk::FastCgi(Box::new(fastcgi::Redactor::new(way)))
    } else if postgresql::Redactor::recognises(bytes) {
        Talk::Postgresql(Box::new(postgresql::Redactor::new(way)))
    } else if redis::Redactor::recognises(bytes) {
        Talk::Redis(Box::new(redis::Redactor::new(way)))
    } else if let [22, 3, 0..=4, _, _, 1 | 2, 0..=1, _, _, 3, 0..=4, ..] = bytes {
        // A record of the handshake, with a hello (RFC 8446 §4, §5.1).
        kept.keep(0..11);
        Talk::Masked
    } else if mysql::Redactor::recognises(bytes) {
        Talk::Mysql(Box::new(mysql::Redactor::new(bytes, way)))
    } else if dns::redact::Redactor::recognises(bytes) {
        Talk::Dns(Box::default())
    } else {
        Talk::Unknown
    }
}

/// Bytes, and what is shown of them: masks, but for what is kept.
pub(crate) struct Kept<'a> {
    pub(crate) bytes: &'a [u8],
    out: &'a mut [u8],
}

/// Which bytes of a text are shown by what shows its parts.
pub(crate) fn shown_by(text: &[u8], show: impl FnOnce(&mut Kept<'_>)) -> Vec<bool> {
    // A zero is shown nowhere.
    let mut marked = vec![0; text.len()];
    show(&mut Kept { bytes: text, out: &mut marked });
    marked.into_iter().map(|mark| mark != 0).collect()
}

impl<'a> Kept<'a> {
    /// Shows a part as it is. A part that is not there shows nothing.
    pub(crate) fn keep(&mut self, part: Range<usize>) {
        if let (Some(out), Some(bytes)) = (self.out.get_mut(part.clone()), self.bytes.get(part)) {
            out.copy_from_slice(bytes);
        }
    }

    /// Shows something else in a byte's place.
    pub(crate) fn put(&mut self, at: usize, byte: u8) {
        if let Some(out) = self.out.get_mut(at) {
            *out = byte;
        }
    }

    /// A part by itself; `None` if it is not there.
    pub(crate) fn part(&mut self, part: Range<usize>) -> Option<Kept<'_>> {
        Some(Kept { bytes: self.bytes.get(part.clone())?, out: self.out.get_mut(part)? })
    }

    /// What is at a place and behind it.
    pub(crate) fn from(&self, at: usize) -> &'a [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    /// The line at `at` with its end, if it is whole. Its end is kept.
    pub(crate) fn line(&mut self, at: usize) -> Option<Line<'a>> {
        let rest = self.from(at);
        let feed = rest.iter().position(|&byte| byte == b'\n')?;
        let text = rest.get(..feed)?;
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        self.keep(at + text.len()..at + feed + 1);
        Some(Line { text, start: at, next: at + feed + 1 })
    }
}

/// A whole line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// Without its end.
    pub(crate) text: &'a [u8],
    /// Where it starts.
    pub(crate) start: usize,
    /// Where the next one starts.
    pub(crate) next: usize,
}

/// Whether every byte is of a kind, and there are 1 to `most`.
pub(crate) fn all(bytes: &[u8], most: usize, is: impl Fn(u8) -> bool) -> bool {
    (1..=most).contains(&bytes.len()) && bytes.iter().all(|&byte| is(byte))
}
