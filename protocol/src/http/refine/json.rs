//! The members of a JSON object (RFC 8259) whose text may be cut off: enough to recognise an API,
//! without recursion, without copying what is not asked for.

use std::borrow::Cow;

/// A value as it is written.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// A string, unescaped; cut off if the text was.
    Text(Cow<'a, str>),
    /// A number, `true`, `false` or `null`.
    Scalar(&'a str),
    /// An object or array, brackets included; without its end if the text was cut off.
    Nested(&'a [u8]),
}

impl Value<'_> {
    /// The string.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The members of the object that `text` starts with; none if it is no object. Stops where the
/// text is cut off or no JSON.
pub(super) fn members(text: &[u8]) -> Members<'_> {
    Members { rest: text.trim_ascii_start().strip_prefix(b"{").unwrap_or_default() }
}

/// The value of one member.
pub(super) fn member<'a>(text: &'a [u8], name: &str) -> Option<Value<'a>> {
    members(text).find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Whether the object that `text` starts with has its end.
pub(super) fn is_whole(text: &[u8]) -> bool {
    nested_end(text.trim_ascii_start()).is_some()
}

/// The objects of the array that `text` starts with; one that is cut off is left out.
pub(super) fn elements(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text.trim_ascii_start().strip_prefix(b"[").unwrap_or_default();
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        if rest.first() != Some(&b'{') {
            return None;
        }
        let (element, behind) = rest.split_at(nested_end(rest)?);
        rest = behind;
        Some(element)
    })
}

/// See [`members`].
pub(super) struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_ascii_start();
        let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        let (name, rest, true) = string(rest)? else { return None };
        let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let (value, rest) = value(rest)?;
        self.rest = rest;
        Some((name, value))
    }
}

fn value(text: &[u8]) -> Option<(Value<'_>, &[u8])> {
    match text.first()? {
        b'"' => string(text).map(|(text, rest, _)| (Value::Text(text), rest)),
        b'{' | b'[' => {
            let (nested, rest) = text.split_at(nested_length(text));
            Some((Value::Nested(nested), rest))
        }
        _ => {
            let end = text.iter().position(|byte| b",}] \t\r\n".contains(byte))?;
            let (scalar, rest) = text.split_at(end);
            Some((Value::Scalar(std::str::from_utf8(scalar).ok()?), rest))
        }
    }
}

/// Length of the object or array at the front; all of the text if it does not end there.
fn nested_length(text: &[u8]) -> usize {
    nested_end(text).unwrap_or(text.len())
}

/// Where the object or array at the front ends, if it does.
fn nested_end(text: &[u8]) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The string at the front, what follows it, and whether its end was there.
fn string(text: &[u8]) -> Option<(Cow<'_, str>, &[u8], bool)> {
    let inner = text.strip_prefix(b"\"")?;
    let mut escaped = false;
    let mut plain = true;
    let end = inner.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        plain &= byte != b'\\';
        ends
    });
    let (content, rest) = match end {
        Some(end) => (&inner[..end], &inner[end + 1..]),
        None => (inner, &b""[..]),
    };
    let content = String::from_utf8_lossy(content);
    let content = if plain { content } else { Cow::Owned(unescaped(&content)) };
    Some((content, rest, end.is_some()))
}

/// Escapes replaced (§7).
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let code = rest.as_str().get(..4).and_then(|it| u32::from_str_radix(it, 16).ok());
                rest = rest.as_str().get(4..).unwrap_or_default().chars();
                out.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Value, member, members};

    #[test]
    fn members_of_every_kind() {
        let text = br#" { "a" : "x\"\u0041\n" , "b":-1.5e3,"c":{"d":["}",{}]},"e":[],"f":null , "g":true}"#;
        let found: Vec<_> = members(text).collect();
        assert_eq!(found.len(), 6);
        assert_eq!(found[0], ("a".into(), Value::Text("x\"A\n".into())));
        assert_eq!(found[1], ("b".into(), Value::Scalar("-1.5e3")));
        assert_eq!(found[2], ("c".into(), Value::Nested(br#"{"d":["}",{}]}"#)));
        assert_eq!(found[5], ("g".into(), Value::Scalar("true")));
    }

    #[test]
    fn elements_of_an_array() {
        let text = br#"[ {"a":[1,{}]} ,{"b":"]"},{"c":1"#;
        let found: Vec<_> = super::elements(text).collect();
        assert_eq!(found, [&br#"{"a":[1,{}]}"#[..], br#"{"b":"]"}"#]);
        assert_eq!(super::elements(b"[1,{}]").count(), 0);
    }

    #[test]
    fn texts_that_are_cut_off() {
        assert_eq!(member(br#"{"a":1,"q":"quer"#, "q").unwrap().text(), Some("quer"));
        assert_eq!(member(br#"{"a":{"b":1"#, "a"), Some(Value::Nested(br#"{"b":1"#)));
        assert_eq!(member(br#"{"a":12"#, "a"), None);
        for text in [
            "",
            "{",
            "[1]",
            "{\"a",
            "{\"a\"",
            "{\"a\":",
            "{a:1}",
            "{\"a\":\"\\",
            "\u{1}",
            "{\"a\":\"\\u00",
        ] {
            members(text.as_bytes()).for_each(drop);
        }
    }
}
