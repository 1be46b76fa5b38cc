//! What every HTTP has in common (RFC 9110), whatever carries it.
//!
//! HTTP/1, HTTP/2 and FastCGI fill the same [`HttpFacts`], field by field:
//! [`HttpFacts::set_target`] (or [`HttpFacts::set_path`]) with the request's target,
//! [`HttpFacts::request_field`] with each field of the request,
//! [`HttpFacts::response_field`] with each field of the final response. Trace contexts are read
//! from the same fields by [`crate::context`].

mod facts;
mod forwarded;
mod method;
mod target;

pub use facts::{Api, HttpFacts, Scheme, Version};
pub use forwarded::Forwarded;
pub use method::Method;
