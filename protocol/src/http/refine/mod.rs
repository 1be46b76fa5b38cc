//! Which API is spoken through HTTP: told from the fields and from the first bytes of the content,
//! and only on evidence that belongs to the API.

mod aws;
mod aws_messages;
mod aws_service;
mod elasticsearch;
mod elasticsearch_endpoints;
mod graphql;
mod json;
mod json_rpc;
mod s3;

#[cfg(test)]
mod tests;

pub use aws::{AwsCall, AwsResource};
pub use aws_messages::AwsMessage;
pub use elasticsearch::ElasticsearchCall;
pub use graphql::GraphQlOperation;
pub use json_rpc::JsonRpcCall;

use super::facts::HttpFacts;
use crate::names::is;

/// The longest name, id or identifier that is kept, in bytes.
const NAME_LIMIT: usize = 256;
/// The first bytes of a content that most APIs are told from.
const SAMPLE: usize = 4096;
/// The first bytes of a content with messages, whose attributes stand behind their bodies.
const MESSAGES_SAMPLE: usize = 64 * 1024;

/// What was learnt of the API that is spoken through HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Api {
    /// A call of an AWS service.
    Aws(AwsCall),
    /// A request to Elasticsearch or OpenSearch.
    Elasticsearch(ElasticsearchCall),
    /// A GraphQL operation.
    GraphQl(GraphQlOperation),
    /// A JSON-RPC call.
    JsonRpc(JsonRpcCall),
}

/// What the fields of request and response say of the API, until it is decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    content: Content,
    aws: Option<Box<aws::Hints>>,
    elasticsearch: Option<Box<elasticsearch::Hints>>,
}

/// The kinds of content that APIs are told from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Content {
    /// Nothing to look into.
    #[default]
    Other,
    /// `application/json` and its relatives.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/graphql`: the document itself.
    GraphQl,
}

impl Content {
    fn new(value: &[u8]) -> Self {
        let media = value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let Some(slash) = media.iter().position(|&byte| byte == b'/') else { return Self::Other };
        if !media[..slash].eq_ignore_ascii_case(b"application") {
            return Self::Other;
        }
        let subtype = &media[slash + 1..];
        let ends = |end: &[u8]| {
            subtype.len() >= end.len()
                && subtype[subtype.len() - end.len()..].eq_ignore_ascii_case(end)
        };
        if subtype.eq_ignore_ascii_case(b"x-www-form-urlencoded") {
            Self::Form
        } else if subtype.eq_ignore_ascii_case(b"graphql") {
            Self::GraphQl
        } else if ends(b"json") || ends(b"x-amz-json-1.0") || ends(b"x-amz-json-1.1") {
            Self::Json
        } else {
            Self::Other
        }
    }
}

impl Hints {
    /// Takes a field of the request.
    pub(super) fn request_field(&mut self, name: &[u8], value: &[u8]) {
        if is(name, b"Content-Type", b"content-type") {
            self.content = Content::new(value);
        }
        aws::Hints::request_field(&mut self.aws, name, value);
        elasticsearch::Hints::request_field(&mut self.elasticsearch, name, value);
    }

    /// Takes a field of the response.
    pub(super) fn response_field(&mut self, name: &[u8], value: &[u8]) {
        aws::Hints::response_field(&mut self.aws, name, value);
        elasticsearch::Hints::response_field(&mut self.elasticsearch, name, value);
    }
}

impl HttpFacts {
    /// Whether the first bytes of the request's content could tell the API. To be asked when all
    /// fields of the request were taken.
    #[must_use]
    pub fn wants_body(&self) -> bool {
        match self.hints.content {
            Content::Json | Content::GraphQl => true,
            // Forms are full of secrets: only AWS' are looked into.
            Content::Form => aws::is_likely(self),
            Content::Other => false,
        }
    }

    /// Whether the contents of request and response may hold messages of SQS or SNS. To be asked
    /// when all fields of the request were taken.
    #[must_use]
    pub fn carries_messages(&self) -> bool {
        aws::carries_messages(self)
    }

    /// How many of a content's first bytes are of use.
    #[must_use]
    pub fn sample(&self) -> usize {
        if self.carries_messages() { MESSAGES_SAMPLE } else { SAMPLE }
    }

    /// Takes the first bytes of the request's content ([`sample`](Self::sample) are enough), when
    /// it has ended.
    pub fn request_body(&mut self, start: &[u8]) {
        let content = self.hints.content;
        self.api = aws::call(self, start)
            .map(Api::Aws)
            .or_else(|| match content {
                Content::Json => json_rpc::call(start).map(Api::JsonRpc),
                _ => None,
            })
            .or_else(|| {
                let operation = match content {
                    Content::Json => graphql::in_json(start, self.path.as_deref()),
                    Content::GraphQl => graphql::in_document(start),
                    _ => None,
                };
                operation.map(Api::GraphQl)
            })
            .map(Box::new);
    }

    /// Whether the first bytes of the final response's content could tell more of the API. To be
    /// asked when all fields of the response were taken.
    #[must_use]
    pub fn wants_response_body(&self) -> bool {
        match self.api.as_deref() {
            Some(Api::JsonRpc(_)) => true,
            Some(Api::Aws(call)) => {
                self.status.is_some_and(|status| status >= 400) || call.has_messages()
            }
            // Without a content of the request it is not decided yet.
            None => self.status.is_some_and(|status| status >= 400) && aws::is_likely(self),
            _ => false,
        }
    }

    /// Takes the first bytes of the response's content.
    pub fn response_body(&mut self, start: &[u8]) {
        if self.api.is_none() {
            self.refine();
        }
        match self.api.as_deref_mut() {
            Some(Api::JsonRpc(call)) => call.response(start),
            Some(Api::Aws(call)) if self.status.is_some_and(|status| status >= 400) => {
                call.error_in(start);
            }
            Some(Api::Aws(call)) => call.messages_in(start),
            _ => {}
        }
    }

    /// Decides what the fields of both messages say. To be called at the end.
    pub fn refine(&mut self) {
        if self.api.is_none() {
            self.api = aws::call(self, b"")
                .map(Api::Aws)
                .or_else(|| elasticsearch::call(self).map(Api::Elasticsearch))
                .or_else(|| graphql::in_query(self).map(Api::GraphQl))
                .map(Box::new);
        }
        if let (Some(Api::Aws(call)), Some(hints)) = (self.api.as_deref_mut(), &self.hints.aws) {
            call.response(hints);
        }
    }
}
