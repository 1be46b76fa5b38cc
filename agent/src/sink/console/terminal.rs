//! The terminal: its width, whether it has colours, and lines made of styled pieces.

use std::io::IsTerminal;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::config::Color;
use crate::sink::text::push_visible;

/// Columns where nobody says how many there are: output into a file or a pipe.
const DEFAULT_WIDTH: usize = 120;

/// What the output looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terminal {
    /// Columns.
    pub(super) width: usize,
    /// Whether to use ANSI colours.
    pub(super) color: bool,
}

impl Terminal {
    /// Standard output as it is at this moment.
    pub(super) fn stdout(color: Color) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let size = if is_terminal { terminal_size::terminal_size() } else { None };
        let width = size.map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0));
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && environment_allows_color(),
        };
        Self { width, color }
    }
}

/// <https://no-color.org>: set and not empty means no colour.
fn environment_allows_color() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    !no_color && !dumb
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As the terminal's text is.
    Plain,
    /// What is there for orientation.
    Dim,
    /// What names a span.
    Bold,
    /// What failed.
    Error,
    /// A service: one of some colours, the same each time.
    Service(u8),
}

impl Style {
    /// The style of a service, by its name.
    pub(super) fn of_service(name: &str) -> Self {
        let sum = name.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        Self::Service(sum % 5)
    }

    /// SGR parameters (ECMA-48 section 8.3.117).
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "2",
            Self::Bold => "1",
            Self::Error => "1;31",
            Self::Service(0) => "36",
            Self::Service(1) => "35",
            Self::Service(2) => "34",
            Self::Service(3) => "32",
            Self::Service(_) => "33",
        }
    }
}

/// A line in the making. Texts are made harmless as they come in.
#[derive(Debug, Default)]
pub(super) struct Line {
    pieces: Vec<(Style, String)>,
    width: usize,
}

impl Line {
    /// Adds text.
    pub(super) fn push(&mut self, style: Style, text: &str) {
        let mut visible = String::with_capacity(text.len());
        push_visible(&mut visible, text);
        self.width += visible.width();
        self.pieces.push((style, visible));
    }

    /// Cuts the line to so many columns, the last an ellipsis if something went.
    pub(super) fn fit(&mut self, columns: usize) {
        if self.width <= columns {
            return;
        }
        let mut room = columns.saturating_sub(1);
        let mut kept = 0;
        for (_, text) in &mut self.pieces {
            kept += 1;
            let width = text.width();
            if width > room {
                truncate(text, room);
                text.push('…');
                break;
            }
            room -= width;
        }
        self.pieces.truncate(kept);
        self.width = self.pieces.iter().map(|(_, text)| text.width()).sum();
    }

    /// Adds spaces up to a column.
    pub(super) fn pad_to(&mut self, column: usize) {
        if let Some(missing) = column.checked_sub(self.width) {
            self.pieces.push((Style::Plain, " ".repeat(missing)));
            self.width = column;
        }
    }

    /// Writes the line with its end; spaces before the end are left out.
    pub(super) fn write(mut self, out: &mut Vec<u8>, color: bool) {
        while let Some((_, last)) = self.pieces.last_mut() {
            last.truncate(last.trim_end().len());
            if !last.is_empty() {
                break;
            }
            self.pieces.pop();
        }
        for (style, text) in &self.pieces {
            let code = style.code();
            if color && !code.is_empty() && !text.is_empty() {
                out.extend_from_slice(format!("\x1b[{code}m{text}\x1b[0m").as_bytes());
            } else {
                out.extend_from_slice(text.as_bytes());
            }
        }
        out.push(b'\n');
    }
}

/// Keeps what fits into so many columns.
fn truncate(text: &mut String, columns: usize) {
    let mut used = 0;
    let end = text.char_indices().find_map(|(at, character)| {
        used += character.width().unwrap_or(0);
        (used > columns).then_some(at)
    });
    if let Some(end) = end {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Style};
    use crate::sink::text::is_unsafe;

    fn written(line: Line, color: bool) -> String {
        let mut out = Vec::new();
        line.write(&mut out, color);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let mut line = Line::default();
        line.push(Style::Plain, "漢字漢字");
        assert_eq!(line.width, 8);
        line.fit(6);
        assert_eq!(line.width, 5);
        line.pad_to(7);
        line.push(Style::Plain, "|");
        assert_eq!(written(line, false), "漢字…  |\n");
    }

    #[test]
    fn a_line_is_cut_across_its_pieces() {
        let mut line = Line::default();
        for text in ["abc", "def", "ghi"] {
            line.push(Style::Bold, text);
        }
        line.fit(5);
        assert_eq!(written(line, false), "abcd…\n");
    }

    #[test]
    fn only_our_own_escapes_reach_the_terminal() {
        let mut line = Line::default();
        line.push(Style::Error, "\u{1b}[2J\u{9b}1m\u{202e}x");
        let text = written(line, true);
        let inner = text.strip_prefix("\u{1b}[1;31m").unwrap().strip_suffix("\u{1b}[0m\n").unwrap();
        assert!(!inner.chars().any(is_unsafe), "{inner:?}");
    }
}
