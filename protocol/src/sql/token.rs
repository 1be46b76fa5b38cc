//! SQL tokens, as far as literals, names and comments have to be told apart.

use super::Dialect;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// White space.
    Space,
    /// A comment, or the frame (`/*!40101`, `*/`) around MySQL's conditional code.
    Comment,
    /// An unquoted name or keyword.
    Word,
    /// A quoted name: `"…"`, `` `…` `` or `[…]` with its quotes.
    Quoted,
    /// A string of any spelling, terminated or not.
    Text,
    /// A number of any spelling, with its sign where it cannot be an operator.
    Number,
    /// `?`, `$1`, `:name`, `@name`, `@@name`, `%s`.
    Placeholder,
    /// Any other single byte.
    Punctuation(u8),
}

/// A token: what it is and which bytes of the text it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Offset of its first byte.
    pub start: usize,
    /// Offset behind its last byte.
    pub end: usize,
}

/// The tokens of a text, in order, without gaps.
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
    dialect: Dialect,
    /// Inside `/*! … */`.
    conditional: bool,
}

impl<'a> Tokens<'a> {
    /// Starts at the beginning of `text`.
    #[must_use]
    pub fn new(text: &'a str, dialect: Dialect) -> Self {
        Self { bytes: text.as_bytes(), at: 0, dialect, conditional: false }
    }

    fn is_mysql(&self) -> bool {
        matches!(self.dialect, Dialect::Mysql | Dialect::MysqlNoBackslash | Dialect::MysqlEither)
    }

    fn is_postgresql(&self) -> bool {
        use Dialect::{Postgresql, PostgresqlBackslash, PostgresqlEither};
        matches!(self.dialect, Postgresql | PostgresqlBackslash | PostgresqlEither)
    }

    /// Whether a backslash escapes in a string without a prefix.
    fn backslash_escapes(&self) -> bool {
        matches!(self.dialect, Dialect::Mysql | Dialect::PostgresqlBackslash)
    }

    /// The byte at an offset; zero beyond the end (and for a zero byte, which is punctuation).
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The first offset from `at` whose byte does not satisfy `test`.
    fn run(&self, at: usize, test: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().position(|&byte| !test(byte)).unwrap_or(rest.len())
    }

    /// The end of a quoted run whose content starts at `at`: behind the closing quote (a doubled
    /// quote does not close), or the end of the text.
    fn quoted(&self, mut at: usize, quote: u8, backslash: bool) -> usize {
        while let Some(&byte) = self.bytes.get(at) {
            at += 1;
            if byte == b'\\' && backslash {
                at += 1;
            } else if byte == quote {
                if self.byte(at) != quote {
                    return at;
                }
                at += 1;
            }
        }
        self.bytes.len()
    }

    /// The end of a string without a prefix that says whether backslashes escape; its content starts
    /// at `at`.
    fn string(&self, at: usize, quote: u8) -> usize {
        let end = self.quoted(at, quote, self.backslash_escapes());
        let either = matches!(self.dialect, Dialect::PostgresqlEither | Dialect::MysqlEither);
        if either && self.quoted(at, quote, true) != end { self.bytes.len() } else { end }
    }

    fn line_comment(&self, at: usize) -> usize {
        self.run(at, |byte| byte != b'\n')
    }

    fn block_comment(&self, start: usize) -> usize {
        let nests = self.is_postgresql();
        let mut depth = 1usize;
        let mut at = start + 2;
        while at < self.bytes.len() {
            match (self.byte(at), self.byte(at + 1)) {
                (b'*', b'/') => {
                    at += 2;
                    depth -= 1;
                    if depth == 0 {
                        return at;
                    }
                }
                (b'/', b'*') if nests => {
                    at += 2;
                    depth += 1;
                }
                _ => at += 1,
            }
        }
        self.bytes.len()
    }

    /// The end of `$tag$ … $tag$`, if a dollar quote starts at `start`.
    /// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-DOLLAR-QUOTING>
    fn dollar_quote(&self, start: usize) -> Option<usize> {
        let tag_end = self.run(start + 1, |byte| is_word(byte) && byte != b'$');
        if self.byte(tag_end) != b'$' || self.byte(start + 1).is_ascii_digit() {
            return None;
        }
        let tag = self.bytes.get(start..=tag_end)?;
        let mut at = tag_end + 1;
        while let Some(rest) = self.bytes.get(at..) {
            let Some(found) = rest.iter().position(|&byte| byte == b'$') else { break };
            at += found;
            if self.bytes.get(at..).is_some_and(|rest| rest.starts_with(tag)) {
                return Some(at + tag.len());
            }
            at += 1;
        }
        Some(self.bytes.len())
    }

    /// The end of a number whose first digit or dot is at `at`. Letters that stick to it belong to
    /// it: `0xFF`, `1e5`, `12abc` (which some dialects take for a name; no literal survives).
    fn number(&self, mut at: usize) -> usize {
        let radix = self.byte(at) == b'0' && matches!(self.byte(at + 1) | 0x20, b'x' | b'o' | b'b');
        loop {
            let byte = self.byte(at);
            let exponent = !radix
                && byte | 0x20 == b'e'
                && matches!(self.byte(at + 1), b'+' | b'-')
                && self.byte(at + 2).is_ascii_digit();
            if exponent {
                at += 3;
            } else if is_word(byte) || byte == b'.' {
                at += 1;
            } else {
                return at;
            }
        }
    }

    /// Whether a sign at `start` is a part of the number behind it: nothing that could be an
    /// operand stands directly before it. (A number does not count as one: the conventions'
    /// test cases read `99+100` as two literals.)
    fn sign_belongs(&self, start: usize) -> bool {
        let next = self.byte(start + 1);
        let number =
            next.is_ascii_digit() || (next == b'.' && self.byte(start + 2).is_ascii_digit());
        if !number {
            return false;
        }
        let Some(before) = start.checked_sub(1) else { return true };
        match self.byte(before) {
            b')' | b']' | b'\'' | b'"' | b'`' | b'?' => false,
            byte if byte.is_ascii_digit() => {
                let word = self.bytes.get(..start).unwrap_or_default();
                let first = word.iter().rposition(|&byte| !is_word(byte)).map_or(0, |at| at + 1);
                self.byte(first).is_ascii_digit()
            }
            byte => !is_word(byte),
        }
    }

    /// A word, or the string that it is the prefix of.
    fn word(&self, start: usize) -> (Kind, usize) {
        let end = self.run(start, is_word);
        if self.byte(end) == b'\'' && end - start == 1 {
            let prefix = self.byte(start) | 0x20;
            match prefix {
                b'e' => return (Kind::Text, self.quoted(end + 1, b'\'', true)),
                b'b' | b'x' | b'n' => return (Kind::Text, self.string(end + 1, b'\'')),
                _ => {}
            }
        }
        // U&'…' and U&"…"
        if end - start == 1 && self.byte(start) | 0x20 == b'u' && self.byte(end) == b'&' {
            match self.byte(end + 1) {
                b'\'' => return (Kind::Text, self.quoted(end + 2, b'\'', false)),
                b'"' => return (Kind::Quoted, self.quoted(end + 2, b'"', false)),
                _ => {}
            }
        }
        (Kind::Word, end)
    }

    /// T-SQL's quoted names (an array subscript by a name reads the same), else the bracket alone.
    fn bracket(&self, start: usize) -> (Kind, usize) {
        let end = self.run(start + 1, |byte| is_word(byte) || byte == b' ');
        if is_word_start(self.byte(start + 1)) && self.byte(end) == b']' {
            (Kind::Quoted, end + 1)
        } else {
            (Kind::Punctuation(b'['), start + 1)
        }
    }

    /// The end of a comment, or of the opening of MySQL's conditional code.
    fn comment(&mut self, start: usize) -> usize {
        let code = match (self.byte(start + 2), self.byte(start + 3)) {
            (b'!', _) => start + 3,
            (b'M', b'!') => start + 4,
            _ => return self.block_comment(start),
        };
        if !self.is_mysql() {
            return self.block_comment(start);
        }
        self.conditional = true;
        self.run(code, |byte| byte.is_ascii_digit())
    }

    /// The kind and end of the token at `start`.
    fn read(&mut self, start: usize) -> (Kind, usize) {
        let byte = self.byte(start);
        let next = self.byte(start + 1);
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => {
                (Kind::Space, self.run(start, |byte| matches!(byte, b' ' | 9..=13)))
            }
            b'\'' => (Kind::Text, self.string(start + 1, b'\'')),
            b'"' if self.is_mysql() => (Kind::Text, self.string(start + 1, b'"')),
            b'"' | b'`' => (Kind::Quoted, self.quoted(start + 1, byte, false)),
            b'[' if self.dialect == Dialect::Standard => self.bracket(start),
            b'-' if next == b'-' && (!self.is_mysql() || self.byte(start + 2) <= b' ') => {
                (Kind::Comment, self.line_comment(start))
            }
            b'#' if self.is_mysql() => (Kind::Comment, self.line_comment(start)),
            b'/' if next == b'*' => (Kind::Comment, self.comment(start)),
            b'*' if next == b'/' && self.conditional => {
                self.conditional = false;
                (Kind::Comment, start + 2)
            }
            b'0'..=b'9' => (Kind::Number, self.number(start)),
            b'.' if next.is_ascii_digit() => (Kind::Number, self.number(start)),
            b'+' | b'-' if self.sign_belongs(start) => (Kind::Number, self.number(start + 1)),
            b'$' if self.is_postgresql() => match self.dollar_quote(start) {
                Some(end) => (Kind::Text, end),
                None => (Kind::Placeholder, self.run(start + 1, is_word).max(start + 1)),
            },
            b'?' => (Kind::Placeholder, start + 1),
            b':' if next == b':' => (Kind::Punctuation(b':'), start + 2),
            b'@' | b':' if is_word_start(next) || (byte == b'@' && next == b'@') => {
                let name = start + 1 + usize::from(next == b'@');
                (Kind::Placeholder, self.run(name, is_word))
            }
            _ if is_word_start(byte) => self.word(start),
            _ => (Kind::Punctuation(byte), start + 1),
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let start = self.at;
        if start >= self.bytes.len() {
            return None;
        }
        let (kind, end) = self.read(start);
        self.at = end.clamp(start + 1, self.bytes.len());
        Some(Token { kind, start, end: self.at })
    }
}

/// Bytes of names behind the first. Everything beyond ASCII counts, as in every dialect.
fn is_word(byte: u8) -> bool {
    WORD[byte as usize]
}

/// A table, as most bytes of most statements are asked.
static WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let is = byte as u8;
        table[byte] = is.is_ascii_alphanumeric() || is == b'_' || is == b'$' || is >= 0x80;
        byte += 1;
    }
    table
};

fn is_word_start(byte: u8) -> bool {
    is_word(byte) && !byte.is_ascii_digit() && byte != b'$'
}
