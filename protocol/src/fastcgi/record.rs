//! Records (FastCGI 1.0 §3.3).

use crate::chunk::{Chunk, Moment};
use crate::exchange::Extent;
use crate::window::Window;

/// Bytes of a record's header.
pub(super) const HEADER_LENGTH: usize = 8;
/// Bytes of a `BEGIN_REQUEST` record, of `END_REQUEST` as well, without padding.
pub(super) const BEGIN_LENGTH: usize = 16;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Begin,
    Abort,
    End,
    Params,
    Stdin,
    Stdout,
    Stderr,
    Data,
    /// `GET_VALUES` and what answers it, which belong to no request.
    Management,
}

impl Kind {
    const fn new(kind: u8) -> Option<Self> {
        Some(match kind {
            1 => Self::Begin,
            2 => Self::Abort,
            3 => Self::End,
            4 => Self::Params,
            5 => Self::Stdin,
            6 => Self::Stdout,
            7 => Self::Stderr,
            8 => Self::Data,
            9..=11 => Self::Management,
            _ => return None,
        })
    }

    /// Whether the application sends it, and not the web server.
    pub(super) const fn is_from_application(self) -> bool {
        matches!(self, Self::End | Self::Stdout | Self::Stderr | Self::Management)
    }

    /// Whether the web server sends it.
    pub(super) const fn is_from_web_server(self) -> bool {
        !matches!(self, Self::End | Self::Stdout | Self::Stderr)
    }
}

/// A record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) id: u16,
    /// Bytes of content.
    pub(super) content: u16,
    /// Bytes of padding after it.
    pub(super) padding: u8,
}

impl Header {
    /// Reads a header; `None` if it is not complete and `Some(None)` if it is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Option<Self>> {
        match *bytes {
            [first, ..] if first != 1 => Some(None),
            [_, kind, ..] if Kind::new(kind).is_none() => Some(None),
            [_, kind, high, low, content_high, content_low, padding, _reserved, ..] => {
                let header = Kind::new(kind).map(|kind| Self {
                    kind,
                    id: u16::from_be_bytes([high, low]),
                    content: u16::from_be_bytes([content_high, content_low]),
                    padding,
                });
                // Management records have id 0, and no others.
                Some(header.filter(|h| (h.id == 0) == (h.kind == Kind::Management)))
            }
            _ => None,
        }
    }
}

/// Reads a whole `BEGIN_REQUEST` record: the request's id and whether the connection is kept.
/// `None` if it is not complete.
pub(super) fn begin(bytes: &[u8]) -> Option<Result<(u16, bool), ()>> {
    let fits = |index: usize, byte: u8| match index {
        0 | 1 => byte == 1,
        4 | 7 | 8 | 11..=15 => byte == 0,
        5 => byte == 8,
        9 => (1..=3).contains(&byte),
        10 => byte <= 1,
        _ => true,
    };
    let record = bytes.get(..BEGIN_LENGTH).unwrap_or(bytes);
    if !record.iter().enumerate().all(|(index, byte)| fits(index, *byte)) {
        return Some(Err(()));
    }
    match *record {
        [_, _, 0, 0, ..] => Some(Err(())),
        [_, _, high, low, _, _, _, _, _, _, flags, _, _, _, _, _] => {
            Some(Ok((u16::from_be_bytes([high, low]), flags == 1)))
        }
        _ => None,
    }
}

/// Reads the body of `END_REQUEST`: why the application refused the request, if it did (§5.5).
pub(super) fn refusal(body: &[u8]) -> Option<&'static str> {
    match body.get(4) {
        Some(1) => Some("FCGI_CANT_MPX_CONN"),
        Some(2) => Some("FCGI_OVERLOADED"),
        Some(3) => Some("FCGI_UNKNOWN_ROLE"),
        _ => None,
    }
}

/// Whether bytes end with an `END_REQUEST` record, and whose. PHP-FPM leaves the reserved bytes as
/// it found them.
pub(super) fn trailing_end(bytes: &[u8]) -> Option<u16> {
    let (_, tail) = bytes.split_last_chunk::<BEGIN_LENGTH>()?;
    match *tail {
        [1, 3, high, low, 0, 8, 0, 0, _, _, _, _, 0..=3, _, _, _] => {
            Some(u16::from_be_bytes([high, low]))
        }
        _ => None,
    }
}

/// The bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// A record that was read to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) header: Header,
    pub(super) extent: Extent,
    /// The content of `BEGIN_REQUEST` and `END_REQUEST`.
    pub(super) body: [u8; 8],
}

/// A part of a record's content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) header: Header,
    /// The record's first byte.
    pub(super) first: Moment,
    pub(super) content: &'a [u8],
    /// The content's first byte.
    pub(super) at: Moment,
    /// The rest of the content is lost.
    pub(super) is_cut: bool,
}

/// Reads records off one direction.
#[derive(Debug, Default)]
pub(super) struct Records {
    window: Window,
    current: Option<Current>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    header: Header,
    first: Moment,
    /// Bytes of content that were not read yet.
    left: usize,
    body: [u8; 8],
    is_padded: bool,
}

impl Records {
    /// What it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        self.window.held()
    }

    /// Appends a chunk.
    pub(super) fn push(&mut self, chunk: &Chunk<'_>) {
        self.window.push(chunk);
    }

    /// The next record that is complete. Content that matters is handed on as it comes.
    pub(super) fn next(
        &mut self,
        mut take: impl FnMut(Part<'_>),
    ) -> Result<Option<Record>, Malformed> {
        loop {
            if self.window.skipping() > 0 {
                return Ok(None);
            }
            let Some(current) = &mut self.current else {
                let Some(header) = Header::parse(self.window.bytes()) else { return Ok(None) };
                let header = header.ok_or(Malformed)?;
                let first = self.window.moment(0);
                let left = header.content.into();
                self.window.consume(HEADER_LENGTH);
                self.current =
                    Some(Current { header, first, left, body: [0; 8], is_padded: false });
                continue;
            };
            let header = current.header;
            if current.left > 0 {
                match header.kind {
                    Kind::Params | Kind::Stdout => {
                        let bytes = self.window.bytes();
                        let content = bytes.get(..current.left).unwrap_or(bytes);
                        let read = content.len();
                        let is_cut = read < current.left && self.window.hole() > 0;
                        let at = Moment { position: self.window.position(), ..self.window.last() };
                        take(Part { header, first: current.first, content, at, is_cut });
                        current.left -= read;
                        self.window.consume(read);
                        if current.left > 0 && !is_cut {
                            return Ok(None);
                        }
                        self.window.skip(current.left as u64);
                    }
                    Kind::Begin | Kind::End => {
                        let Some(body) = self.window.bytes().get(..current.left) else {
                            return Ok(None);
                        };
                        for (to, from) in current.body.iter_mut().zip(body) {
                            *to = *from;
                        }
                        self.window.consume(current.left);
                    }
                    _ => self.window.skip(current.left as u64),
                }
                current.left = 0;
            } else if !current.is_padded {
                current.is_padded = true;
                self.window.skip(header.padding.into());
            } else {
                let position = self.window.position().saturating_sub(1);
                let last = Moment { position, ..self.window.last() };
                let extent = Extent::new(current.first, last);
                let body = current.body;
                self.current = None;
                return Ok(Some(Record { header, extent, body }));
            }
        }
    }

    /// Whether bytes are lost that would have been read next.
    pub(super) fn is_cut(&self) -> bool {
        self.window.hole() > 0 && self.window.skipping() == 0
    }

    /// Where the record in hand began.
    pub(super) fn in_hand(&self) -> Option<Moment> {
        match &self.current {
            Some(current) => Some(current.first),
            None if self.window.is_empty() => None,
            None => Some(self.window.moment(0)),
        }
    }

    /// Gives up what is unread.
    pub(super) fn abandon(&mut self) {
        self.window.clear();
        self.current = None;
    }

    /// The moment of the last byte that came.
    pub(super) fn last(&self) -> Moment {
        self.window.last()
    }
}
