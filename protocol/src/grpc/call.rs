//! Reads along with one HTTP request and its response.

use std::time::Duration;

use super::messages::{Base64, Messages};
use super::{GrpcFacts, Status, Wire, method, timeout};
use crate::http::{HttpFacts, Method};
use crate::text::lossy;

/// The longest `grpc-message` that is kept, in bytes.
const MESSAGE_LIMIT: usize = 1024;

/// What is known of a call, while it lasts.
#[derive(Debug, Default)]
pub struct Call {
    request: Body,
    response: Body,
    /// A field that only gRPC has was seen.
    marked: bool,
    status: Option<Status>,
    message: Option<Box<str>>,
    timeout: Option<Duration>,
}

/// One direction.
#[derive(Debug, Default)]
struct Body {
    kind: ContentType,
    messages: Messages,
    base64: Base64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ContentType {
    #[default]
    Unknown,
    Grpc(Wire),
    Other,
}

/// How the exchange ended, for what follows from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct End {
    /// The error code of `RST_STREAM`.
    pub reset: Option<u32>,
    /// From the request's start to the end, in nanoseconds.
    pub elapsed: u64,
    /// The response ended in order, and every field of it was seen: what is not known was not
    /// there.
    pub whole: bool,
    /// Fields of the request were not seen, so that its content type may be among them.
    pub request_doubtful: bool,
    /// The response ended with trailers behind its body.
    pub trailers: bool,
    /// Other requests of the connection were calls.
    pub among_calls: bool,
}

impl Call {
    /// Takes a field of the request.
    pub fn request_field(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"content-type" => self.request.kind = content_type(value),
            b"grpc-timeout" => {
                self.marked = true;
                self.timeout = timeout::parse(value);
            }
            b"grpc-encoding" | b"grpc-accept-encoding" => self.marked = true,
            _ => {}
        }
    }

    /// Takes a field of the response, or of its trailers.
    pub fn response_field(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"content-type" => self.response.kind = content_type(value),
            b"grpc-status" => {
                self.marked = true;
                self.status = Some(Status::parse(value));
            }
            b"grpc-message" => {
                self.marked = true;
                self.message = Some(percent_decoded(value));
            }
            b"grpc-encoding" | b"grpc-accept-encoding" => self.marked = true,
            _ => {}
        }
    }

    /// The request is known to be no call: its body need not be followed.
    #[must_use]
    pub fn is_excluded(&self) -> bool {
        self.request.kind == ContentType::Other
    }

    /// The request's content type is one of gRPC.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        matches!(self.request.kind, ContentType::Grpc(_))
    }

    /// The trailers are in the response's body.
    #[must_use]
    pub fn has_trailers_in_body(&self) -> bool {
        matches!(self.request.kind, ContentType::Grpc(Wire::Web | Wire::WebText))
    }

    /// Takes a piece of the request's body.
    pub fn request_body(&mut self, bytes: &[u8]) {
        self.request.take(bytes);
    }

    /// Takes a piece of the response's body.
    pub fn response_body(&mut self, bytes: &[u8]) {
        self.response.take(bytes);
    }

    /// How many of the next bytes of the request's body need not be seen.
    #[must_use]
    pub fn request_indifferent(&self) -> u64 {
        if self.is_excluded() { u64::MAX } else { self.request.indifferent() }
    }

    /// How many of the next bytes of the response's body need not be seen.
    #[must_use]
    pub fn response_indifferent(&self) -> u64 {
        if self.is_excluded() { u64::MAX } else { self.response.indifferent() }
    }

    /// Passes over bytes of the request's body.
    pub fn skip_request(&mut self, n: u64) {
        self.request.messages.skip(n);
    }

    /// Passes over bytes of the response's body.
    pub fn skip_response(&mut self, n: u64) {
        self.response.messages.skip(n);
    }

    /// Whether the request was a call.
    #[must_use]
    pub fn is_call(&self, http: &HttpFacts, end: &End) -> bool {
        self.wire(http, end).is_some()
    }

    /// Turns the request into a call, if it was one.
    ///
    /// # Errors
    ///
    /// Gives `http` back if it was none.
    #[expect(clippy::result_large_err, reason = "the error is what was given")]
    pub fn finish(mut self, http: HttpFacts, end: &End) -> Result<GrpcFacts, HttpFacts> {
        let Some(wire) = self.wire(&http, end) else { return Err(http) };
        if wire != Wire::Grpc {
            self.read_web_trailers();
        }
        let status = self.status.or_else(|| self.derived(&http, end));
        Ok(GrpcFacts {
            wire,
            status,
            message: self.message,
            timeout: self.timeout,
            sent: self.request.messages.count(),
            received: self.response.messages.count(),
            http,
        })
    }

    /// Whether and how it was a call. "Content-Type → "content-type" "application/grpc"
    /// [("+proto" / "+json" / {custom})]" says so; "if Content-Type does not begin with
    /// "application/grpc", gRPC servers SHOULD respond with HTTP status of 415".
    fn wire(&self, http: &HttpFacts, end: &End) -> Option<Wire> {
        match (self.request.kind, self.response.kind) {
            (ContentType::Grpc(wire), _) => Some(wire),
            (ContentType::Other, _) => None,
            (ContentType::Unknown, _) if !end.request_doubtful => None,
            (ContentType::Unknown, ContentType::Grpc(wire)) => Some(wire),
            (ContentType::Unknown, ContentType::Other) => None,
            (ContentType::Unknown, ContentType::Unknown) => {
                (self.marked || self.looks_like_a_call(http, end)).then_some(Wire::Grpc)
            }
        }
    }

    /// Without any name seen: a POST with a body of nothing but messages, answered by 200 with
    /// the same and trailers, which no other use of HTTP/2 has; or by no body, if there were calls
    /// before.
    fn looks_like_a_call(&self, http: &HttpFacts, end: &End) -> bool {
        let answered_like_one = match self.response.messages.count() {
            0 => end.among_calls && !self.response.messages.is_started(),
            _ => self.response.messages.is_whole() && (end.trailers || end.among_calls),
        };
        http.method.as_ref().is_none_or(|it| *it == Method::Post)
            && http.status.is_none_or(|it| it == 200)
            && http.path.as_deref().is_none_or(|path| method(path).is_some())
            && self.request.messages.is_whole()
            && answered_like_one
    }

    /// The status that a client sees where the server sent none.
    fn derived(&self, http: &HttpFacts, end: &End) -> Option<Status> {
        if let Some(code) = end.reset {
            // NO_ERROR comes behind a response that was complete (RFC 9113 §8.1): it was not seen.
            if code == 0 && http.status.is_none() {
                return None;
            }
            return match Status::from_reset(code) {
                Status::Cancelled if self.is_late(end.elapsed) => Some(Status::DeadlineExceeded),
                // There may have been a deadline among the fields that were not seen.
                Status::Cancelled if end.request_doubtful && self.timeout.is_none() => None,
                status => Some(status),
            };
        }
        // The trailers of gRPC-Web are in the body, which may have passed unread.
        let whole = end.whole
            && match self.request.kind {
                ContentType::Grpc(Wire::Web | Wire::WebText) => http.status != Some(200),
                _ => true,
            };
        whole.then(|| http.status.map(Status::from_http)).flatten()
    }

    /// A client whose deadline passes cancels the stream. Its clock started before the request
    /// was on the wire, and what it wrote there is rounded up (C-core: by up to 1 %).
    fn is_late(&self, elapsed: u64) -> bool {
        const SLACK: Duration = Duration::from_millis(10);
        let elapsed = Duration::from_nanos(elapsed);
        self.timeout.is_some_and(|timeout| elapsed + elapsed / 50 + SLACK >= timeout)
    }

    /// `PROTOCOL-WEB.md`: trailers are "encoded as HTTP/1 headers block", names in lower case.
    fn read_web_trailers(&mut self) {
        let Some(trailers) = self.response.messages.trailers().map(<[u8]>::to_vec) else { return };
        for line in trailers.split(|&byte| byte == b'\n') {
            let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            self.response_field(&name.trim_ascii().to_ascii_lowercase(), value.trim_ascii());
        }
    }
}

impl Body {
    fn take(&mut self, bytes: &[u8]) {
        if self.kind == ContentType::Grpc(Wire::WebText) {
            let messages = &mut self.messages;
            self.base64.take(bytes, |octet| messages.take(&[octet]));
        } else {
            self.messages.take(bytes);
        }
    }

    fn indifferent(&self) -> u64 {
        match self.kind {
            ContentType::Other => u64::MAX,
            ContentType::Grpc(Wire::WebText) => 0,
            _ => self.messages.indifferent(),
        }
    }
}

/// What a `content-type` says; case does not matter (RFC 9110 §8.3.1).
fn content_type(value: &[u8]) -> ContentType {
    let end = value.iter().position(|byte| b"+; ".contains(byte)).unwrap_or(value.len());
    let essence = &value[..end];
    if essence.eq_ignore_ascii_case(b"application/grpc") {
        ContentType::Grpc(Wire::Grpc)
    } else if essence.eq_ignore_ascii_case(b"application/grpc-web") {
        ContentType::Grpc(Wire::Web)
    } else if essence.eq_ignore_ascii_case(b"application/grpc-web-text") {
        ContentType::Grpc(Wire::WebText)
    } else {
        ContentType::Other
    }
}

/// `Percent-Encoded`, of UTF-8. "Decoders MUST NOT error or throw away invalid values".
fn percent_decoded(value: &[u8]) -> Box<str> {
    let mut out = Vec::with_capacity(value.len().min(MESSAGE_LIMIT));
    let mut rest = value;
    while let Some((&byte, behind)) = rest.split_first() {
        if out.len() > MESSAGE_LIMIT {
            break;
        }
        rest = behind;
        let digit = |at: usize| char::from(*behind.get(at)?).to_digit(16);
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                rest = &behind[2..];
            }
            _ => out.push(byte),
        }
    }
    lossy(&out, MESSAGE_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::{Call, ContentType, End, Wire, content_type, percent_decoded};
    use crate::grpc::Status;
    use crate::http::HttpFacts;

    #[test]
    fn content_types() {
        assert_eq!(content_type(b"application/grpc"), ContentType::Grpc(Wire::Grpc));
        assert_eq!(content_type(b"application/grpc+proto"), ContentType::Grpc(Wire::Grpc));
        assert_eq!(content_type(b"Application/gRPC; v=1"), ContentType::Grpc(Wire::Grpc));
        assert_eq!(content_type(b"application/grpc-web+proto"), ContentType::Grpc(Wire::Web));
        assert_eq!(content_type(b"application/grpc-web-text"), ContentType::Grpc(Wire::WebText));
        assert_eq!(content_type(b"application/grpcx"), ContentType::Other);
        assert_eq!(content_type(b"application/json"), ContentType::Other);
    }

    #[test]
    fn messages_are_percent_decoded_and_never_refused() {
        assert_eq!(&*percent_decoded(b"caf%C3%A9 100%25"), "café 100%");
        assert_eq!(&*percent_decoded(b"%zz%4"), "%zz%4");
    }

    #[test]
    fn a_web_call_has_its_trailers_in_the_body() {
        let mut call = Call::default();
        call.request_field(b"content-type", b"application/grpc-web-text");
        call.response_field(b"content-type", b"application/grpc-web-text+proto");
        call.request_body(b"AAAAAAA=");
        // 0x80, length 36, `grpc-status:5\r\ngrpc-message:no%20such\r\n`.
        call.response_body(b"gAAAACZncnBjLXN0YXR1czo1DQpncnBjLW1lc3NhZ2U6bm8lMjBzdWNoDQo=");
        let facts = call.finish(HttpFacts::default(), &End::default()).unwrap();
        assert_eq!((facts.wire, facts.status), (Wire::WebText, Some(Status::NotFound)));
        assert_eq!((facts.message.as_deref(), facts.sent), (Some("no such"), 1));
    }

    #[test]
    fn without_a_status_the_http_status_or_the_reset_stands_for_it() {
        let finish = |status: u16, end: End| {
            let mut call = Call::default();
            call.request_field(b"content-type", b"application/grpc");
            call.request_field(b"grpc-timeout", b"1S");
            let http = HttpFacts { status: Some(status), ..HttpFacts::default() };
            call.finish(http, &end).unwrap().status
        };
        let whole = End { whole: true, ..End::default() };
        assert_eq!(finish(503, whole), Some(Status::Unavailable));
        assert_eq!(finish(200, whole), Some(Status::Unknown));
        assert_eq!(finish(200, End::default()), None);
        let reset = End { reset: Some(0x8), ..End::default() };
        assert_eq!(finish(200, reset), Some(Status::Cancelled));
        let late = End { elapsed: 1_000_000_001, ..reset };
        assert_eq!(finish(200, late), Some(Status::DeadlineExceeded));
        let unseen = |request_doubtful| {
            let mut call = Call::default();
            call.request_field(b"content-type", b"application/grpc");
            call.finish(HttpFacts::default(), &End { request_doubtful, ..reset }).unwrap().status
        };
        assert_eq!((unseen(true), unseen(false)), (None, Some(Status::Cancelled)));
        let mut unanswered = Call::default();
        unanswered.request_field(b"content-type", b"application/grpc");
        let done = End { reset: Some(0), ..End::default() };
        assert_eq!(unanswered.finish(HttpFacts::default(), &done).unwrap().status, None);
        let refused = End { reset: Some(0x7), ..End::default() };
        assert_eq!(finish(200, refused), Some(Status::Unavailable));
    }
}
