//! SQL text: what may leave the machine of it, and what it is about.
//!
//! One scan over the tokens ([`token`]) feeds three readers: the sanitiser ([`sanitise`](mod@sanitise)),
//! which replaces every literal, the summary ([`summary`](mod@summary)) by the OpenTelemetry rules for
//! `db.query.summary`, and the reader of sqlcommenter comments ([`comment`]).
//!
//! Nothing here validates SQL. Text that was cut, is in another dialect or is no SQL at all gives
//! less, never a literal.

pub mod comment;
pub(crate) mod mask;
pub(crate) mod reading;
pub mod sanitise;
mod state;
pub(crate) mod statements;
pub mod summary;
pub mod token;

#[cfg(test)]
pub(crate) mod talk;
#[cfg(test)]
mod tests;

use crate::context::WireContext;
use sanitise::Sanitiser;
use summary::Summariser;
use token::{Kind, Tokens};

pub use comment::comment_context;
pub use state::SqlState;

/// Where dialects read the same bytes differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// ISO SQL: `'…'` strings, `"…"` identifiers, `--` comments.
    #[default]
    Standard,
    /// PostgreSQL: also dollar quotes, `E'…'`, nested comments, `$1`.
    Postgresql,
    /// PostgreSQL with `standard_conforming_strings = off`: backslashes escape in every string.
    PostgresqlBackslash,
    /// PostgreSQL when it is not known which of the two: where they read a string differently, all that
    /// follows is taken for a part of it.
    PostgresqlEither,
    /// MySQL and MariaDB: `` `…` `` identifiers, `"…"` strings, backslashes, `#` comments,
    /// `/*! code */`.
    Mysql,
    /// MySQL in the mode `NO_BACKSLASH_ESCAPES`.
    MysqlNoBackslash,
    /// MySQL when it is not known which of the two, as [`PostgresqlEither`](Self::PostgresqlEither).
    MysqlEither,
}

/// What one scan found out about a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// The text without literals and comments.
    pub text: Box<str>,
    /// `db.query.summary`; empty if no operation was found.
    pub summary: Box<str>,
    /// How many statements the text holds, separated by semicolons.
    pub statements: u32,
    /// The trace context in a comment, if there was one.
    pub context: Option<WireContext>,
}

impl Digest {
    /// Whether nothing was asked: the text was empty, or only comments.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.trim_ascii().is_empty()
    }
}

/// Sanitises, summarises and reads the context of a statement in one scan.
#[must_use]
pub fn digest(text: &str, dialect: Dialect) -> Digest {
    let mut sanitiser = Sanitiser::new(text);
    let mut summariser = Summariser::new(text, dialect);
    let mut context = None;
    for token in Tokens::new(text, dialect) {
        if token.kind == Kind::Comment && context.is_none() {
            context = comment::context_of(text.get(token.start..token.end).unwrap_or_default());
        }
        sanitiser.push(&token);
        summariser.push(&token);
    }
    let statements = summariser.statements();
    Digest {
        text: sanitiser.finish().into(),
        summary: summariser.finish().into(),
        statements,
        context,
    }
}

/// The text with every literal replaced by `?`, comments removed and `IN (?, ?)` collapsed.
/// Placeholders and all else stay as they are.
#[must_use]
pub fn sanitise(text: &str, dialect: Dialect) -> String {
    let mut sanitiser = Sanitiser::new(text);
    Tokens::new(text, dialect).for_each(|token| sanitiser.push(&token));
    sanitiser.finish()
}

/// `{operation} {target} {target} {operation} …` in the order of the text, as the text spells
/// them, at most 255 characters, cut between two of them.
#[must_use]
pub fn summary(text: &str, dialect: Dialect) -> String {
    let mut summariser = Summariser::new(text, dialect);
    Tokens::new(text, dialect).for_each(|token| summariser.push(&token));
    summariser.finish()
}
