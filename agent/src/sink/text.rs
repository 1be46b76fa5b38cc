//! Untrusted text on its way to people and machines: JSON strings and terminal text that carry
//! no control characters, escape sequences or direction overrides.

use std::fmt::Write;

/// Whether a character could do anything else on a terminal than show itself: C0, DEL and C1
/// controls (C1 includes the one-character CSI, U+009B), line and paragraph separators,
/// directional marks, embeddings, overrides and isolates ("Trojan source"), interlinear
/// annotations, the byte order mark and invisible tag characters.
pub(super) const fn is_unsafe(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Appends text for a terminal: white space becomes a space, what [`is_unsafe`] becomes visible
/// as `\u{1b}`.
pub(super) fn push_visible(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => out.push(' '),
            character if is_unsafe(character) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
            character => out.push(character),
        }
    }
}

/// Text for a terminal, as [`push_visible`] writes it.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_visible(&mut out, text);
    out
}

/// Appends a JSON string (RFC 8259 section 7), quotes included. What [`is_unsafe`] is escaped,
/// so that the JSON is safe on a terminal too.
pub(super) fn push_json(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\' {
            continue;
        }
        // Continuation bytes belong to the character whose first byte was handled already.
        if at < plain || !text.is_char_boundary(at) {
            continue;
        }
        let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
        if !(is_unsafe(character) || matches!(character, '"' | '\\')) {
            continue;
        }
        out.extend_from_slice(text.get(plain..at).unwrap_or_default().as_bytes());
        plain = at + character.len_utf8();
        push_json_escape(out, character);
    }
    out.extend_from_slice(text.get(plain..).unwrap_or_default().as_bytes());
    out.push(b'"');
}

fn push_json_escape(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(b"\\u");
                for shift in [12, 8, 4, 0] {
                    out.push(hex_digit((*unit >> shift) as u8));
                }
            }
        }
    }
}

/// Appends bytes as lower-case hexadecimal.
pub(super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(*byte)]);
    }
}

/// The same in quotation marks.
pub(super) fn push_quoted_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    push_hex(out, bytes);
    out.push(b'"');
}

/// Appends what is formatted.
pub(super) fn print(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = std::io::Write::write_fmt(out, arguments);
}

const fn hex_digit(nibble: u8) -> u8 {
    match nibble & 0xf {
        digit @ 0..=9 => b'0' + digit,
        letter => b'a' + letter - 10,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_unsafe, push_json, visible};

    const HOSTILE: &str =
        "a\u{1b}[2J\u{9b}31m\u{7}\r\n\u{202e}gpj.exe\u{2066}\u{7f}\u{e0041}é漢\"\\";

    fn json(text: &str) -> String {
        let mut out = Vec::new();
        push_json(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_strings_come_back_as_they_were() {
        for text in ["", "plain", HOSTILE, "漢字", "\u{10ffff}", "tail\n"] {
            assert_eq!(serde_json::from_str::<String>(&json(text)).unwrap(), text);
        }
    }

    #[test]
    fn nothing_unsafe_is_left_in_json_or_visible_text() {
        assert!(!json(HOSTILE).chars().any(is_unsafe));
        assert!(!visible(HOSTILE).chars().any(is_unsafe));
        assert_eq!(visible("\u{1b}[2J"), "\\u{1b}[2J");
    }

    #[test]
    fn every_character_survives_json() {
        for character in (0..=0x10_ffff_u32).step_by(7).filter_map(char::from_u32) {
            let text = format!("x{character}y");
            assert_eq!(serde_json::from_str::<String>(&json(&text)).unwrap(), text);
        }
    }
}
