//! `--format tree`: a finished trace as a tree.

use std::collections::{HashMap, HashSet};

use onlooker_pipeline::span::{Span, SpanId};

use super::assembly::Trace;
use super::facts::{arrow, clock, duration, failed, outcome, statement, subject};
use super::terminal::{Line, Style, Terminal};
use crate::words::counted;

/// Columns for a duration with the space before it.
const DURATION: usize = 10;

/// The deepest level that is indented; below it the tree goes straight down.
const MAX_DEPTH: usize = 40;

/// Appends a trace: a head line, a line for each span and one for each statement.
pub(super) fn push(out: &mut Vec<u8>, trace: &Trace, terminal: Terminal) {
    let drawing = Drawing::new(trace, terminal);
    drawing.head(out, trace);
    for row in rows(&trace.spans) {
        drawing.row(out, &row);
    }
    if trace.left_out > 0 {
        let mut line = Line::default();
        line.push(Style::Dim, &format!("… and {}", counted(trace.left_out, "more span(s)")));
        line.write(out, terminal.color);
    }
    out.push(b'\n');
}

/// A span with its place in the tree.
struct Row<'a> {
    span: &'a Span,
    /// The branches before it.
    prefix: String,
    /// What stands before the lines that belong to it.
    below: String,
    /// Its service is the one of the line above in the tree.
    same_service: bool,
}

/// The spans in the order of the tree: children by their start below their parents. Whatever the
/// parents say, each span comes once.
fn rows(spans: &[Span]) -> Vec<Row<'_>> {
    let known: HashSet<SpanId> = spans.iter().map(|span| span.span_id).collect();
    let mut children: HashMap<Option<SpanId>, Vec<&Span>> = HashMap::new();
    for span in spans {
        let parent = span.parent.filter(|parent| known.contains(parent));
        children.entry(parent).or_default().push(span);
    }
    for siblings in children.values_mut() {
        siblings.sort_by_key(|span| (span.start_unix_nano, span.end_unix_nano));
    }
    let mut rows = Vec::with_capacity(spans.len());
    let mut from = children.remove(&None).unwrap_or_default();
    loop {
        descend(from, &mut children, &mut rows);
        // What is left is below itself: parents that make a circle.
        match children.keys().next().copied() {
            Some(key) => from = children.remove(&key).unwrap_or_default(),
            None => return rows,
        }
    }
}

/// Appends spans with all that is below them. A stack of our own: the input decides the depth.
fn descend<'a>(
    roots: Vec<&'a Span>,
    children: &mut HashMap<Option<SpanId>, Vec<&'a Span>>,
    rows: &mut Vec<Row<'a>>,
) {
    struct Level<'a> {
        spans: std::vec::IntoIter<&'a Span>,
        prefix: String,
        service: Option<&'a str>,
    }
    let mut levels = vec![Level { spans: roots.into_iter(), prefix: String::new(), service: None }];
    while let Some(level) = levels.last_mut() {
        let Some(span) = level.spans.next() else {
            levels.pop();
            continue;
        };
        let last = level.spans.len() == 0;
        let root = level.service.is_none();
        let (branch, beyond) = match (root, last) {
            (true, _) => ("", ""),
            (false, true) => ("└─ ", "   "),
            (false, false) => ("├─ ", "│  "),
        };
        let below = children.remove(&Some(span.span_id)).unwrap_or_default();
        let deep = level.prefix.chars().count() / 3 >= MAX_DEPTH;
        let inner = if deep { level.prefix.clone() } else { format!("{}{beyond}", level.prefix) };
        let through = if below.is_empty() { "   " } else { "│  " };
        rows.push(Row {
            span,
            prefix: format!("{}{branch}", level.prefix),
            below: format!("{inner}{through}"),
            same_service: level.service == Some(span.resource.service.as_str()),
        });
        let service = Some(span.resource.service.as_str());
        levels.push(Level { spans: below.into_iter(), prefix: inner, service });
    }
}

/// Where columns are, and the time that bars stand for.
struct Drawing {
    terminal: Terminal,
    /// Columns for the tree.
    text: usize,
    /// Columns for bars; 0 if the terminal is narrow.
    bar: usize,
    start: u64,
    length: u64,
}

impl Drawing {
    fn new(trace: &Trace, terminal: Terminal) -> Self {
        let bar = match terminal.width {
            0..60 => 0,
            60..100 => 16,
            _ => 28,
        };
        let text = terminal.width.saturating_sub(DURATION + 2 + bar).max(20);
        let start = trace.start();
        Self { terminal, text, bar, start, length: trace.end().saturating_sub(start) }
    }

    fn head(&self, out: &mut Vec<u8>, trace: &Trace) {
        let Some(first) = trace.spans.first() else { return };
        let count = trace.spans.len() as u64 + trace.left_out;
        let plural = if count == 1 { "" } else { "s" };
        let mut line = Line::default();
        line.push(Style::Dim, &format!("── {} ", clock(self.start, 3)));
        line.push(Style::Plain, &format!("{}, {count} span{plural} ", duration(self.length)));
        line.push(Style::Dim, &format!("trace {}", first.trace_id));
        line.fit(self.terminal.width);
        line.write(out, self.terminal.color);
    }

    fn row(&self, out: &mut Vec<u8>, row: &Row<'_>) {
        let span = row.span;
        let failed = failed(span);
        let mut line = Line::default();
        line.push(Style::Dim, &row.prefix);
        if !row.same_service {
            let service = &span.resource.service;
            line.push(Style::of_service(service), service);
            line.push(Style::Plain, " ");
        }
        line.push(Style::Dim, arrow(span.kind));
        line.push(if failed { Style::Error } else { Style::Bold }, &span.name);
        let outcome = outcome(span);
        if !outcome.is_empty() {
            line.push(Style::Plain, " ");
            line.push(if failed { Style::Error } else { Style::Plain }, &outcome);
        }
        if let Some(subject) = subject(span) {
            line.push(Style::Plain, " ");
            line.push(Style::Dim, &subject);
        }
        line.fit(self.text);
        let nanoseconds = span.end_unix_nano.saturating_sub(span.start_unix_nano);
        let duration = duration(nanoseconds);
        line.pad_to((self.text + DURATION).saturating_sub(duration.chars().count()));
        line.push(if failed { Style::Error } else { Style::Plain }, &duration);
        if self.bar > 0 {
            line.push(Style::Plain, "  ");
            let style =
                if failed { Style::Error } else { Style::of_service(&span.resource.service) };
            line.push(style, &self.bar_of(span));
        }
        line.write(out, self.terminal.color);
        if let Some(statement) = statement(span) {
            let mut line = Line::default();
            line.push(Style::Dim, &row.below);
            line.push(Style::Dim, statement);
            line.fit(self.terminal.width);
            line.write(out, self.terminal.color);
        }
    }

    /// The span's time within the trace's, at least one column.
    fn bar_of(&self, span: &Span) -> String {
        let column = |at: u64| {
            let offset = u128::from(at.saturating_sub(self.start).min(self.length));
            let columns = offset * self.bar as u128 / u128::from(self.length.max(1));
            usize::try_from(columns).unwrap_or(self.bar)
        };
        let from = column(span.start_unix_nano).min(self.bar - 1);
        let to = column(span.end_unix_nano).max(from);
        let bar = if to == from { "▏".to_owned() } else { "█".repeat(to - from) };
        format!("{}{bar}", " ".repeat(from))
    }
}

#[cfg(test)]
mod tests {
    use super::push;
    use crate::sink::console::assembly::Assembly;
    use crate::sink::console::terminal::Terminal;
    use crate::sink::sample::{self, START};
    use crate::sink::text::is_unsafe;
    use onlooker_pipeline::span::{Attributes, Evidence, Kind, Span, SpanId, Status};
    use std::sync::Arc;
    use std::time::Instant;

    const PLAIN: Terminal = Terminal { width: 80, color: false };

    fn drawn(spans: Vec<Span>, terminal: Terminal) -> String {
        let mut assembly = Assembly::default();
        for span in spans {
            assembly.add(span, Instant::now());
        }
        let mut out = Vec::new();
        for trace in assembly.all() {
            push(&mut out, &trace, terminal);
        }
        String::from_utf8(out).unwrap()
    }

    fn span(id: u8, parent: u8, service: &str, name: &'static str, from: u64, to: u64) -> Span {
        Span {
            span_id: SpanId([id; 8]),
            parent: (parent > 0).then_some(SpanId([parent; 8])),
            evidence: (parent > 0).then_some(Evidence::SameTask),
            name: name.into(),
            start_unix_nano: START + from * 1_000_000,
            end_unix_nano: START + to * 1_000_000,
            resource: Arc::new(sample::resource(service)),
            ..sample::span()
        }
    }

    fn shop() -> Vec<Span> {
        let mut select = span(4, 3, "stock", "SELECT items", 4, 8);
        select.kind = Kind::Client;
        select.status = Status::Error("".into());
        select.attributes = Attributes::default();
        select.attributes.set("db.query.text", "SELECT *\nFROM items WHERE id = ?");
        select.attributes.set("db.response.status_code", "42P01");
        let mut call = span(2, 1, "shop", "GET", 2, 9);
        call.kind = Kind::Client;
        call.attributes.set("url.full", "http://stock:8081/items/7");
        call.attributes.set("http.response.status_code", 200_u16);
        let mut root = span(1, 0, "shop", "GET /cart", 0, 16);
        root.attributes.set("http.response.status_code", 200_u16);
        let audit = span(5, 1, "shop", "GET", 12, 12);
        // Children come before their parents, siblings in any order.
        vec![select, audit, call, span(3, 2, "stock", "GET /items/{id}", 3, 8), root]
    }

    #[test]
    fn a_trace_is_a_tree_with_times() {
        let expected = "\
── 22:13:20.000 16.0 ms, 5 spans trace abababababababababababababababab
shop GET /cart 200                                     16.0 ms  ████████████████
├─ → GET 200 http://stock:8081/items/7                 7.00 ms    ███████
│  └─ stock GET /items/{id}                            5.00 ms     █████
│     └─ → SELECT items 42P01                          4.00 ms      ████
│           SELECT * FROM items WHERE id = ?
└─ GET                                                    0 ns              ▏

";
        assert_eq!(drawn(shop(), PLAIN), expected);
    }

    #[test]
    fn errors_are_red_and_colours_end() {
        let text = drawn(shop(), Terminal { width: 100, color: true });
        let line = text.lines().find(|line| line.contains("SELECT items")).unwrap();
        assert!(line.contains("\u{1b}[1;31mSELECT items\u{1b}[0m"), "{line:?}");
        assert!(!drawn(shop(), PLAIN).contains('\u{1b}'));
    }

    #[test]
    fn a_narrow_terminal_has_no_bars_and_no_overlong_lines() {
        for width in [0, 1, 30, 59, 60, 99, 100, 300] {
            let text = drawn(shop(), Terminal { width, color: false });
            let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(longest <= width.max(32), "{width}: {longest}\n{text}");
            assert_eq!(text.contains('█'), width >= 60);
        }
    }

    #[test]
    fn circles_and_missing_parents_are_shown_once() {
        let spans = vec![
            span(1, 2, "a", "one", 0, 1),
            span(2, 1, "a", "two", 0, 1),
            span(3, 3, "a", "itself", 0, 1),
            span(4, 9, "a", "orphan", 0, 1),
        ];
        let text = drawn(spans, PLAIN);
        for name in ["one", "two", "itself", "orphan"] {
            assert_eq!(text.matches(name).count(), 1, "{text}");
        }
    }

    #[test]
    fn a_chain_of_any_length_is_drawn() {
        let chain = (1..=2_000_u64)
            .map(|number| Span {
                span_id: SpanId(number.to_be_bytes()),
                parent: Some(SpanId((number - 1).to_be_bytes())),
                ..sample::span()
            })
            .collect();
        let text = drawn(chain, PLAIN);
        assert_eq!(text.lines().count(), 2_002);
    }

    #[test]
    fn hostile_texts_stay_in_their_place() {
        let hostile = "x\u{1b}[2J\u{9b}31m\u{202e}\r\n\u{2028}";
        let mut span = sample::span();
        span.name = hostile.into();
        span.status = Status::Error(hostile.into());
        span.attributes.set("db.query.text", hostile);
        span.attributes.set("url.path", hostile);
        span.resource = Arc::new(sample::resource(hostile));
        let text = drawn(vec![span], PLAIN);
        assert!(!text.replace('\n', "").chars().any(is_unsafe), "{text:?}");
        assert_eq!(text.lines().count(), 4);
    }
}
