//! Spans as OTLP protobuf (opentelemetry-proto 1.11, `trace/v1/trace.proto`), written straight
//! from [`Span`] without intermediate messages: this runs once for every span.
//!
//! A nested message is preceded by its length, so each message here has a `*_len` beside the
//! function that writes it; a span as a whole is written first and measured then.

use onlooker_pipeline::span::{Link, Resource, Span, Status, Text, Value};
use prost::encoding::{encode_varint, encoded_len_varint};

use super::{HAS_IS_REMOTE, IS_REMOTE, SCHEMA_URL, SCOPE_NAME, SCOPE_VERSION, kind_number};
use crate::config::Limits;
use crate::sink::limits::{Attribute, EVIDENCE, Limited, cut, link_attributes};

/// `STATUS_CODE_ERROR`.
const STATUS_ERROR: u64 = 2;

/// Appends a `Resource` message, as `ResourceSpans.resource`.
pub(super) fn resource(out: &mut Vec<u8>, resource: &Resource) {
    let limits = Limits::none();
    let attributes = &resource.attributes.0;
    let length: usize = attributes.iter().map(|pair| field_len(pair_len(pair, &limits))).sum();
    length_delimited(out, 1, length);
    for pair in attributes {
        key_value(out, 1, pair, &limits);
    }
}

/// Appends what goes before a `Span` message of so many bytes, as `ScopeSpans.spans`.
pub(super) fn span_head(out: &mut Vec<u8>, length: usize) {
    length_delimited(out, 2, length);
}

/// More than [`span_head`] writes.
pub(super) const SPAN_HEAD_OVERHEAD: usize = 11;

/// Appends a `ResourceSpans` message, as `ExportTraceServiceRequest.resource_spans`, from what
/// [`resource`] and [`span`] wrote.
pub(super) fn resource_spans(out: &mut Vec<u8>, resource: &[u8], spans: &[u8]) {
    let scope = field_len(SCOPE_NAME.len()) + field_len(SCOPE_VERSION.len());
    let schema = field_len(SCHEMA_URL.len());
    let scope_spans = field_len(scope) + spans.len() + schema;
    length_delimited(out, 1, resource.len() + field_len(scope_spans) + schema);
    out.extend_from_slice(resource);
    length_delimited(out, 2, scope_spans);
    length_delimited(out, 1, scope);
    bytes(out, 1, SCOPE_NAME.as_bytes());
    bytes(out, 2, SCOPE_VERSION.as_bytes());
    out.extend_from_slice(spans);
    bytes(out, 3, SCHEMA_URL.as_bytes());
    bytes(out, 3, SCHEMA_URL.as_bytes());
}

/// More than [`resource_spans`] adds to the bytes it is given.
pub(super) const RESOURCE_SPANS_OVERHEAD: usize =
    2 * SCHEMA_URL.len() + SCOPE_NAME.len() + SCOPE_VERSION.len() + 64;

/// Appends a `Span` message.
pub(super) fn span(out: &mut Vec<u8>, span: &Span, limits: &Limits) {
    let limited = Limited::new(span, limits);
    bytes(out, 1, &span.trace_id.0);
    bytes(out, 2, &span.span_id.0);
    if let Some(state) = &span.state {
        bytes(out, 3, state.as_bytes());
    }
    if let Some(parent) = &span.parent {
        bytes(out, 4, &parent.0);
    }
    bytes(out, 5, span.name.as_bytes());
    number(out, 6, kind_number(span.kind).into());
    fixed64(out, 7, span.start_unix_nano);
    fixed64(out, 8, span.end_unix_nano);
    for pair in limited.attributes {
        key_value(out, 9, pair, limits);
    }
    if let Some(evidence) = limited.evidence {
        text_key_value(out, 9, EVIDENCE, evidence);
    }
    nonzero(out, 10, limited.dropped_attributes.into());
    for each in limited.links {
        link(out, each, limits);
    }
    nonzero(out, 14, limited.dropped_links.into());
    if let Status::Error(message) = &span.status {
        let text = if message.is_empty() { 0 } else { field_len(message.len()) };
        length_delimited(out, 15, text + 2);
        if text > 0 {
            bytes(out, 2, message.as_bytes());
        }
        number(out, 3, STATUS_ERROR);
    }
    let remote = if span.parent_is_remote { IS_REMOTE } else { 0 };
    // The tag of field 16 takes two bytes.
    varint(out, 16 << 3 | u64::from(I32));
    out.extend_from_slice(&(u32::from(span.flags) | HAS_IS_REMOTE | remote).to_le_bytes());
}

fn link(out: &mut Vec<u8>, link: &Link, limits: &Limits) {
    let (attributes, dropped) = link_attributes(&link.attributes, limits);
    let state = link.state.as_deref().unwrap_or_default();
    let length = field_len(link.trace_id.0.len())
        + field_len(link.span_id.0.len())
        + if state.is_empty() { 0 } else { field_len(state.len()) }
        + attributes.iter().map(|pair| field_len(pair_len(pair, limits))).sum::<usize>()
        + if dropped > 0 { 1 + encoded_len_varint(dropped.into()) } else { 0 };
    length_delimited(out, 13, length);
    bytes(out, 1, &link.trace_id.0);
    bytes(out, 2, &link.span_id.0);
    if !state.is_empty() {
        bytes(out, 3, state.as_bytes());
    }
    for pair in attributes {
        key_value(out, 4, pair, limits);
    }
    nonzero(out, 5, dropped.into());
}

fn key_value(out: &mut Vec<u8>, field: u8, pair: &Attribute, limits: &Limits) {
    let (key, value_length) = (pair.0.as_bytes(), value_len(&pair.1, limits));
    let length = field_len(key.len()) + field_len(value_length);
    if let Ok(length @ ..ONE_BYTE) = u8::try_from(length) {
        // As below, in as few steps as it takes: this runs a dozen times for every span.
        out.extend_from_slice(&[tag(field, LEN), length, tag(1, LEN), key.len() as u8]);
        out.extend_from_slice(key);
        out.extend_from_slice(&[tag(2, LEN), value_length as u8]);
    } else {
        length_delimited(out, field, length);
        bytes(out, 1, key);
        length_delimited(out, 2, value_length);
    }
    value(out, &pair.1, limits);
}

fn text_key_value(out: &mut Vec<u8>, field: u8, key: &str, text: &str) {
    let value = field_len(text.len());
    length_delimited(out, field, field_len(key.len()) + field_len(value));
    bytes(out, 1, key.as_bytes());
    length_delimited(out, 2, value);
    bytes(out, 1, text.as_bytes());
}

/// The length of a `KeyValue` message.
fn pair_len((key, value): &Attribute, limits: &Limits) -> usize {
    field_len(key.len()) + field_len(value_len(value, limits))
}

/// An `AnyValue`. Members of a oneof are written even when they are the type's default.
fn value(out: &mut Vec<u8>, value: &Value, limits: &Limits) {
    match value {
        Value::Text(text) => bytes(out, 1, cut(text, limits).as_bytes()),
        Value::Bool(flag) => number(out, 2, (*flag).into()),
        // int64 is two's complement: negative numbers take ten bytes.
        Value::Int(number_) => number(out, 3, number_.cast_unsigned()),
        Value::Texts(texts) => {
            length_delimited(out, 5, texts_len(texts, limits));
            for text in texts {
                let text = cut(text, limits);
                length_delimited(out, 1, field_len(text.len()));
                bytes(out, 1, text.as_bytes());
            }
        }
    }
}

/// The length of an `AnyValue` message.
fn value_len(value: &Value, limits: &Limits) -> usize {
    match value {
        Value::Text(text) => field_len(cut(text, limits).len()),
        Value::Bool(_) => 2,
        Value::Int(number) => 1 + encoded_len_varint(number.cast_unsigned()),
        Value::Texts(texts) => field_len(texts_len(texts, limits)),
    }
}

/// The length of an `ArrayValue` message.
fn texts_len(texts: &[Text], limits: &Limits) -> usize {
    texts.iter().map(|text| field_len(field_len(cut(text, limits).len()))).sum()
}

/// The length of a length-delimited field with a number below 16.
fn field_len(content: usize) -> usize {
    1 + encoded_len_varint(content as u64) + content
}

// Wire types of the encoding: https://protobuf.dev/programming-guides/encoding/#structure
const VARINT: u8 = 0;
const I64: u8 = 1;
const LEN: u8 = 2;
const I32: u8 = 5;

/// Numbers below this take one byte; nearly all tags, lengths and numbers do.
const ONE_BYTE: u8 = 0x80;

/// A field's number, below 16, and wire type.
const fn tag(field: u8, wire_type: u8) -> u8 {
    field << 3 | wire_type
}

fn length_delimited(out: &mut Vec<u8>, field: u8, length: usize) {
    match u8::try_from(length) {
        Ok(length @ ..ONE_BYTE) => out.extend_from_slice(&[tag(field, LEN), length]),
        _ => {
            out.push(tag(field, LEN));
            encode_varint(length as u64, out);
        }
    }
}

fn varint(out: &mut Vec<u8>, value: u64) {
    match u8::try_from(value) {
        Ok(byte @ ..ONE_BYTE) => out.push(byte),
        _ => encode_varint(value, out),
    }
}

fn bytes(out: &mut Vec<u8>, field: u8, content: &[u8]) {
    length_delimited(out, field, content.len());
    out.extend_from_slice(content);
}

fn number(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(tag(field, VARINT));
    varint(out, value);
}

fn nonzero(out: &mut Vec<u8>, field: u8, value: u64) {
    if value != 0 {
        number(out, field, value);
    }
}

fn fixed64(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(tag(field, I64));
    out.extend_from_slice(&value.to_le_bytes());
}
