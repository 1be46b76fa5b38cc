//! `--format line`: one span a line.

use onlooker_pipeline::span::Span;

use super::facts::{clock, duration, failed, outcome, statement, subject};
use super::terminal::{Line, Style, Terminal};

/// Appends a span: start, duration, kind, service, name, outcome, what it was about, ids.
pub(super) fn push(out: &mut Vec<u8>, span: &Span, terminal: Terminal) {
    let nanoseconds = span.end_unix_nano.saturating_sub(span.start_unix_nano);
    let emphasis = if failed(span) { Style::Error } else { Style::Bold };
    let mut line = Line::default();
    line.push(Style::Dim, &clock(span.start_unix_nano, 6));
    line.push(Style::Plain, &format!(" {:>8} {:<8} ", duration(nanoseconds), span.kind.name()));
    line.push(Style::of_service(&span.resource.service), &span.resource.service);
    line.push(Style::Plain, " ");
    line.push(emphasis, &span.name);
    let outcome = outcome(span);
    if !outcome.is_empty() {
        line.push(Style::Plain, " ");
        line.push(if failed(span) { Style::Error } else { Style::Plain }, &outcome);
    }
    if let Some(subject) = subject(span) {
        line.push(Style::Plain, " ");
        line.push(Style::Plain, &subject);
    }
    if let Some(statement) = statement(span) {
        line.push(Style::Dim, " | ");
        line.push(Style::Plain, statement);
    }
    let parent = span.parent.zip(span.evidence).map_or_else(String::new, |(parent, evidence)| {
        format!(" parent={parent} evidence={}", evidence.name())
    });
    line.push(Style::Dim, &format!(" trace={} span={}{parent}", span.trace_id, span.span_id));
    line.write(out, terminal.color);
}

#[cfg(test)]
mod tests {
    use super::push;
    use crate::sink::console::terminal::Terminal;
    use crate::sink::sample;
    use crate::sink::text::is_unsafe;
    use onlooker_pipeline::span::Span;

    fn line(span: &Span) -> String {
        let mut out = Vec::new();
        push(&mut out, span, Terminal { width: 10, color: false });
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_span_is_one_line_with_its_ids() {
        assert_eq!(
            line(&sample::span()),
            "22:13:20.000000  12.3 ms SERVER   shop GET /cart \
             trace=abababababababababababababababab span=0101010101010101\n"
        );
        assert_eq!(
            line(&sample::client()),
            "22:13:20.001000  8.00 ms CLIENT   shop SELECT items error duplicate key \
             | SELECT * FROM items WHERE id = ? \
             trace=abababababababababababababababab span=0202020202020202 \
             parent=0101010101010101 evidence=same-task\n"
        );
    }

    #[test]
    fn hostile_names_stay_on_their_line() {
        let mut span = sample::span();
        span.name = "GET\n\u{1b}[31mfake\u{202e}".into();
        let text = line(&span);
        assert_eq!(text.matches('\n').count(), 1);
        assert!(!text.trim_end_matches('\n').chars().any(is_unsafe));
    }
}
