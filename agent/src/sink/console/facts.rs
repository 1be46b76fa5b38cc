//! What a person wants to see of a span in a few words.

use std::borrow::Cow;

use onlooker_pipeline::span::{Kind, Span, Status, Value};

/// What the call was about, beyond its name: a path, a URL, a host.
pub(super) fn subject(span: &Span) -> Option<Cow<'_, str>> {
    let subject = target(span)?;
    // The name does not have it.
    Some(match text(span, "http.request.method_original") {
        Some(method) => Cow::Owned(format!("{method} {subject}")),
        None => subject,
    })
}

fn target(span: &Span) -> Option<Cow<'_, str>> {
    if let Some(path) = text(span, "url.path") {
        return Some(match text(span, "url.query") {
            Some(query) if !query.is_empty() => Cow::Owned(format!("{path}?{query}")),
            _ => Cow::Borrowed(path),
        });
    }
    let known =
        ["url.full", "rpc.method_original", "dns.question.name", "db.namespace", "server.address"];
    known.into_iter().find_map(|key| text(span, key)).map(Cow::Borrowed)
}

/// The statement, if the call had one.
pub(super) fn statement(span: &Span) -> Option<&str> {
    text(span, "db.query.text").filter(|text| !text.is_empty())
}

/// How it ended: a status code, the error's type and message, or that it did not end.
pub(super) fn outcome(span: &Span) -> String {
    let mut words: Vec<Cow<'_, str>> = Vec::new();
    for key in [
        "http.response.status_code",
        "rpc.response.status_code",
        "db.response.status_code",
        "error.type",
    ] {
        let word = match span.attributes.get(key) {
            Some(Value::Int(number)) => Cow::Owned(number.to_string()),
            Some(Value::Text(text)) => Cow::Borrowed(text.as_ref()),
            _ => continue,
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    if let Status::Error(message) = &span.status {
        if words.is_empty() {
            words.push(Cow::Borrowed("error"));
        }
        if !message.is_empty() {
            words.push(Cow::Borrowed(message));
        }
    }
    if let Some(Value::Bool(true)) = span.attributes.get("onlooker.open") {
        words.push(Cow::Borrowed("open"));
    }
    words.join(" ")
}

/// Whether the call failed.
pub(super) const fn failed(span: &Span) -> bool {
    matches!(span.status, Status::Error(_))
}

/// A sign for the kind, before the name: nothing for what serves.
pub(super) const fn arrow(kind: Kind) -> &'static str {
    match kind {
        Kind::Server => "",
        Kind::Client => "→ ",
        Kind::Producer => "⇢ ",
        Kind::Consumer => "⇠ ",
    }
}

/// A duration with three digits: `834 ns`, `12.3 µs`, `1.23 s`, `2 m 5 s`.
pub(super) fn duration(nanoseconds: u64) -> String {
    let in_unit = |unit: f64, name: &str| {
        let value = nanoseconds as f64 / unit;
        // The limits are where rounding adds a digit.
        let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
        format!("{value:.digits$} {name}")
    };
    match nanoseconds {
        0..=999 => format!("{nanoseconds} ns"),
        1_000..=999_499 => in_unit(1e3, "µs"),
        999_500..=999_499_999 => in_unit(1e6, "ms"),
        999_500_000..=59_949_999_999 => in_unit(1e9, "s"),
        _ => {
            let seconds = nanoseconds / 1_000_000_000;
            format!("{} m {} s", seconds / 60, seconds % 60)
        }
    }
}

/// The time of day, UTC, with so many digits of a second's fraction: `12:01:02.345`.
pub(super) fn clock(unix_nano: u64, digits: usize) -> String {
    let seconds = unix_nano / 1_000_000_000 % 86_400;
    let fraction = format!("{:09}", unix_nano % 1_000_000_000);
    format!(
        "{:02}:{:02}:{:02}.{}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        fraction.get(..digits).unwrap_or(&fraction)
    )
}

fn text<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    match span.attributes.get(key) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{clock, duration, outcome, subject};
    use crate::sink::sample;
    use onlooker_pipeline::span::Status;

    #[test]
    fn durations_have_three_digits() {
        for (nanoseconds, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (12_345, "12.3 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (9_994_999, "9.99 ms"),
            (9_995_000, "10.0 ms"),
            (123_456_789, "123 ms"),
            (999_999_999, "1.00 s"),
            (59_900_000_000, "59.9 s"),
            (125_000_000_000, "2 m 5 s"),
        ] {
            assert_eq!(duration(nanoseconds), text);
        }
    }

    #[test]
    fn the_clock_is_utc() {
        // `date -u -d @1700000000` says 22:13:20.
        assert_eq!(clock(1_700_000_000_012_345_678, 3), "22:13:20.012");
        assert_eq!(clock(1_700_000_000_012_345_678, 6), "22:13:20.012345");
    }

    /// The name of such a span is `HTTP`, and of such a call `grpc`.
    #[test]
    fn methods_that_the_name_does_not_have() {
        let mut span = sample::span();
        span.attributes.set("server.address", "shop");
        span.attributes.set("rpc.method_original", "shop.Orders/Absent");
        assert_eq!(subject(&span).as_deref(), Some("shop.Orders/Absent"));
        span.attributes.set("url.path", "/dav");
        span.attributes.set("http.request.method_original", "PROPFIND");
        assert_eq!(subject(&span).as_deref(), Some("PROPFIND /dav"));
    }

    #[test]
    fn an_outcome_says_each_thing_once() {
        let mut span = sample::span();
        assert_eq!(outcome(&span), "");
        span.attributes.set("http.response.status_code", 503_u16);
        span.attributes.set("error.type", "503");
        span.status = Status::Error("".into());
        assert_eq!(outcome(&span), "503");
        let mut bare = sample::span();
        bare.status = Status::Error("".into());
        assert_eq!(outcome(&bare), "error");
    }
}
