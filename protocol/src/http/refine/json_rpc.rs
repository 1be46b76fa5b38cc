//! JSON-RPC: <https://www.jsonrpc.org/specification>.

use super::NAME_LIMIT;
use super::json::{self, Value};
use crate::text::lossy;

/// A JSON-RPC call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonRpcCall {
    /// The method; `None` of a batch.
    pub method: Option<Box<str>>,
    /// `2.0`, or what the member `jsonrpc` says.
    pub version: Box<str>,
    /// The id as text; `None` of a notification, a batch, or if it is null.
    pub id: Option<Box<str>>,
    /// `error.code` of the response.
    pub error_code: Option<i64>,
}

/// Recognises a request: an object with `jsonrpc` and `method`, or an array of such.
pub(super) fn call(start: &[u8]) -> Option<JsonRpcCall> {
    let text = start.trim_ascii_start();
    if let Some(first) = text.strip_prefix(b"[") {
        let version = single(first.trim_ascii_start())?.version;
        return Some(JsonRpcCall { version, ..JsonRpcCall::default() });
    }
    single(text)
}

fn single(text: &[u8]) -> Option<JsonRpcCall> {
    let (mut version, mut method, mut id) = (None, None, None);
    for (name, value) in json::members(text) {
        match (&*name, value) {
            ("jsonrpc", Value::Text(text)) => version = Some(short(&text)),
            ("method", Value::Text(text)) => method = Some(short(&text)),
            ("id", Value::Text(text)) => id = Some(short(&text)),
            ("id", Value::Scalar(number)) if number != "null" => id = Some(short(number)),
            _ => {}
        }
    }
    Some(JsonRpcCall { method: Some(method?), version: version?, id, error_code: None })
}

fn short(text: &str) -> Box<str> {
    lossy(text.as_bytes(), NAME_LIMIT)
}

impl JsonRpcCall {
    /// Takes the response: `error.code`, if it is an error.
    pub(super) fn response(&mut self, start: &[u8]) {
        let Some(Value::Nested(error)) = json::member(start, "error") else { return };
        if let Some(Value::Scalar(code)) = json::member(error, "code") {
            self.error_code = code.parse().ok();
        }
    }
}
