//! gRPC over HTTP/2, and gRPC-Web over any HTTP.
//!
//! Sources: `PROTOCOL-HTTP2.md`, `PROTOCOL-WEB.md`, `statuscodes.md` and
//! `http-grpc-status-mapping.md` of the gRPC project. A [`Call`] reads along with an HTTP request
//! and its response, field by field and body by body, and says at the end whether they were a
//! gRPC call.

mod call;
mod messages;
mod status;
mod timeout;

use std::time::Duration;

pub use call::{Call, End};
pub use status::Status;

use crate::http::HttpFacts;

/// How a call is written on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wire {
    /// `application/grpc`: trailers in trailers.
    #[default]
    Grpc,
    /// `application/grpc-web`: trailers in the body.
    Web,
    /// `application/grpc-web-text`: the same in base64.
    WebText,
}

/// Facts of one call, unary or streaming.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcFacts {
    /// The HTTP request that carried the call.
    pub http: HttpFacts,
    /// How it was written.
    pub wire: Wire,
    /// `grpc-status`; where none was sent, what gRPC derives from the HTTP status or the reset.
    /// `None` if it was not seen, or the call is cut short by the end of the connection.
    pub status: Option<Status>,
    /// `grpc-message`, percent-decoded, up to 1 KiB.
    pub message: Option<Box<str>>,
    /// `grpc-timeout`: how long the client is ready to wait.
    pub timeout: Option<Duration>,
    /// Messages that the client sent, as far as counted.
    pub sent: u32,
    /// Messages that the server sent, as far as counted.
    pub received: u32,
}

impl GrpcFacts {
    /// The full method name, `package.Service/Method`; `None` if it was not seen.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        method(self.http.path.as_deref()?)
    }
}

/// `Path → ":path" "/" Service-Name "/" {method name}`. The service name may itself have slashes.
fn method(path: &str) -> Option<&str> {
    let method = path.strip_prefix('/')?;
    let (service, name) = method.rsplit_once('/')?;
    (!service.is_empty() && !name.is_empty()).then_some(method)
}

#[cfg(test)]
mod tests {
    use super::method;

    #[test]
    fn a_method_is_a_service_and_a_name() {
        assert_eq!(method("/helloworld.Greeter/SayHello"), Some("helloworld.Greeter/SayHello"));
        assert_eq!(method("/prefix/pkg.S/M"), Some("prefix/pkg.S/M"));
        assert_eq!(method("/"), None);
        assert_eq!(method("/S/"), None);
        assert_eq!(method("//M"), None);
        assert_eq!(method("S/M"), None);
    }
}
