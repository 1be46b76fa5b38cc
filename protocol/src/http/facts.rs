//! The facts of one HTTP exchange.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::forwarded::Forwarded;
use super::method::Method;
use super::refine::{Api, Hints};
use super::target::{self, Target};
use crate::names::{Names, is};
use crate::text::{Text, lossy, short};

/// The longest field value (host, user agent) that is kept, in bytes.
const FIELD_LIMIT: usize = 1024;

/// The version of HTTP spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// RFC 1945.
    Http10,
    /// RFC 9112.
    #[default]
    Http11,
    /// RFC 9113.
    Http2,
    /// RFC 9114.
    Http3,
}

impl Version {
    /// `network.protocol.version`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
            Self::Http2 => "2",
            Self::Http3 => "3",
        }
    }
}

/// The scheme that a request names by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
    /// Another one, in lower case.
    Other(Box<str>),
}

impl Scheme {
    /// Names a scheme; case does not matter (RFC 3986 §3.1).
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        if name.eq_ignore_ascii_case(b"http") {
            Self::Http
        } else if name.eq_ignore_ascii_case(b"https") {
            Self::Https
        } else {
            Self::Other(lossy(&name.to_ascii_lowercase(), 16))
        }
    }

    /// The scheme's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Other(name) => name,
        }
    }
}

/// One request and its final response. `None` is "not seen", never "not there" where a field of
/// the request could have been lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpFacts {
    /// The version spoken on this connection.
    pub version: Version,
    /// The method; `None` if it was not seen (HPACK after a late attach).
    pub method: Option<Method>,
    /// The scheme, where the request says it (absolute form, `:scheme`, `REQUEST_SCHEME`).
    pub scheme: Option<Scheme>,
    /// Host and port of the target: absolute and authority form, `:authority`. May hold
    /// credentials (`user:password@`).
    pub authority: Option<Text>,
    /// The field `Host`.
    pub host: Option<Text>,
    /// The path as sent, without the query. `*` for a server-wide `OPTIONS`, empty for `CONNECT`.
    pub path: Option<Text>,
    /// What follows the first `?`, as sent: secrets are taken out where spans are made.
    pub query: Option<Text>,
    /// The field `User-Agent`.
    pub user_agent: Option<Text>,
    /// What proxies say of the client.
    pub forwarded: Option<Box<Forwarded>>,
    /// The final status code, 200–999; `None` without a response.
    pub status: Option<u16>,
    /// Why the protocol itself failed, where it says so: a low-cardinality name, as
    /// `error.type` wants it (`REFUSED_STREAM`, `FCGI_OVERLOADED`).
    pub error: Option<Cow<'static, str>>,
    /// The protocol that carried the request, where that is not HTTP: `network.protocol.name`
    /// (`fastcgi`). [`Self::version`] then says nothing.
    pub carrier: Option<&'static str>,
    /// What the connection was upgraded to by this exchange (`websocket`, `h2c`).
    pub upgrade: Option<Box<str>>,
    /// The API behind it.
    pub api: Option<Box<Api>>,
    /// What [`Self::api`] is told from.
    pub hints: Hints,
}

impl HttpFacts {
    /// About how many bytes its texts take.
    #[must_use]
    pub fn held(&self) -> usize {
        let Self { authority, host, path, query, user_agent, .. } = self;
        [authority, host, path, query, user_agent]
            .iter()
            .filter_map(|text| Some(text.as_ref()?.len()))
            .sum()
    }

    /// The longest path, and the longest query, that is kept, in bytes.
    pub const PATH_LIMIT: usize = 4096;

    /// The fields of requests that are read.
    pub(crate) const REQUEST_NAMES: &Names = &Names::new(&[
        b"host",
        b"user-agent",
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"accept",
        b"content-type",
        b"authorization",
        b"x-amz-target",
        b"x-amz-copy-source",
        b"smithy-protocol",
        b"x-elastic-client-meta",
    ]);

    /// The fields of responses that are read.
    pub(crate) const RESPONSE_NAMES: &Names = &Names::new(&[
        b"x-amzn-requestid",
        b"x-amz-request-id",
        b"x-amzn-request-id",
        b"x-amz-id-2",
        b"x-amzn-errortype",
        b"x-elastic-product",
        b"x-found-handling-cluster",
        b"x-found-handling-instance",
    ]);

    /// Takes the target of a request line (RFC 9112 §3.2), whatever its form.
    /// [`Self::method`] must be set before: `CONNECT` has a form of its own.
    pub fn set_target(&mut self, target: &[u8]) {
        match target::parse(target, self.method == Some(Method::Connect)) {
            Target::Origin(path) => self.set_path(path),
            Target::Absolute { scheme, authority, path } => {
                self.scheme = Some(Scheme::new(scheme));
                self.authority = Some(short(authority, FIELD_LIMIT));
                self.set_path(path);
            }
            Target::Authority(authority) => {
                self.authority = Some(short(authority, FIELD_LIMIT));
                self.path = Some(Text::default());
            }
        }
    }

    /// Takes path and query: `:path`, `REQUEST_URI`, a target in origin form.
    pub fn set_path(&mut self, path: &[u8]) {
        let (path, rest) = path.split_at(memchr2(b'?', b'#', path).unwrap_or(path.len()));
        let query = rest.strip_prefix(b"?");
        let query = query.map(|query| &query[..memchr(b'#', query).unwrap_or(query.len())]);
        self.path = Some(short(path, Self::PATH_LIMIT));
        self.query = query.map(|query| short(query, Self::PATH_LIMIT));
    }

    /// Takes `:authority`.
    pub fn set_authority(&mut self, authority: &[u8]) {
        self.authority = Some(short(authority, FIELD_LIMIT));
    }

    /// Takes one field of the request; names in any case. Of repeated fields the first counts.
    #[inline]
    pub fn request_field(&mut self, name: &[u8], value: &[u8]) {
        if Self::REQUEST_NAMES.may_hold(name) {
            self.likely_request_field(name, value);
        }
    }

    fn likely_request_field(&mut self, name: &[u8], value: &[u8]) {
        let first = |slot: &mut Option<Text>| {
            if slot.is_none() {
                *slot = Some(short(value.trim_ascii(), FIELD_LIMIT));
            }
        };
        match name.len() {
            4 if is(name, b"Host", b"host") => return first(&mut self.host),
            10 if is(name, b"User-Agent", b"user-agent") => first(&mut self.user_agent),
            9 | 15 | 16 | 17 => Forwarded::field(&mut self.forwarded, name, value),
            _ => {}
        }
        self.hints.request_field(name, value);
    }

    /// Takes one field of the final response.
    #[inline]
    pub fn response_field(&mut self, name: &[u8], value: &[u8]) {
        if Self::RESPONSE_NAMES.may_hold(name) {
            self.hints.response_field(name, value);
        }
    }

    /// The host that was asked, perhaps with a port.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.authority.as_deref().or(self.host.as_deref())
    }
}
