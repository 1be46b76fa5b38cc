//! What every HTTP has in common (RFC 9110), whatever carries it.
//!
//! HTTP/1, HTTP/2 and FastCGI fill the same [`HttpFacts`], field by field:
//! [`HttpFacts::set_target`] (or [`HttpFacts::set_path`]) with the request's target,
//! [`HttpFacts::request_field`] with each field of the request,
//! [`HttpFacts::response_field`] with each field of the final response. Trace contexts are read
//! from the same fields by [`crate::context`].
//!
//! What is spoken through HTTP ([`Api`]) is told in four steps more: if
//! [`HttpFacts::wants_body`], then [`HttpFacts::request_body`] at the end of the request; if
//! [`HttpFacts::wants_response_body`], then [`HttpFacts::response_body`]; and
//! [`HttpFacts::refine`] at the end.

mod facts;
mod forwarded;
mod method;
mod refine;
mod target;

pub use facts::{HttpFacts, Scheme, Version};
pub use forwarded::Forwarded;
pub use method::Method;
pub use refine::{
    Api, AwsCall, AwsMessage, AwsResource, ElasticsearchCall, GraphQlOperation, Hints, JsonRpcCall,
};
