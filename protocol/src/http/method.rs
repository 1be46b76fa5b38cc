//! Request methods.

use crate::text::lossy;

/// A request method. Names are case-sensitive (RFC 9110 §9.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// RFC 9110 §9.3.1.
    Get,
    /// RFC 9110 §9.3.2.
    Head,
    /// RFC 9110 §9.3.3.
    Post,
    /// RFC 9110 §9.3.4.
    Put,
    /// RFC 9110 §9.3.5.
    Delete,
    /// RFC 9110 §9.3.6.
    Connect,
    /// RFC 9110 §9.3.7.
    Options,
    /// RFC 9110 §9.3.8.
    Trace,
    /// RFC 5789.
    Patch,
    /// draft-ietf-httpbis-safe-method-w-body, known to the semantic conventions.
    Query,
    /// Any other, as sent, cut at [`Method::LIMIT`].
    Other(Box<str>),
}

impl Method {
    /// The longest method that is kept, in bytes. Registered ones have up to 17.
    pub const LIMIT: usize = 32;

    /// Names a method.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        match name {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"CONNECT" => Self::Connect,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"PATCH" => Self::Patch,
            b"QUERY" => Self::Query,
            other => Self::Other(lossy(other, Self::LIMIT)),
        }
    }

    /// The name, if it is one that the semantic conventions know.
    #[must_use]
    pub const fn known(&self) -> Option<&'static str> {
        Some(match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
            Self::Query => "QUERY",
            Self::Other(_) => return None,
        })
    }

    /// The name, as sent.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Other(name) => name,
            known => known.known().unwrap_or_default(),
        }
    }
}
