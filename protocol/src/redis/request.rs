//! The client's side: commands, as arrays of bulk strings or inline.
//!
//! Arguments are looked at as far as they may be shown, and skipped for the rest: a value of half
//! a gigabyte costs no memory.

use std::borrow::Cow;

use crate::chunk::{Chunk, Moment};
use crate::exchange::Extent;
use crate::window::Window;

use super::command::{self, Effect, Mask};
use super::notation::{Words, quote};

/// The longest line that is waited for, in bytes: Redis itself takes inline commands of 64 KiB.
const LINE_LIMIT: usize = 64 * 1024;
/// The longest header of an array or a bulk string (`*1234567\r\n`), in bytes.
const HEADER_LIMIT: usize = 32;
/// As much of an argument as may be shown, in bytes.
const SHOWN_ARGUMENT: usize = 256;
/// The longest name of a command, in bytes.
const NAME_LIMIT: usize = 64;
/// The text of one command ends after the argument that crosses this length, in bytes.
const TEXT_LIMIT: usize = 1024;
/// Arguments of one command; Redis takes no more than 1,048,576.
const ARGUMENTS_LIMIT: u64 = 1 << 20;

/// The bytes are no Redis command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// A command that was read to its end (or as far as it was captured).
#[derive(Debug)]
pub(super) struct Request {
    pub(super) extent: Extent,
    pub(super) name: Cow<'static, str>,
    pub(super) effect: Effect,
    /// Sanitised, in the notation of `redis-cli`.
    pub(super) text: String,
    /// How many it has, seen or not.
    pub(super) arguments: u32,
    /// The first two arguments, cut.
    pub(super) leading: [Short; 2],
    pub(super) procedure: Option<Box<str>>,
}

/// The first bytes of an argument, without an allocation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Short {
    bytes: [u8; 16],
    length: u8,
}

impl Short {
    pub(super) fn new(value: &[u8]) -> Self {
        let mut short = Self::default();
        for (to, from) in short.bytes.iter_mut().zip(value) {
            *to = *from;
            short.length += 1;
        }
        short
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.bytes().eq_ignore_ascii_case(word.as_bytes())
    }
}

/// Reads commands off the client's stream.
#[derive(Debug, Default)]
pub(super) struct Requests {
    window: Window,
    command: Option<Partial>,
    /// The text of the command in hand; kept to spare allocations.
    text: String,
}

/// A command that is being read.
#[derive(Debug)]
struct Partial {
    first: Moment,
    /// Bulk strings to come, the name included.
    left: u64,
    /// Arguments read so far, without the name.
    index: u32,
    name: Option<Cow<'static, str>>,
    effect: Effect,
    mask: Mask,
    is_procedure: bool,
    leading: [Short; 2],
    procedure: Option<Box<str>>,
    truncated: bool,
}

impl Partial {
    fn new(first: Moment, left: u64) -> Self {
        Self {
            first,
            left,
            index: 0,
            name: None,
            effect: Effect::None,
            mask: Mask::new(None),
            is_procedure: false,
            leading: [Short::default(); 2],
            procedure: None,
            truncated: false,
        }
    }
}

impl Requests {
    /// What it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        self.window.held() + self.text.capacity()
    }

    /// Appends a chunk.
    pub(super) fn push(&mut self, chunk: &Chunk<'_>) {
        self.window.push(chunk);
    }

    /// The next command that is complete.
    pub(super) fn next(&mut self) -> Result<Option<Request>, Malformed> {
        loop {
            if self.window.skipping() > 0 {
                return Ok(None);
            }
            match &self.command {
                Some(partial) if partial.left == 0 => return Ok(self.finish()),
                Some(_) => {
                    if !self.argument()? {
                        return Ok(None);
                    }
                }
                None if self.window.is_empty() => return Ok(None),
                None if self.window.bytes().starts_with(b"*") => {
                    let Some((count, length)) = header(self.window.bytes())? else {
                        return Ok(None);
                    };
                    if count.is_some_and(|count| count > ARGUMENTS_LIMIT) {
                        return Err(Malformed);
                    }
                    let first = self.window.moment(0);
                    self.window.consume(length);
                    // `*0` and `*-1` are no commands; the server says nothing to them.
                    if let Some(count) = count.filter(|count| *count > 0) {
                        self.text.clear();
                        self.command = Some(Partial::new(first, count));
                    }
                }
                None => match self.inline()? {
                    Some(true) => return Ok(self.finish()),
                    Some(false) => {}
                    None => return Ok(None),
                },
            }
        }
    }

    /// Whether bytes are lost that would have been read next.
    pub(super) fn is_cut(&self) -> bool {
        self.window.hole() > 0 && self.window.skipping() == 0
    }

    /// Where the command in hand began.
    pub(super) fn in_hand(&self) -> Option<Moment> {
        self.command.as_ref().map(|partial| partial.first)
    }

    /// Whether a command has begun and not ended.
    pub(super) fn is_midway(&self) -> bool {
        self.command.is_some() || !self.window.is_empty()
    }

    /// Gives up what is unread; the command in hand, as far as it was read, if its name was.
    pub(super) fn abandon(&mut self) -> Option<Request> {
        let partial = self.finish();
        self.window.clear();
        partial
    }

    /// The moment of the last byte that came.
    pub(super) fn last(&self) -> Moment {
        self.window.last()
    }

    fn finish(&mut self) -> Option<Request> {
        let partial = self.command.take()?;
        if partial.truncated || partial.left > 0 {
            self.text.push_str(" ...");
        }
        let last =
            Moment { position: self.window.position().saturating_sub(1), ..self.window.last() };
        Some(Request {
            extent: Extent::new(partial.first, last),
            name: partial.name?,
            effect: partial.effect,
            text: self.text.as_str().to_owned(),
            arguments: partial.index.saturating_add(u32::try_from(partial.left).unwrap_or(0)),
            leading: partial.leading,
            procedure: partial.procedure,
        })
    }

    /// Reads one bulk string of the command in hand; `false` if it is not there yet.
    fn argument(&mut self) -> Result<bool, Malformed> {
        let bytes = self.window.bytes();
        if bytes.is_empty() {
            return Ok(false);
        }
        if bytes.first() != Some(&b'$') {
            return Err(Malformed);
        }
        let Some((length, header)) = header(bytes)? else { return Ok(false) };
        let length = length.ok_or(Malformed)?;
        let Some(partial) = &mut self.command else { return Err(Malformed) };

        let is_name = partial.name.is_none();
        if is_name && (length == 0 || length > NAME_LIMIT as u64) {
            return Err(Malformed);
        }
        let is_leading = partial.index < 2;
        let unseen = !is_name
            && !is_leading
            && (partial.truncated || partial.mask.shows_any(partial.index) == Some(false));
        let wanted = if unseen { 0 } else { length.min(SHOWN_ARGUMENT as u64) as usize };
        let value = bytes.get(header..).unwrap_or_default();
        if value.len() < wanted && (self.window.hole() == 0 || is_name) {
            return Ok(false);
        }
        let value = value.get(..wanted).unwrap_or(value);
        if is_name {
            partial.start(value, &mut self.text)?;
        } else {
            partial.add(value, length, &mut self.text);
        }
        partial.left -= 1;
        self.window.consume(header);
        self.window.skip(length.saturating_add(2));
        Ok(true)
    }

    /// Reads an inline command into hand; `Some(false)` for an empty line, `None` if the line is
    /// not complete.
    fn inline(&mut self) -> Result<Option<bool>, Malformed> {
        let bytes = self.window.bytes();
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            let acceptable = bytes.len() < LINE_LIMIT && bytes.iter().all(|byte| is_text(*byte));
            return if acceptable { Ok(None) } else { Err(Malformed) };
        };
        let line = bytes.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut words = Words(line);
        let name = match words.next() {
            Some(Ok(name)) => name,
            Some(Err(Malformed)) => return Err(Malformed),
            None => {
                self.window.consume(end + 1);
                return Ok(Some(false));
            }
        };
        if command::lookup(&name).is_none() {
            return Err(Malformed);
        }
        let mut partial = Partial::new(self.window.moment(0), 0);
        self.text.clear();
        partial.start(&name, &mut self.text)?;
        for word in words {
            // The server answers unbalanced quotes with an error.
            let Ok(word) = word else {
                self.text.push_str(" ?");
                break;
            };
            let cut = word.get(..SHOWN_ARGUMENT).unwrap_or(&word);
            partial.add(cut, word.len() as u64, &mut self.text);
        }
        self.command = Some(partial);
        self.window.consume(end + 1);
        Ok(Some(true))
    }
}

impl Partial {
    fn start(&mut self, name: &[u8], text: &mut String) -> Result<(), Malformed> {
        if !name.iter().all(|byte| is_name(*byte)) {
            return Err(Malformed);
        }
        let command = command::lookup(name);
        let spelled = std::str::from_utf8(name).map_err(|_| Malformed)?;
        self.name = Some(match command {
            Some(row) if row.name == spelled => Cow::Borrowed(row.name),
            _ => Cow::Owned(spelled.to_owned()),
        });
        self.mask = Mask::new(command);
        self.is_procedure = command.is_some_and(|row| row.layout == command::Layout::Procedure);
        self.effect = command.map_or(Effect::None, |row| row.effect);
        text.push_str(spelled);
        Ok(())
    }

    fn add(&mut self, value: &[u8], length: u64, text: &mut String) {
        if let Some(short) = self.leading.get_mut(self.index as usize) {
            *short = Short::new(value);
        }
        if self.is_procedure && self.index == 0 {
            self.procedure = Some(crate::text::lossy(value, SHOWN_ARGUMENT));
        }
        let shown = self.mask.shows(self.index, value);
        self.index = self.index.saturating_add(1);
        if text.len() > TEXT_LIMIT {
            self.truncated = true;
            return;
        }
        text.push(' ');
        if shown {
            quote(value, length > value.len() as u64, text);
        } else {
            text.push('?');
        }
    }
}

/// Reads `*12\r\n` or `$12\r\n`: the number (`None` for -1) and the header's length, or `None` if
/// it is not complete.
fn header(bytes: &[u8]) -> Result<Option<(Option<u64>, usize)>, Malformed> {
    let line = bytes.get(1..bytes.len().min(HEADER_LIMIT)).unwrap_or_default();
    let mut number: u64 = 0;
    for (index, byte) in line.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                number = number
                    .checked_mul(10)
                    .and_then(|n| n.checked_add(u64::from(byte - b'0')))
                    .ok_or(Malformed)?;
            }
            b'-' if index == 0 => {
                return match line.get(..4) {
                    Some(b"-1\r\n") => Ok(Some((None, 5))),
                    Some(_) => Err(Malformed),
                    None if b"-1\r\n".starts_with(line) => Ok(None),
                    None => Err(Malformed),
                };
            }
            b'\r' if index > 0 => {
                return match line.get(index + 1) {
                    Some(b'\n') => Ok(Some((Some(number), index + 3))),
                    Some(_) => Err(Malformed),
                    None => Ok(None),
                };
            }
            _ => return Err(Malformed),
        }
    }
    if bytes.len() >= HEADER_LIMIT { Err(Malformed) } else { Ok(None) }
}

/// Whether a command's name may have this byte (`JSON.SET`, `FT._LIST`, `RESTORE-ASKING`).
pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':')
}

fn is_text(byte: u8) -> bool {
    byte >= b' ' || byte.is_ascii_whitespace()
}
