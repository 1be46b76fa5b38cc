//! `--format json`: one JSON object a finished span.

use onlooker_pipeline::span::{Link, Span, Status, Value};

use crate::config::Limits;
use crate::sink::limits::{Attribute, Limited, cut, link_attributes};
use crate::sink::text::{print, push_json, push_quoted_hex};

/// Appends a span as one line.
pub(super) fn push(out: &mut Vec<u8>, span: &Span, limits: &Limits) {
    let limited = Limited::new(span, limits);
    out.extend_from_slice(b"{\"trace_id\":");
    push_quoted_hex(out, &span.trace_id.0);
    out.extend_from_slice(b",\"span_id\":");
    push_quoted_hex(out, &span.span_id.0);
    out.extend_from_slice(b",\"parent_span_id\":");
    match &span.parent {
        Some(parent) => push_quoted_hex(out, &parent.0),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"name\":");
    push_json(out, &span.name);
    let (status, message) = match &span.status {
        Status::Unset => ("UNSET", ""),
        Status::Error(message) => ("ERROR", message.as_ref()),
    };
    print(
        out,
        format_args!(
            ",\"kind\":\"{}\",\"start_unix_nano\":{},\"end_unix_nano\":{},\"status\":\"{status}\"",
            span.kind.name(),
            span.start_unix_nano,
            span.end_unix_nano,
        ),
    );
    if !message.is_empty() {
        out.extend_from_slice(b",\"status_message\":");
        push_json(out, message);
    }
    out.extend_from_slice(b",\"service\":");
    push_json(out, &span.resource.service);
    match span.evidence {
        Some(evidence) => print(out, format_args!(",\"evidence\":\"{}\"", evidence.name())),
        None => out.extend_from_slice(b",\"evidence\":null"),
    }
    out.extend_from_slice(b",\"attributes\":");
    attributes(out, limited.attributes, limits);
    if limited.dropped_attributes > 0 {
        print(out, format_args!(",\"dropped_attributes\":{}", limited.dropped_attributes));
    }
    out.extend_from_slice(b",\"resource\":");
    attributes(out, &span.resource.attributes.0, &Limits::none());
    if !limited.links.is_empty() {
        out.extend_from_slice(b",\"links\":[");
        for (index, each) in limited.links.iter().enumerate() {
            comma(out, index);
            link(out, each, limits);
        }
        out.push(b']');
    }
    if limited.dropped_links > 0 {
        print(out, format_args!(",\"dropped_links\":{}", limited.dropped_links));
    }
    if let Some(state) = &span.state {
        out.extend_from_slice(b",\"trace_state\":");
        push_json(out, state);
    }
    out.extend_from_slice(b"}\n");
}

fn link(out: &mut Vec<u8>, link: &Link, limits: &Limits) {
    out.extend_from_slice(b"{\"trace_id\":");
    push_quoted_hex(out, &link.trace_id.0);
    out.extend_from_slice(b",\"span_id\":");
    push_quoted_hex(out, &link.span_id.0);
    out.extend_from_slice(b",\"attributes\":");
    attributes(out, link_attributes(&link.attributes, limits).0, limits);
    out.push(b'}');
}

fn attributes(out: &mut Vec<u8>, attributes: &[Attribute], limits: &Limits) {
    out.push(b'{');
    for (index, (key, value)) in attributes.iter().enumerate() {
        comma(out, index);
        push_json(out, key);
        out.push(b':');
        match value {
            Value::Text(text) => push_json(out, cut(text, limits)),
            Value::Int(number) => print(out, format_args!("{number}")),
            Value::Bool(flag) => print(out, format_args!("{flag}")),
            Value::Texts(texts) => {
                out.push(b'[');
                for (index, text) in texts.iter().enumerate() {
                    comma(out, index);
                    push_json(out, cut(text, limits));
                }
                out.push(b']');
            }
        }
    }
    out.push(b'}');
}

fn comma(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

#[cfg(test)]
mod tests {
    use super::push;
    use crate::config::Limits;
    use crate::sink::sample;
    use crate::sink::text::is_unsafe;
    use onlooker_pipeline::span::{Span, Value};
    use serde_json::json;

    fn line(span: &Span) -> String {
        let mut out = Vec::new();
        push(&mut out, span, &Limits::default());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_root_has_every_field() {
        let text = line(&sample::span());
        assert!(text.ends_with("}\n") && text.matches('\n').count() == 1);
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            parsed,
            json!({
                "trace_id": "abababababababababababababababab",
                "span_id": "0101010101010101",
                "parent_span_id": null,
                "name": "GET /cart",
                "kind": "SERVER",
                "start_unix_nano": 1_700_000_000_000_000_000_u64,
                "end_unix_nano": 1_700_000_000_012_345_678_u64,
                "status": "UNSET",
                "service": "shop",
                "evidence": null,
                "attributes": {},
                "resource": {"service.name": "shop", "process.pid": 4242},
            })
        );
    }

    #[test]
    fn a_child_says_why_it_is_one_and_values_keep_their_types() {
        let parsed: serde_json::Value = serde_json::from_str(&line(&sample::client())).unwrap();
        assert_eq!(parsed["parent_span_id"], "0101010101010101");
        assert_eq!(parsed["evidence"], "same-task");
        assert_eq!(parsed["status"], "ERROR");
        assert_eq!(parsed["status_message"], "duplicate key");
        assert_eq!(
            parsed["attributes"],
            json!({
                "db.system.name": "postgresql",
                "db.query.text": "SELECT * FROM items WHERE id = ?",
                "server.port": 5433,
                "negative": -1,
                "flag": true,
                "off": false,
                "empty": "",
                "list": ["a", "", "ü"],
            })
        );
        assert_eq!(
            parsed["links"][0],
            json!({
                "trace_id": "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
                "span_id": "0303030303030303",
                "attributes": {"messaging.message.id": "m-1"},
            })
        );
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let limits = Limits { attributes: 3, links: 0, ..Limits::default() };
        let mut out = Vec::new();
        push(&mut out, &sample::client(), &limits);
        let parsed: serde_json::Value = serde_json::from_slice(&out).unwrap();
        // The evidence is one of the attributes.
        assert_eq!(parsed["dropped_attributes"], sample::client().attributes.0.len() - 2);
        assert_eq!(parsed["dropped_links"], sample::client().links.len());
        assert_eq!(parsed.get("links"), None);
    }

    #[test]
    fn hostile_texts_are_data() {
        const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\"\\\r\n";
        let mut span = sample::span();
        span.name = HOSTILE.into();
        span.attributes.set("text", HOSTILE.to_owned());
        span.attributes.set("texts", Value::Texts([HOSTILE.into()].into()));
        let text = line(&span);
        assert!(!text.trim_end_matches('\n').chars().any(is_unsafe));
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed["name"], HOSTILE);
        assert_eq!(parsed["attributes"]["text"], HOSTILE);
        assert_eq!(parsed["attributes"]["texts"][0], HOSTILE);
    }

    #[test]
    fn any_ids_and_texts_come_back() {
        // Knuth's MMIX generator: the same cases each time.
        let mut state = 42_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 32
        };
        for _ in 0..2_000 {
            let text: String = (0..next() % 20)
                .map(|_| {
                    let wide = if next() % 2 == 0 { 0x100 } else { 0x11_0000 };
                    char::from_u32((next() % wide) as u32).unwrap_or('\u{fffd}')
                })
                .collect();
            let mut span = sample::client();
            span.trace_id.0.fill_with(|| next() as u8);
            span.span_id.0.fill_with(|| next() as u8);
            span.name = text.clone().into();
            span.attributes.set("text", text.clone());
            let parsed: serde_json::Value = serde_json::from_str(&line(&span)).unwrap();
            let number =
                |key: &str| u128::from_str_radix(parsed[key].as_str().unwrap(), 16).unwrap();
            assert_eq!(number("trace_id"), u128::from_be_bytes(span.trace_id.0));
            assert_eq!(number("span_id"), u64::from_be_bytes(span.span_id.0).into());
            assert_eq!(parsed["trace_id"].as_str().unwrap().len(), 32);
            assert_eq!(parsed["name"], text.as_str());
            assert_eq!(parsed["attributes"]["text"], text.as_str());
        }
    }
}
