//! OTLP over HTTP (OTLP specification, "OTLP/HTTP") and Zipkin: bodies by POST.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    RETRY_AFTER,
};
use hyper::{Method, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use prost::Message;

use super::answer::{Answer, ExportResponse, PartialSuccess, RpcStatus};
use super::client::{Connector, TlsError, USER_AGENT, Version, client, explain};
use super::destination::without_credentials;
use super::retry::retry_after;
use crate::config::{Compression, Tls};
use crate::sink::encoding::Encoding;

use crate::sink::text::visible;

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The most characters of a collector's message that are repeated.
const MAX_MESSAGE_CHARS: usize = 200;

/// One HTTP destination.
#[derive(Debug)]
pub(super) struct HttpExporter {
    client: Client<Connector, Full<Bytes>>,
    uri: Uri,
    headers: HeaderMap,
    encoding: Encoding,
    compression: Compression,
    timeout: Duration,
}

impl HttpExporter {
    pub(super) fn new(
        uri: Uri,
        headers: &[(HeaderName, HeaderValue)],
        encoding: Encoding,
        compression: Compression,
        timeout: Duration,
        tls: &Tls,
    ) -> Result<Self, TlsError> {
        let mut all = HeaderMap::new();
        let content = match encoding {
            Encoding::Protobuf => "application/x-protobuf",
            Encoding::Json | Encoding::Zipkin => "application/json",
        };
        all.insert(CONTENT_TYPE, HeaderValue::from_static(content));
        all.insert(hyper::header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if compression == Compression::Gzip {
            all.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for (name, value) in headers {
            all.insert(name.clone(), value.clone());
        }
        let https = uri.scheme_str() == Some("https");
        let client = client(Version::Http1, https, tls)?;
        Ok(Self { client, uri, headers: all, encoding, compression, timeout })
    }

    /// The body as it is sent; compressed once for all attempts.
    pub(super) fn prepare(&self, body: Bytes) -> Bytes {
        match self.compression {
            Compression::None => body,
            // Memory does not fail to be written to.
            Compression::Gzip => gzip(&body).map_or(body, Bytes::from),
        }
    }

    /// One attempt with a [prepared](Self::prepare) body.
    pub(super) async fn send(&self, body: Bytes) -> Answer {
        match tokio::time::timeout(self.timeout, self.exchange(body)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::Retry { after: None, error },
            Err(_) => Answer::Retry {
                after: None,
                error: format!("no answer within {} ms", self.timeout.as_millis()),
            },
        }
    }

    async fn exchange(&self, body: Bytes) -> Result<Answer, String> {
        let length = body.len();
        let mut request = hyper::Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        // Hyper leaves it out of a request with an empty body, which servers refuse: a POST has one
        // (RFC 9110 §8.6).
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        let response = self.client.request(request).await.map_err(|error| explain(&error))?;
        let (parts, body) = response.into_parts();
        let after = parts.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after = after.and_then(|value| retry_after(value, SystemTime::now()));
        if parts.status.is_success() {
            // The spans were accepted: an answer that cannot be read changes nothing.
            let body = read(body).await.unwrap_or_default();
            return Ok(accepted(parts.headers.get(CONTENT_TYPE), &body));
        }
        let body = read(body).await.unwrap_or_default();
        let error = match parts.headers.get(LOCATION).filter(|_| parts.status.is_redirection()) {
            Some(to) => redirect(parts.status, to),
            None => failure(parts.status, self.encoding, &body),
        };
        Ok(if is_retryable(parts.status) {
            Answer::Retry { after, error }
        } else {
            Answer::Refused { error }
        })
    }
}

/// OTLP specification, "Retryable Response Codes".
fn is_retryable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

async fn read(body: Incoming) -> Option<Bytes> {
    Limited::new(body, MAX_ANSWER_BYTES).collect().await.ok().map(|body| body.to_bytes())
}

/// The verdict on a 2xx: the answer's own content type says how it is written.
fn accepted(content_type: Option<&HeaderValue>, body: &[u8]) -> Answer {
    let json = content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let response = if json { json_response(body) } else { ExportResponse::decode(body).ok() };
    response.unwrap_or_default().verdict()
}

fn json_response(body: &[u8]) -> Option<ExportResponse> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let partial = body.get("partialSuccess")?;
    let rejected = partial.get("rejectedSpans");
    Some(ExportResponse {
        partial_success: Some(PartialSuccess {
            // ProtoJSON writes 64-bit integers as strings and reads both.
            rejected_spans: rejected
                .and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()))
                .unwrap_or(0),
            error_message: partial
                .get("errorMessage")
                .and_then(|value| value.as_str())
                .unwrap_or_default()
                .to_owned(),
        }),
    })
}

/// Redirects are not followed: spans and headers are meant for whom they were addressed to.
fn redirect(status: StatusCode, to: &HeaderValue) -> String {
    let to = String::from_utf8_lossy(to.as_bytes());
    let to: String = without_credentials(&to).chars().take(MAX_MESSAGE_CHARS).collect();
    visible(&format!("HTTP {status} to {to}, which is not followed: is that the collector's URL?"))
}

/// `HTTP 400 Bad Request: what the collector said`.
fn failure(status: StatusCode, encoding: Encoding, body: &[u8]) -> String {
    let said = match encoding {
        Encoding::Protobuf => RpcStatus::decode(body).ok().map(|status| status.message),
        Encoding::Json | Encoding::Zipkin => serde_json::from_slice::<serde_json::Value>(body)
            .ok()
            .and_then(|value| Some(value.get("message")?.as_str()?.to_owned())),
    };
    let said = said
        .filter(|message| !message.is_empty())
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let said: String = said.trim().chars().take(MAX_MESSAGE_CHARS).collect();
    let separator = if said.is_empty() { "" } else { ": " };
    visible(&format!("HTTP {status}{separator}{said}"))
}

fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    // The lowest level: most of the gain for a fraction of the time.
    let mut encoder =
        GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::{accepted, failure, is_retryable, redirect};
    use crate::sink::collector::answer::Answer;
    use crate::sink::encoding::Encoding;
    use hyper::StatusCode;
    use hyper::header::HeaderValue;

    #[test]
    fn only_four_codes_are_retried() {
        let retried: Vec<u16> =
            (100..600).filter(|code| is_retryable(StatusCode::from_u16(*code).unwrap())).collect();
        assert_eq!(retried, [429, 502, 503, 504]);
    }

    #[test]
    fn json_answers_count_rejected_spans_as_string_or_number() {
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        for number in ["\"2\"", "2"] {
            let body = format!(
                "{{\"partialSuccess\":{{\"rejectedSpans\":{number},\"errorMessage\":\"m\"}}}}"
            );
            assert_eq!(
                accepted(Some(&json), body.as_bytes()),
                Answer::Accepted { rejected: 2, message: "m".into() }
            );
        }
        let full = Answer::Accepted { rejected: 0, message: String::new() };
        for body in ["{}", "{\"partialSuccess\":{}}", "no json", ""] {
            assert_eq!(accepted(Some(&json), body.as_bytes()), full);
        }
        assert_eq!(accepted(None, b"<html>"), full);
    }

    #[test]
    fn a_redirect_says_where_to() {
        let to = HeaderValue::from_static("https://me:hunter2@c/v1/traces?key=hunter2");
        assert_eq!(
            redirect(StatusCode::PERMANENT_REDIRECT, &to),
            "HTTP 308 Permanent Redirect to https://c/v1/traces, which is not followed: is that \
             the collector's URL?"
        );
    }

    #[test]
    fn messages_of_strangers_are_shortened_and_made_visible() {
        let body = format!("\u{1b}[31m{}", "x".repeat(5000));
        let error = failure(StatusCode::BAD_REQUEST, Encoding::Json, body.as_bytes());
        assert!(error.starts_with("HTTP 400 Bad Request: \\u{1b}[31mxxx"), "{error}");
        assert!(error.len() < 300);
    }
}
