//! SQL text of the same length, without what the sanitiser takes out.

use super::Dialect;
use super::token::{Kind, Token, Tokens};
use crate::redact::{DIGIT, Kept, MASK};

/// The length of `00-` trace id `-` span id `-` flags (W3C Trace Context, §3.2.2).
const TRACEPARENT: usize = 55;

/// What statements begin with: <https://www.postgresql.org/docs/current/sql-commands.html>, in order.
const VERBS: [&str; 51] = [
    "ABORT",
    "ALTER",
    "ANALYZE",
    "BEGIN",
    "CALL",
    "CHECKPOINT",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DISCARD",
    "DO",
    "DROP",
    "END",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "GRANT",
    "IMPORT",
    "INSERT",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "MOVE",
    "NOTIFY",
    "PREPARE",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SECURITY",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "TRUNCATE",
    "UNLISTEN",
    "UPDATE",
    "VACUUM",
    "VALUES",
    "WITH",
];

/// What statements of MySQL and MariaDB begin with beside these:
/// <https://dev.mysql.com/doc/refman/9.0/en/sql-statements.html>, in order.
const MYSQL_VERBS: [&str; 24] = [
    "BINLOG", "CACHE", "CHANGE", "CHECK", "CHECKSUM", "CLONE", "DESC", "DESCRIBE", "FLUSH", "GET",
    "HANDLER", "INSTALL", "KILL", "OPTIMIZE", "PURGE", "RENAME", "REPAIR", "REPLACE", "SHUTDOWN",
    "STOP", "TABLE", "UNLOCK", "USE", "XA",
];

/// What stands at a byte. The greater hides more.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    #[default]
    AsItIs,
    Digit,
    Comment,
    Literal,
}

/// Shows the text that lies at `start`, as far as it may be shown: literals keep their length and
/// become `'xxx'`, numbers become nines, comments keep their frame and a `traceparent`. What one of
/// the dialects takes for a literal is one. Text that does not begin as a statement does shows nothing.
pub(crate) fn keep(start: usize, length: usize, dialects: &[Dialect], kept: &mut Kept<'_>) {
    let bytes = kept.from(start);
    let bytes = bytes.get(..length).unwrap_or(bytes);
    // Text in another encoding is shown up to its first byte that is not UTF-8.
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => bytes
            .get(..error.valid_up_to())
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default(),
    };
    if !dialects.iter().all(|dialect| is_statement(text, *dialect)) {
        return;
    }
    let mut shown = vec![Shown::AsItIs; text.len()];
    for dialect in dialects {
        for token in Tokens::new(text, *dialect) {
            let as_what = judge(text, &token);
            // A sign stays: it may be an operator.
            let signed = token.kind == Kind::Number
                && text.as_bytes().get(token.start).is_some_and(|byte| b"+-".contains(byte));
            let start = token.start + usize::from(signed);
            for byte in shown.get_mut(start..token.end).unwrap_or_default() {
                *byte = as_what.max(*byte);
            }
        }
    }
    for (at, shown) in shown.iter().enumerate() {
        match shown {
            Shown::AsItIs => kept.keep(start + at..start + at + 1),
            Shown::Digit => kept.put(start + at, DIGIT),
            Shown::Comment | Shown::Literal => kept.put(start + at, MASK),
        }
    }
    frame(&shown, start, text, kept);
}

fn is_statement(text: &str, dialect: Dialect) -> bool {
    let before = |token: &Token| {
        matches!(token.kind, Kind::Space | Kind::Comment | Kind::Punctuation(b'(' | b';'))
    };
    let Some(first) = Tokens::new(text, dialect).find(|token| !before(token)) else { return true };
    let word = text.get(first.start..first.end).unwrap_or_default();
    let is_word = |verb: &&str| verb.eq_ignore_ascii_case(word);
    let is_mysql = matches!(dialect, Dialect::Mysql | Dialect::MysqlNoBackslash);
    let is_verb = VERBS.iter().any(&is_word) || is_mysql && MYSQL_VERBS.iter().any(is_word);
    first.kind == Kind::Word && is_verb
}

/// Whether this is the value of a `traceparent` (W3C Trace Context, §3.2.2).
pub(crate) fn is_traceparent(value: &[u8]) -> bool {
    value.len() == TRACEPARENT
        && value.iter().enumerate().all(|(at, byte)| match at {
            2 | 35 | 52 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn judge(text: &str, token: &Token) -> Shown {
    match token.kind {
        Kind::Space | Kind::Word | Kind::Placeholder | Kind::Punctuation(_) => Shown::AsItIs,
        Kind::Number => Shown::Digit,
        Kind::Comment => Shown::Comment,
        Kind::Text => Shown::Literal,
        Kind::Quoted => {
            let quoted = text.get(token.start..token.end).unwrap_or_default();
            // A string in another dialect or mode, cut off.
            if super::sanitise::is_closed(quoted) { Shown::AsItIs } else { Shown::Literal }
        }
    }
}

/// Gives literals their quotes and comments their signs back, so that they are read as such.
fn frame(shown: &[Shown], start: usize, text: &str, kept: &mut Kept<'_>) {
    let mut at = 0;
    for run in shown.chunk_by(|one, other| one == other) {
        let (from, to) = (at, at + run.len());
        at = to;
        match run.first() {
            Some(Shown::Literal) if run.len() > 1 => {
                kept.put(start + from, b'\'');
                kept.put(start + to - 1, b'\'');
            }
            Some(Shown::Comment) => {
                comment(text.get(from..to).unwrap_or_default(), start + from, kept)
            }
            _ => {}
        }
    }
}

fn comment(comment: &str, start: usize, kept: &mut Kept<'_>) {
    let signs = if comment.starts_with('#') { 1 } else { 2 };
    kept.keep(start..start + signs.min(comment.len()));
    if comment.len() < 4 || !comment.starts_with("/*") || !comment.ends_with("*/") {
        return;
    }
    kept.keep(start + comment.len() - 2..start + comment.len());
    let Some(found) = comment.find("traceparent='") else { return };
    let value = found + "traceparent='".len();
    let is_parent = comment.as_bytes().get(value..value + TRACEPARENT).is_some_and(is_traceparent);
    if is_parent && comment.as_bytes().get(value + TRACEPARENT) == Some(&b'\'') {
        kept.keep(start + found..start + value + TRACEPARENT + 1);
        // The separator before it, without which it is no key.
        if let Some(before) = found.checked_sub(1).filter(|&before| before >= 2) {
            kept.put(start + before, b',');
        }
    }
}
