//! The server's side: RESP2 and RESP3 values, read to their ends without being kept.

mod token;

use crate::chunk::{Chunk, Moment};
use crate::window::Window;

use super::request::{Malformed, Short};
use token::{PREFIX_LIMIT, Token, prefix, token};

pub(super) use token::{is_head, is_kind};

/// Aggregates in aggregates. Redis itself goes no deeper than a handful of levels.
const DEPTH_LIMIT: usize = 64;

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

impl Replies {
    /// What it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        self.window.held() + self.stack.capacity() * size_of::<Level>()
    }

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
