//! Spans as Zipkin's v2 JSON (OpenTelemetry specification, "OpenTelemetry to Zipkin
//! Transformation"; <https://zipkin.io/zipkin-api/>).

use std::net::IpAddr;

use onlooker_pipeline::span::{Kind, Span, Status, Text, Value};

use super::{SCOPE_NAME, SCOPE_VERSION};
use crate::config::Limits;
use crate::sink::limits::{EVIDENCE, Limited, cut};
use crate::sink::text::{print, push_hex, push_json};

/// Appends a span object. Links have no place in Zipkin.
pub(super) fn span(out: &mut Vec<u8>, span: &Span, limits: &Limits) {
    out.extend_from_slice(b"{\"traceId\":\"");
    push_hex(out, &span.trace_id.0);
    out.extend_from_slice(b"\",\"id\":\"");
    push_hex(out, &span.span_id.0);
    if let Some(parent) = &span.parent {
        out.extend_from_slice(b"\",\"parentId\":\"");
        push_hex(out, &parent.0);
    }
    out.extend_from_slice(b"\",\"name\":");
    push_json(out, &span.name);
    print(out, format_args!(",\"kind\":\"{}\"", span.kind.name()));
    let nanoseconds = span.end_unix_nano.saturating_sub(span.start_unix_nano);
    // Zero would mean "unknown".
    let microseconds = (nanoseconds / 1000).max(1);
    let start = span.start_unix_nano / 1000;
    print(out, format_args!(",\"timestamp\":{start},\"duration\":{microseconds}"));
    out.extend_from_slice(b",\"localEndpoint\":{\"serviceName\":");
    push_json(out, &span.resource.service);
    out.push(b'}');
    if matches!(span.kind, Kind::Client | Kind::Producer) {
        remote_endpoint(out, span);
    }
    tags(out, span, limits);
    out.push(b'}');
}

/// The called side: its logical name, address and port, as far as they are known.
fn remote_endpoint(out: &mut Vec<u8>, span: &Span) {
    let name = text(span, "peer.service").or_else(|| {
        text(span, "server.address").filter(|address| address.parse::<IpAddr>().is_err())
    });
    let peer = text(span, "network.peer.address").or_else(|| text(span, "server.address"));
    let address = peer.and_then(|address| address.parse::<IpAddr>().ok());
    let port = ["network.peer.port", "server.port"].into_iter().find_map(|key| {
        match span.attributes.get(key) {
            Some(Value::Int(port)) => Some(*port),
            _ => None,
        }
    });
    if name.is_none() && address.is_none() {
        return;
    }
    out.extend_from_slice(b",\"remoteEndpoint\":{");
    let mut separator = "";
    if let Some(name) = name {
        out.extend_from_slice(b"\"serviceName\":");
        push_json(out, name);
        separator = ",";
    }
    if let Some(address) = address {
        let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
        print(out, format_args!("{separator}\"{family}\":\"{address}\""));
        separator = ",";
    }
    if let Some(port) = port {
        print(out, format_args!("{separator}\"port\":{port}"));
    }
    out.push(b'}');
}

fn tags(out: &mut Vec<u8>, span: &Span, limits: &Limits) {
    let limited = Limited::new(span, limits);
    print(
        out,
        format_args!(
            ",\"tags\":{{\"otel.scope.name\":\"{SCOPE_NAME}\",\"otel.scope.version\":\"{SCOPE_VERSION}\""
        ),
    );
    for (key, value) in limited.attributes {
        // The presence of this tag, whatever its value, says "failed".
        if key == "error" {
            continue;
        }
        out.push(b',');
        push_json(out, key);
        out.push(b':');
        match value {
            Value::Text(text) => push_json(out, cut(text, limits)),
            Value::Int(number) => print(out, format_args!("\"{number}\"")),
            Value::Bool(flag) => print(out, format_args!("\"{flag}\"")),
            Value::Texts(texts) => push_json(out, &json_list(texts, limits)),
        }
    }
    if let Some(evidence) = limited.evidence {
        print(out, format_args!(",\"{EVIDENCE}\":\"{evidence}\""));
    }
    if limited.dropped_attributes > 0 {
        let dropped = limited.dropped_attributes;
        print(out, format_args!(",\"otel.dropped_attributes_count\":\"{dropped}\""));
    }
    if let Status::Error(message) = &span.status {
        out.extend_from_slice(b",\"otel.status_code\":\"ERROR\",\"error\":");
        push_json(out, message);
    }
    out.push(b'}');
}

/// Tags are strings: a list is written as JSON.
fn json_list(texts: &[Text], limits: &Limits) -> String {
    let mut list = vec![b'['];
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            list.push(b',');
        }
        push_json(&mut list, cut(text, limits));
    }
    list.push(b']');
    String::from_utf8(list).unwrap_or_default()
}

fn text<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    match span.attributes.get(key) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Added, Batch, Encoding};
    use crate::config::Limits;
    use crate::sink::sample;
    use onlooker_pipeline::span::Span;
    use serde_json::json;

    fn encoded(spans: &[Span]) -> serde_json::Value {
        let mut batch = Batch::new(Encoding::Zipkin, Limits::default());
        for span in spans {
            assert_eq!(batch.add(span), Added::Yes);
        }
        serde_json::from_slice(&batch.take().unwrap().body).unwrap()
    }

    #[test]
    fn a_client_span_is_complete() {
        let mut client = sample::client();
        client.attributes.set("server.address", "db.local");
        client.attributes.set("network.peer.address", "10.0.0.7");
        client.end_unix_nano = client.start_unix_nano + 10;
        let expected = json!({
            "traceId": "abababababababababababababababab",
            "id": "0202020202020202",
            "parentId": "0101010101010101",
            "name": "SELECT items",
            "kind": "CLIENT",
            "timestamp": 1_700_000_000_001_000_u64,
            "duration": 1,
            "localEndpoint": {"serviceName": "shop"},
            "remoteEndpoint": {"serviceName": "db.local", "ipv4": "10.0.0.7", "port": 5433},
            "tags": {
                "otel.scope.name": "onlooker",
                "otel.scope.version": env!("CARGO_PKG_VERSION"),
                "db.system.name": "postgresql",
                "db.query.text": "SELECT * FROM items WHERE id = ?",
                "server.port": "5433",
                "negative": "-1",
                "flag": "true",
                "off": "false",
                "empty": "",
                "list": "[\"a\",\"\",\"ü\"]",
                "server.address": "db.local",
                "network.peer.address": "10.0.0.7",
                "onlooker.parent.evidence": "same-task",
                "otel.status_code": "ERROR",
                "error": "duplicate key",
            },
        });
        assert_eq!(encoded(&[client])[0], expected);
    }

    #[test]
    fn spans_of_several_services_make_one_list_without_errors_where_there_are_none() {
        let other =
            Span { resource: std::sync::Arc::new(sample::resource("stock")), ..sample::span() };
        let list = encoded(&[sample::span(), other, sample::span()]);
        assert_eq!(list.as_array().unwrap().len(), 3);
        assert_eq!(list[0]["kind"], "SERVER");
        assert_eq!(list[0]["tags"].get("error"), None);
        assert_eq!(list[0].get("parentId"), None);
        assert_eq!(list[0].get("remoteEndpoint"), None);
        assert_eq!(list[2]["localEndpoint"]["serviceName"], "stock");
    }
}
