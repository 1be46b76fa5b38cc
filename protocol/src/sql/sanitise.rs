//! Text without literals.

use super::token::{Kind, Token};

/// Builds the sanitised text from tokens.
#[derive(Debug)]
pub struct Sanitiser<'a> {
    text: &'a str,
    out: String,
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
        Self { text, out: String::with_capacity(text.len()), list: List::Outside }
    }

    /// Takes the next token.
    pub fn push(&mut self, token: &Token) {
        let text = self.text.get(token.start..token.end).unwrap_or_default();
        self.list = self.follow(token, text);
        match token.kind {
            Kind::Comment => {}
            Kind::Text | Kind::Number => self.out.push('?'),
            // A cut off "…: a string in another dialect or mode.
            Kind::Quoted if text.len() < 2 || text.as_bytes().last() != closing(text) => {
                self.out.push('?');
            }
            _ => self.out.push_str(text),
        }
    }

    fn follow(&mut self, token: &Token, text: &str) -> List {
        match (self.list, token.kind) {
            (list, Kind::Space | Kind::Comment) => list,
            (List::In, Kind::Punctuation(b'(')) => {
                List::Items { start: self.out.len() + 1, some: false }
            }
            (List::Items { start, .. }, Kind::Text | Kind::Number) => {
                List::Items { start, some: true }
            }
            (List::Items { start, .. }, Kind::Placeholder) if text == "?" => {
                List::Items { start, some: true }
            }
            (list @ List::Items { .. }, Kind::Punctuation(b',')) => list,
            (List::Items { start, some: true }, Kind::Punctuation(b')')) => {
                self.out.truncate(start);
                self.out.push('?');
                List::Outside
            }
            (_, Kind::Word) if text.eq_ignore_ascii_case("in") => List::In,
            _ => List::Outside,
        }
    }

    /// The text, without white space at its ends.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        let lead = self.out.len() - self.out.trim_start().len();
        self.out.drain(..lead);
        self.out
    }
}

/// The byte that closes a quoted name.
fn closing(quoted: &str) -> Option<&'static u8> {
    match quoted.as_bytes().first() {
        Some(b'`') => Some(&b'`'),
        Some(b'[') => Some(&b']'),
        _ => Some(&b'"'),
    }
}
