//! Spans as `onlooker trace --format json` prints them, and questions to ask of many.

use serde_json::{Map, Value};

/// One line of `--format json`.
#[derive(Clone, Debug)]
pub struct Span {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// The parent's `span_id`.
    pub parent: Option<String>,
    /// Why it is the parent.
    pub evidence: Option<String>,
    /// The name.
    pub name: String,
    /// `SERVER`, `CLIENT`, …
    pub kind: String,
    /// Nanoseconds since 1970.
    pub start: u64,
    /// Nanoseconds since 1970.
    pub end: u64,
    /// `UNSET` or `ERROR`.
    pub status: String,
    /// `service.name`.
    pub service: String,
    /// The span's attributes.
    pub attributes: Map<String, Value>,
    /// The resource's attributes.
    pub resource: Map<String, Value>,
    /// Links to other spans.
    pub links: Vec<Link>,
}

/// A span's link to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// Why it is linked: `onlooker.link.evidence`.
    pub evidence: String,
}

impl Span {
    /// Reads a line.
    ///
    /// # Errors
    /// What is missing or has the wrong type.
    pub fn parse(line: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let text = |key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or(format!("no text {key}"))
        };
        let optional = |key: &str| match value.get(key) {
            Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            _ => Err(format!("{key} is neither null nor text")),
        };
        let nanoseconds =
            |key: &str| value.get(key).and_then(Value::as_u64).ok_or(format!("no number {key}"));
        let map = |key: &str| {
            value.get(key).and_then(Value::as_object).cloned().ok_or(format!("no object {key}"))
        };
        let links = value.get("links").and_then(Value::as_array);
        let links = links.into_iter().flatten().map(Link::read).collect::<Result<_, _>>()?;
        Ok(Self {
            links,
            trace_id: text("trace_id")?,
            span_id: text("span_id")?,
            parent: optional("parent_span_id")?,
            evidence: optional("evidence")?,
            name: text("name")?,
            kind: text("kind")?,
            start: nanoseconds("start_unix_nano")?,
            end: nanoseconds("end_unix_nano")?,
            status: text("status")?,
            service: text("service")?,
            attributes: map("attributes")?,
            resource: map("resource")?,
        })
    }

    /// A text attribute.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).and_then(Value::as_str)
    }

    /// An integer attribute.
    #[must_use]
    pub fn int(&self, key: &str) -> Option<i64> {
        self.attributes.get(key).and_then(Value::as_i64)
    }

    /// An integer attribute of the resource.
    #[must_use]
    pub fn pid(&self) -> Option<i64> {
        self.resource.get("process.pid").and_then(Value::as_i64)
    }

    /// The path that was asked for, on either side of an HTTP call.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.text("url.path").or_else(|| {
            let after_scheme = self.text("url.full")?.split_once("://")?.1;
            let path = after_scheme.find('/').map_or("/", |at| after_scheme.split_at(at).1);
            path.split(['?', '#']).next()
        })
    }

    /// Whether it is the server's side.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.kind == "SERVER"
    }

    /// Whether it is the client's side.
    #[must_use]
    pub fn is_client(&self) -> bool {
        self.kind == "CLIENT"
    }

    /// Whether it is a call to the database system (`postgresql`, `redis`, …).
    #[must_use]
    pub fn is_database(&self, system: &str) -> bool {
        self.text("db.system.name") == Some(system)
    }
}

impl Link {
    fn read(value: &Value) -> Result<Self, String> {
        let text = |value: Option<&Value>, key: &str| {
            let text = value.and_then(Value::as_str).map(str::to_owned);
            text.ok_or(format!("a link without {key}"))
        };
        const EVIDENCE: &str = "onlooker.link.evidence";
        let attributes = value.get("attributes");
        Ok(Self {
            trace_id: text(value.get("trace_id"), "trace_id")?,
            span_id: text(value.get("span_id"), "span_id")?,
            evidence: text(attributes.and_then(|it| it.get(EVIDENCE)), EVIDENCE)?,
        })
    }

    /// Whether it leads to the span.
    #[must_use]
    pub fn leads_to(&self, span: &Span) -> bool {
        self.trace_id == span.trace_id && self.span_id == span.span_id
    }
}

/// Questions to ask of many spans.
pub trait Spans {
    /// The only span that fits.
    ///
    /// # Panics
    /// If there is none or more than one.
    fn one(&self, what: &str, fits: impl Fn(&Span) -> bool) -> &Span;

    /// All spans that fit.
    fn all(&self, fits: impl Fn(&Span) -> bool) -> Vec<&Span>;

    /// The span that is the parent of another.
    fn parent_of(&self, span: &Span) -> Option<&Span>;
}

impl Spans for [Span] {
    fn one(&self, what: &str, fits: impl Fn(&Span) -> bool) -> &Span {
        match self.all(fits)[..] {
            [one] => one,
            [] => panic!("no {what} among {}", list(self)),
            ref many => panic!("{} times {what} among {}", many.len(), list(self)),
        }
    }

    fn all(&self, fits: impl Fn(&Span) -> bool) -> Vec<&Span> {
        self.iter().filter(|span| fits(span)).collect()
    }

    fn parent_of(&self, span: &Span) -> Option<&Span> {
        let parent = span.parent.as_deref()?;
        self.iter().find(|other| other.span_id == parent && other.trace_id == span.trace_id)
    }
}

/// The spans as lines, for the message of a test that fails.
fn list(spans: &[Span]) -> String {
    const SHOWN: usize = 30;
    let mut text = format!("{} spans:", spans.len());
    for span in spans.iter().take(SHOWN) {
        text.push_str(&format!(
            "\n    {} {} {} \"{}\" {} {}",
            span.service,
            span.span_id,
            span.kind,
            span.name,
            span.status,
            span.path().or(span.text("db.query.text")).unwrap_or_default(),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Span;

    /// A line as issue 2 describes it.
    const LINE: &str = r#"{"trace_id":"0af7651916cd43dd8448eb211c80319c",
        "span_id":"b7ad6b7169203331","parent_span_id":null,"evidence":null,"name":"GET",
        "kind":"CLIENT","start_unix_nano":1790000000000000001,"end_unix_nano":1790000000000000009,
        "status":"UNSET","service":"shop","attributes":{"url.full":"http://a:1/b/c?d=e"},
        "resource":{"service.name":"shop"},"links":[{"trace_id":"1af7651916cd43dd8448eb211c80319c",
        "span_id":"c7ad6b7169203331","attributes":{"onlooker.link.evidence":"message-offset"}}]}"#;

    #[test]
    fn a_line_is_read() {
        let span = Span::parse(LINE).expect("a span");
        assert_eq!(span.start, 1_790_000_000_000_000_001);
        assert_eq!(span.parent, None);
        assert_eq!(span.path(), Some("/b/c"));
        assert!(span.is_client());
        let [link] = &span.links[..] else { panic!("{:?}", span.links) };
        assert_eq!((&*link.span_id, &*link.evidence), ("c7ad6b7169203331", "message-offset"));
        assert!(!link.leads_to(&span));
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Span::parse(&LINE.replacen("trace_id", "traceId", 1)).expect_err("no trace_id");
        assert_eq!(error, "no text trace_id");
    }
}
