//! What may leave of a request's parameters and of a response's head.

use super::super::params::length;
use crate::http::Method;
use crate::http1::redact as http1;
use crate::redact::{Kept, all};

/// The longest name of a parameter that is shown, in bytes.
const LONGEST_NAME: usize = 48;

/// A stream of name-value pairs (FastCGI 1.0 §3.4), which records cut anywhere.
#[derive(Clone, Copy, Debug)]
pub(super) enum Params {
    /// A pair comes.
    Between,
    /// So many bytes are left of a pair that was cut.
    Within(usize),
    /// Where pairs begin is not known.
    Lost,
}

impl Params {
    /// Shows what may be shown of the next part: lengths, and of pairs that are whole more.
    pub(super) fn keep(&mut self, part: &mut Kept<'_>) {
        let mut at = match *self {
            Self::Between => 0,
            Self::Within(left) => left,
            Self::Lost => return,
        };
        while at < part.bytes.len() {
            let rest = part.from(at);
            let lengths = length(rest)
                .and_then(|(name, behind)| Some((name, length(behind)?)))
                .map(|(name, (value, behind))| (name, value, rest.len() - behind.len()));
            let Some((name, value, taken)) = lengths else {
                *self = Self::Lost;
                return;
            };
            part.keep(at..at + taken);
            at += taken;
            let total = name.saturating_add(value);
            if let Some(pair) = part.bytes.get(at..at.saturating_add(total)) {
                let (name, value) = pair.split_at(name);
                keep_pair(name, value, at, part);
            }
            at = at.saturating_add(total);
        }
        *self = match at - part.bytes.len() {
            0 => Self::Between,
            left => Self::Within(left),
        };
    }
}

fn keep_pair(name: &[u8], value: &[u8], at: usize, part: &mut Kept<'_>) {
    let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if !all(name, LONGEST_NAME, is_name) {
        return;
    }
    part.keep(at..at + name.len());
    let start = at + name.len();
    let shown = match name {
        b"REQUEST_URI" => return keep_target(value, start, part),
        b"SCRIPT_NAME" | b"PATH_INFO" | b"DOCUMENT_URI" if !value.contains(&b'?') => {
            return keep_target(value, start, part);
        }
        b"QUERY_STRING" => {
            // As it stands in a target.
            let target = [b"?", value].concat();
            let shown = http1::target(&target);
            return keep_marked(shown.get(1..).unwrap_or_default(), start, part);
        }
        b"REQUEST_METHOD" => Method::new(value).known().is_some().then_some(value.len()),
        b"REQUEST_SCHEME" => matches!(value, b"http" | b"https").then_some(value.len()),
        b"HTTPS" => matches!(value, b"on" | b"off").then_some(value.len()),
        b"SERVER_PROTOCOL" => is_protocol(value).then_some(value.len()),
        b"SERVER_NAME" => all(value, 128, http1::is_host).then_some(value.len()),
        b"SERVER_PORT" => all(value, 5, |byte| byte.is_ascii_digit()).then_some(value.len()),
        b"CONTENT_LENGTH" | b"CONTENT_TYPE" => http1::value(&field(name), value),
        _ => name.strip_prefix(b"HTTP_").and_then(|name| http1::value(&field(name), value)),
    };
    part.keep(start..start + shown.unwrap_or_default());
}

fn keep_target(target: &[u8], start: usize, part: &mut Kept<'_>) {
    keep_marked(&http1::target(target), start, part);
}

fn keep_marked(shown: &[bool], start: usize, part: &mut Kept<'_>) {
    for (index, _) in shown.iter().enumerate().filter(|(_, shown)| **shown) {
        part.keep(start + index..start + index + 1);
    }
}

/// `USER_AGENT` is `user-agent` (RFC 3875 §4.1.18).
fn field(name: &[u8]) -> Vec<u8> {
    let each = name.iter().map(|&byte| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() });
    each.collect()
}

/// `HTTP/1.1`.
fn is_protocol(value: &[u8]) -> bool {
    matches!(value, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'])
}

/// The start of a response's output: its head, line by line (RFC 3875 §6), and its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// A line comes.
    Begins,
    /// A body, or what cannot be told from one.
    Over,
}

impl Head {
    /// Shows what may be shown of the next part of the output.
    pub(super) fn keep(&mut self, part: &mut Kept<'_>) {
        let mut at = 0;
        while *self == Self::Begins && at < part.bytes.len() {
            let Some(line) = part.line(at) else {
                *self = Self::Over;
                return;
            };
            at = line.next;
            if line.text.is_empty() {
                *self = Self::Over;
                return;
            }
            let Some((name, value)) = http1::field(line, part) else {
                // No field: what was taken for a head is none.
                *self = Self::Over;
                return;
            };
            let start = line.start + line.text.trim_ascii_end().len() - value.len();
            if name.eq_ignore_ascii_case(b"Status") {
                if let [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9', rest @ ..] = value
                    && matches!(rest, [] | [b' ', ..])
                {
                    // The space as well, without the reason behind it.
                    part.keep(start..start + value.len().min(4));
                }
            } else if name.eq_ignore_ascii_case(b"Location") && value.starts_with(b"/") {
                // It makes the difference between a redirect and another document (§6.2.2).
                part.keep(start..start + 1);
            }
        }
    }
}
