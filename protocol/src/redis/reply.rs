//! The server's side: RESP2 and RESP3 values, read to their ends without being kept.

use crate::chunk::{Chunk, Moment};
use crate::window::Window;

use super::request::{Malformed, Short};

/// The longest line that is waited for, in bytes. Of longer ones the start is kept and the rest
/// skipped.
const LINE_LIMIT: usize = 1024;
/// Aggregates in aggregates. Redis itself goes no deeper than a handful of levels.
const DEPTH_LIMIT: usize = 64;
/// The longest error prefix, in bytes.
const PREFIX_LIMIT: usize = 32;
/// The longest claim that is believed: bytes of a string, elements of an aggregate.
const LENGTH_LIMIT: u64 = 1 << 40;

/// One value of the top level.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) first: Moment,
    pub(super) last: Moment,
    /// The type byte (`+`, `$`, `>`, …).
    pub(super) kind: u8,
    /// The value is an error: its prefix, empty if it has none.
    pub(super) error: Option<Box<str>>,
    /// The first error within an aggregate.
    pub(super) inner_error: Option<Box<str>>,
    /// Of a simple string its start, of an array or push that of its first element.
    pub(super) word: Short,
}

/// Reads values off the server's stream.
#[derive(Debug, Default)]
pub(super) struct Replies {
    window: Window,
    value: Option<Partial>,
    /// Open aggregates, outermost first; at most [`DEPTH_LIMIT`].
    stack: Vec<Level>,
    /// What the bytes being skipped belong to.
    skipping: Skipping,
}

#[derive(Debug)]
struct Partial {
    first: Moment,
    kind: Option<u8>,
    error: Option<Box<str>>,
    inner_error: Option<Box<str>>,
    word: Short,
    /// The next element is the first of the outermost aggregate.
    word_wanted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    /// Elements to come; `None` for a streamed aggregate, which ends with `.`.
    left: Option<u64>,
    /// Attributes come before a value and are not one.
    is_attribute: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Skipping {
    #[default]
    Nothing,
    /// The rest of a string: an element is complete after it.
    String,
    /// A part of a streamed string: further parts follow.
    Part,
    /// The rest of an overlong line.
    Line,
}

/// What stands at the front of the window.
enum Token<'a> {
    /// A value of one line (or the start of an overlong one).
    Line {
        kind: u8,
        text: &'a [u8],
        overlong: bool,
    },
    /// A string of so many bytes; `None` is null.
    String {
        kind: u8,
        length: Option<u64>,
    },
    StreamedString,
    /// `;length`: a part of a streamed string.
    Part(u64),
    /// So many elements; `None` if streamed.
    Aggregate {
        kind: u8,
        elements: Option<u64>,
    },
    End,
}

impl Replies {
    /// Appends a chunk.
    pub(super) fn push(&mut self, chunk: &Chunk<'_>) {
        self.window.push(chunk);
    }

    /// The next value that is complete.
    pub(super) fn next(&mut self) -> Result<Option<Reply>, Malformed> {
        loop {
            if self.window.skipping() > 0 {
                return Ok(None);
            }
            let complete = match self.skipping {
                Skipping::String => {
                    self.skipping = Skipping::Nothing;
                    self.element_ends()
                }
                Skipping::Part => {
                    self.skipping = Skipping::Nothing;
                    false
                }
                Skipping::Line => {
                    if !self.line_ends() {
                        return Ok(None);
                    }
                    self.skipping = Skipping::Nothing;
                    self.element_ends()
                }
                Skipping::Nothing => match self.element()? {
                    Some(complete) => complete,
                    None => return Ok(None),
                },
            };
            if complete {
                return self.finish().map(Some);
            }
        }
    }

    /// Whether bytes are lost that would have been read next.
    pub(super) fn is_cut(&self) -> bool {
        self.window.hole() > 0 && self.window.skipping() == 0
    }

    /// Where the value in hand began.
    pub(super) fn in_hand(&self) -> Option<Moment> {
        match &self.value {
            Some(partial) => Some(partial.first),
            None if self.window.is_empty() => None,
            None => Some(self.window.moment(0)),
        }
    }

    /// The moment of the last byte that came.
    pub(super) fn last(&self) -> Moment {
        self.window.last()
    }

    /// Gives up the value in hand and everything unread.
    pub(super) fn abandon(&mut self) {
        self.window.clear();
        self.value = None;
        self.stack.clear();
        self.skipping = Skipping::Nothing;
    }

    /// Reads one token; whether it completes the value, or `None` if it is not there yet.
    fn element(&mut self) -> Result<Option<bool>, Malformed> {
        let bytes = self.window.bytes();
        let Some((token, length)) = token(bytes)? else { return Ok(None) };
        let value = self.value.get_or_insert_with(|| Partial {
            first: self.window.moment(0),
            kind: None,
            error: None,
            inner_error: None,
            word: Short::default(),
            word_wanted: false,
        });
        let is_top = self.stack.is_empty();
        let in_attribute = self.stack.iter().any(|level| level.is_attribute);
        let word_wanted = value.word_wanted;
        let mut note = |kind: u8, text: &[u8]| match kind {
            b'-' | b'!' if is_top => value.error = Some(prefix(text)),
            b'-' | b'!' if !in_attribute && value.inner_error.is_none() => {
                value.inner_error = Some(prefix(text));
            }
            b'+' | b'$' if is_top || word_wanted => value.word = Short::new(text),
            _ => {}
        };
        let complete = match token {
            Token::Line { kind, text, overlong } => {
                note(kind, text);
                if is_top {
                    value.kind = Some(kind);
                }
                value.word_wanted = false;
                self.window.consume(length);
                if overlong {
                    self.skipping = Skipping::Line;
                    return Ok(Some(false));
                }
                self.element_ends()
            }
            Token::String { kind, length: string } => {
                let wanted = match kind {
                    b'!' => PREFIX_LIMIT,
                    _ if word_wanted => size_of::<Short>(),
                    _ => 0,
                };
                let wanted = string.unwrap_or(0).min(wanted as u64) as usize;
                let text = bytes.get(length..).unwrap_or_default();
                // The word decides what the value is: without it, nothing is known of the value.
                if text.len() < wanted && (word_wanted || self.window.hole() == 0) {
                    return Ok(None);
                }
                if wanted > 0 {
                    note(kind, text.get(..wanted).unwrap_or(text));
                }
                if is_top {
                    value.kind = Some(kind);
                }
                value.word_wanted = false;
                self.window.consume(length);
                match string {
                    Some(string) => {
                        self.window.skip(string.saturating_add(2));
                        self.skipping = Skipping::String;
                        false
                    }
                    None => self.element_ends(),
                }
            }
            Token::StreamedString => {
                if is_top {
                    value.kind = Some(b'$');
                }
                value.word_wanted = false;
                self.window.consume(length);
                // A streamed string is a level of its own, which `;0` ends.
                self.open(Level { left: None, is_attribute: false })?;
                false
            }
            Token::Part(part) => {
                if is_top {
                    return Err(Malformed);
                }
                self.window.consume(length);
                if part == 0 {
                    self.stack.pop();
                    self.element_ends()
                } else {
                    self.window.skip(part.saturating_add(2));
                    self.skipping = Skipping::Part;
                    false
                }
            }
            Token::Aggregate { kind, elements } => {
                let is_attribute = kind == b'|';
                if is_top && !is_attribute {
                    value.kind = Some(kind);
                    value.word_wanted = matches!(kind, b'*' | b'>');
                } else {
                    value.word_wanted = false;
                }
                self.window.consume(length);
                match elements {
                    Some(0) if is_attribute => false,
                    Some(0) => self.element_ends(),
                    left => {
                        self.open(Level { left, is_attribute })?;
                        false
                    }
                }
            }
            Token::End => {
                if self.stack.last().is_none_or(|level| level.left.is_some()) {
                    return Err(Malformed);
                }
                self.window.consume(length);
                let is_attribute = self.stack.pop().is_some_and(|level| level.is_attribute);
                !is_attribute && self.element_ends()
            }
        };
        Ok(Some(complete))
    }

    fn open(&mut self, level: Level) -> Result<(), Malformed> {
        if self.stack.len() >= DEPTH_LIMIT {
            return Err(Malformed);
        }
        self.stack.push(level);
        Ok(())
    }

    /// An element ended: closes the aggregates that end with it. Whether the value is complete.
    fn element_ends(&mut self) -> bool {
        while let Some(level) = self.stack.last_mut() {
            let Some(left) = &mut level.left else { return false };
            *left = left.saturating_sub(1);
            if *left > 0 {
                return false;
            }
            let is_attribute = level.is_attribute;
            self.stack.pop();
            if is_attribute {
                return false;
            }
        }
        true
    }

    /// Drops what is here of an overlong line; whether its end was.
    fn line_ends(&mut self) -> bool {
        let bytes = self.window.bytes();
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let drop = end.map_or(bytes.len(), |end| end + 1);
        self.window.consume(drop);
        end.is_some()
    }

    fn finish(&mut self) -> Result<Reply, Malformed> {
        let value = self.value.take().ok_or(Malformed)?;
        Ok(Reply {
            first: value.first,
            last: Moment {
                position: self.window.position().saturating_sub(1),
                ..self.window.last()
            },
            kind: value.kind.ok_or(Malformed)?,
            error: value.error,
            inner_error: value.inner_error,
            word: value.word,
        })
    }
}

/// Reads the token at the front, and how many bytes its line takes; `None` if it is incomplete.
fn token(bytes: &[u8]) -> Result<Option<(Token<'_>, usize)>, Malformed> {
    let Some(kind) = bytes.first().copied() else { return Ok(None) };
    if !is_kind(kind) && !matches!(kind, b';' | b'.') {
        return Err(Malformed);
    }
    let head = bytes.get(..LINE_LIMIT).unwrap_or(bytes);
    let Some(end) = head.iter().position(|byte| *byte == b'\n') else {
        let may_be_long = matches!(kind, b'+' | b'-' | b'(');
        if !may_be_long && bytes.len() > 32 {
            return Err(Malformed);
        }
        if bytes.len() < LINE_LIMIT {
            return Ok(None);
        }
        let text = head.get(1..).unwrap_or_default();
        return Ok(Some((Token::Line { kind, text, overlong: true }, head.len())));
    };
    let line = head.get(1..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Malformed)?;
    let token = match kind {
        b'$' | b'!' | b'=' if line == b"?" => Token::StreamedString,
        b'$' | b'!' | b'=' => Token::String { kind, length: length(line)? },
        b';' => Token::Part(length(line)?.ok_or(Malformed)?),
        b'.' if line.is_empty() => Token::End,
        b'*' | b'~' | b'>' | b'%' | b'|' if line == b"?" => {
            Token::Aggregate { kind, elements: None }
        }
        b'%' | b'|' => {
            let pairs = length(line)?.ok_or(Malformed)?;
            Token::Aggregate { kind, elements: Some(pairs.saturating_mul(2)) }
        }
        b'*' => match length(line)? {
            Some(elements) => Token::Aggregate { kind, elements: Some(elements) },
            None => Token::Line { kind, text: b"", overlong: false },
        },
        b'~' | b'>' => Token::Aggregate { kind, elements: Some(length(line)?.ok_or(Malformed)?) },
        _ if is_value(kind, line) => Token::Line { kind, text: line, overlong: false },
        _ => return Err(Malformed),
    };
    Ok(Some((token, end + 1)))
}

/// Whether a value may begin with this byte.
pub(super) fn is_kind(byte: u8) -> bool {
    matches!(byte, b'+' | b'-' | b':' | b'$' | b'*' | b'_' | b'#' | b',' | b'(' | b'!' | b'=')
        || matches!(byte, b'%' | b'~' | b'>' | b'|')
}

/// Whether a line is a value of its type.
fn is_value(kind: u8, line: &[u8]) -> bool {
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let signed = |text: &[u8]| {
        digits(text.strip_prefix(b"-").unwrap_or(text))
            || text.strip_prefix(b"+").is_some_and(digits)
    };
    match kind {
        b'+' | b'-' => true,
        b':' => line.len() <= 20 && signed(line),
        b'(' => signed(line),
        b'_' => line.is_empty(),
        b'#' => matches!(line, b"t" | b"f"),
        b',' => {
            matches!(line, b"inf" | b"-inf" | b"nan" | b"-nan")
                || (!line.is_empty()
                    && line.iter().all(|byte| {
                        byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E')
                    }))
        }
        _ => false,
    }
}

/// A length, or `None` for -1 (null).
fn length(line: &[u8]) -> Result<Option<u64>, Malformed> {
    if line == b"-1" {
        return Ok(None);
    }
    if line.is_empty() || line.len() > 15 {
        return Err(Malformed);
    }
    let mut number = 0;
    for byte in line {
        if !byte.is_ascii_digit() {
            return Err(Malformed);
        }
        number = number * 10 + u64::from(byte - b'0');
    }
    if number > LENGTH_LIMIT { Err(Malformed) } else { Ok(Some(number)) }
}

/// An error's prefix: its first word, if that is in capitals (`WRONGTYPE`, `ERR`).
fn prefix(text: &[u8]) -> Box<str> {
    let word = text.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    let is_prefix = (1..=PREFIX_LIMIT).contains(&word.len())
        && word.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'0'..=b'9'));
    if is_prefix { String::from_utf8_lossy(word).into() } else { Box::default() }
}

/// Whether a line begins a value of its type.
pub(super) fn is_head(kind: u8, line: &[u8]) -> bool {
    match kind {
        b'$' | b'!' | b'=' | b'*' | b'~' | b'>' | b'%' | b'|' => {
            line == b"?" || length(line).is_ok()
        }
        _ => is_value(kind, line),
    }
}
