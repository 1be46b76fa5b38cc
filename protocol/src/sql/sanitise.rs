//! Text without literals.

use super::token::{Kind, Token};

/// Builds the sanitised text from tokens.
#[derive(Debug)]
pub struct Sanitiser<'a> {
    text: &'a str,
    out: String,
    /// What stays as it is since this offset of the text is still to be copied.
    kept: usize,
    /// Where the last token ended.
    end: usize,
    list: List,
}

/// Where in `IN (…)` the scan is. Only lists of nothing but literals and `?` collapse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Outside,
    /// The word `IN` was just read.
    In,
    /// Inside the parentheses; where the content starts in the output.
    Items {
        start: usize,
        some: bool,
    },
}

impl<'a> Sanitiser<'a> {
    /// A sanitiser for the tokens of `text`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let out = String::with_capacity(text.len());
        Self { text, out, kept: 0, end: 0, list: List::Outside }
    }

    /// Takes the next token.
    pub fn push(&mut self, token: &Token) {
        match token.kind {
            Kind::Space => {}
            Kind::Comment => self.replace(token, self.instead_of_comment(token)),
            Kind::Text | Kind::Number => {
                self.replace(token, "?");
                if let List::Items { some, .. } = &mut self.list {
                    *some = true;
                }
            }
            Kind::Quoted => {
                self.list = List::Outside;
                if !is_closed(self.text_of(token)) {
                    // A string in another dialect or mode, cut off.
                    self.replace(token, "?");
                }
            }
            Kind::Word => {
                self.list = match self.text_of(token).as_bytes() {
                    [b'I' | b'i', b'N' | b'n'] => List::In,
                    _ => List::Outside,
                };
            }
            Kind::Placeholder => match &mut self.list {
                List::Items { some, .. } if token.end - token.start == 1 => *some = true,
                list => *list = List::Outside,
            },
            Kind::Punctuation(byte) => self.punctuation(byte, token),
        }
        self.end = token.end;
    }

    fn punctuation(&mut self, byte: u8, token: &Token) {
        self.list = match (self.list, byte) {
            (List::In, b'(') => {
                self.copy_until(token.end);
                self.kept = token.end;
                List::Items { start: self.out.len(), some: false }
            }
            (list @ List::Items { .. }, b',') => list,
            (List::Items { start, some: true }, b')') => {
                self.out.truncate(start);
                self.out.push('?');
                self.kept = token.start;
                List::Outside
            }
            _ => List::Outside,
        };
    }

    fn text_of(&self, token: &Token) -> &'a str {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    fn replace(&mut self, token: &Token, by: &str) {
        self.copy_until(token.start);
        self.out.push_str(by);
        self.kept = token.end;
    }

    /// What a comment leaves: nothing where white space is, else a space, as it parts two tokens.
    fn instead_of_comment(&self, token: &Token) -> &'static str {
        let bytes = self.text.as_bytes();
        let before = token.start.checked_sub(1).and_then(|before| bytes.get(before));
        let parts = |byte: Option<&u8>| byte.is_some_and(|byte| !byte.is_ascii_whitespace());
        if parts(before) && parts(bytes.get(token.end)) { " " } else { "" }
    }

    fn copy_until(&mut self, end: usize) {
        self.out.push_str(self.text.get(self.kept..end).unwrap_or_default());
    }

    /// The text, without white space at its ends.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.copy_until(self.end);
        let space = |character: char| character.is_ascii_whitespace();
        self.out.truncate(self.out.trim_end_matches(space).len());
        let lead = self.out.len() - self.out.trim_start_matches(space).len();
        if lead > 0 {
            self.out.drain(..lead);
        }
        self.out
    }
}

/// Whether a quoted name ends with the quote that closes it.
pub(super) fn is_closed(quoted: &str) -> bool {
    let close = match quoted.as_bytes().first() {
        Some(b'`') => '`',
        Some(b'[') => ']',
        _ => '"',
    };
    quoted.len() >= 2 && quoted.ends_with(close)
}
