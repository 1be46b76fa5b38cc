//! Spans as OTLP JSON (OTLP specification, "JSON Protobuf Encoding"): lowerCamelCase names,
//! ids in hexadecimal, enums as integers, 64-bit integers as strings.

use onlooker_pipeline::span::{Link, Resource, Span, Status, Value};

use super::{HAS_IS_REMOTE, IS_REMOTE, SCHEMA_URL, SCOPE_NAME, SCOPE_VERSION, kind_number};
use crate::config::Limits;
use crate::sink::limits::{Attribute, EVIDENCE, Limited, cut, link_attributes};
use crate::sink::text::{print, push_json, push_quoted_hex};

/// Appends a `Resource` object.
pub(super) fn resource(out: &mut Vec<u8>, resource: &Resource) {
    out.extend_from_slice(b"{\"attributes\":");
    attributes(out, &resource.attributes.0, None, &Limits::none());
    out.push(b'}');
}

/// Appends a `Span` object.
pub(super) fn span(out: &mut Vec<u8>, span: &Span, limits: &Limits) {
    let limited = Limited::new(span, limits);
    out.extend_from_slice(b"{\"traceId\":");
    push_quoted_hex(out, &span.trace_id.0);
    out.extend_from_slice(b",\"spanId\":");
    push_quoted_hex(out, &span.span_id.0);
    if let Some(state) = &span.state {
        out.extend_from_slice(b",\"traceState\":");
        push_json(out, state);
    }
    if let Some(parent) = &span.parent {
        out.extend_from_slice(b",\"parentSpanId\":");
        push_quoted_hex(out, &parent.0);
    }
    let remote = if span.parent_is_remote { IS_REMOTE } else { 0 };
    print(out, format_args!(",\"flags\":{}", u32::from(span.flags) | HAS_IS_REMOTE | remote));
    out.extend_from_slice(b",\"name\":");
    push_json(out, &span.name);
    print(
        out,
        format_args!(
            ",\"kind\":{},\"startTimeUnixNano\":\"{}\",\"endTimeUnixNano\":\"{}\",\"attributes\":",
            kind_number(span.kind),
            span.start_unix_nano,
            span.end_unix_nano
        ),
    );
    attributes(out, limited.attributes, limited.evidence, limits);
    count(out, "droppedAttributesCount", limited.dropped_attributes);
    if !limited.links.is_empty() {
        out.extend_from_slice(b",\"links\":[");
        separated(out, limited.links, |out, each| link(out, each, limits));
        out.push(b']');
    }
    count(out, "droppedLinksCount", limited.dropped_links);
    if let Status::Error(message) = &span.status {
        out.extend_from_slice(b",\"status\":{\"code\":2");
        if !message.is_empty() {
            out.extend_from_slice(b",\"message\":");
            push_json(out, message);
        }
        out.push(b'}');
    }
    out.push(b'}');
}

/// Appends a `ResourceSpans` object from what [`resource`] and [`span`] (separated by commas)
/// wrote.
pub(super) fn resource_spans(out: &mut Vec<u8>, resource: &[u8], spans: &[u8]) {
    out.extend_from_slice(b"{\"resource\":");
    out.extend_from_slice(resource);
    print(
        out,
        format_args!(
            ",\"scopeSpans\":[{{\"scope\":{{\"name\":\"{SCOPE_NAME}\",\"version\":\"{SCOPE_VERSION}\"}},\"spans\":["
        ),
    );
    out.extend_from_slice(spans);
    print(
        out,
        format_args!("],\"schemaUrl\":\"{SCHEMA_URL}\"}}],\"schemaUrl\":\"{SCHEMA_URL}\"}}"),
    );
}

/// More than [`resource_spans`] adds to the bytes it is given.
pub(super) const RESOURCE_SPANS_OVERHEAD: usize =
    2 * SCHEMA_URL.len() + SCOPE_NAME.len() + SCOPE_VERSION.len() + 192;

fn link(out: &mut Vec<u8>, link: &Link, limits: &Limits) {
    let (kept, dropped) = link_attributes(&link.attributes, limits);
    out.extend_from_slice(b"{\"traceId\":");
    push_quoted_hex(out, &link.trace_id.0);
    out.extend_from_slice(b",\"spanId\":");
    push_quoted_hex(out, &link.span_id.0);
    if let Some(state) = &link.state {
        out.extend_from_slice(b",\"traceState\":");
        push_json(out, state);
    }
    out.extend_from_slice(b",\"attributes\":");
    attributes(out, kept, None, limits);
    count(out, "droppedAttributesCount", dropped);
    out.push(b'}');
}

fn attributes(
    out: &mut Vec<u8>,
    attributes: &[Attribute],
    evidence: Option<&'static str>,
    limits: &Limits,
) {
    out.push(b'[');
    separated(out, attributes, |out, (key, value)| {
        out.extend_from_slice(b"{\"key\":");
        push_json(out, key);
        out.extend_from_slice(b",\"value\":");
        any_value(out, value, limits);
        out.push(b'}');
    });
    if let Some(evidence) = evidence {
        let comma = if attributes.is_empty() { "" } else { "," };
        print(
            out,
            format_args!(
                "{comma}{{\"key\":\"{EVIDENCE}\",\"value\":{{\"stringValue\":\"{evidence}\"}}}}"
            ),
        );
    }
    out.push(b']');
}

fn any_value(out: &mut Vec<u8>, value: &Value, limits: &Limits) {
    match value {
        Value::Text(text) => text_value(out, cut(text, limits)),
        Value::Bool(flag) => print(out, format_args!("{{\"boolValue\":{flag}}}")),
        Value::Int(number) => print(out, format_args!("{{\"intValue\":\"{number}\"}}")),
        Value::Texts(texts) => {
            out.extend_from_slice(b"{\"arrayValue\":{\"values\":[");
            separated(out, texts, |out, text| text_value(out, cut(text, limits)));
            out.extend_from_slice(b"]}}");
        }
    }
}

fn text_value(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"{\"stringValue\":");
    push_json(out, text);
    out.push(b'}');
}

fn separated<T>(out: &mut Vec<u8>, items: &[T], mut each: impl FnMut(&mut Vec<u8>, &T)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        each(out, item);
    }
}

fn count(out: &mut Vec<u8>, name: &str, count: u32) {
    if count > 0 {
        print(out, format_args!(",\"{name}\":{count}"));
    }
}
