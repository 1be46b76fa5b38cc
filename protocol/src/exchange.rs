//! What a dissector gives: one request with its response, as far as they were seen.

use crate::chunk::{Moment, Side, Tail};
use crate::context::WireContext;

/// The first and the last byte of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// The first byte.
    pub first: Moment,
    /// The last byte, as far as seen.
    pub last: Tail,
}

impl Extent {
    /// A message from one byte to another.
    #[must_use]
    pub fn new(first: Moment, last: impl Into<Tail>) -> Self {
        Self { first, last: last.into() }
    }

    /// A message whose first and last byte are the same call's.
    #[must_use]
    pub fn at(moment: Moment) -> Self {
        Self::new(moment, moment)
    }

    /// Whether a stream position lies within the message.
    #[must_use]
    pub const fn covers(&self, position: u64) -> bool {
        self.first.position <= position && position <= self.last.position
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Request and response were seen to their ends (bodies may have been skipped).
    #[default]
    Complete,
    /// No answer is expected by the protocol (a one-way message).
    OneWay,
    /// The connection ended before the response was complete; the cause is `connection_reset`
    /// when it was a reset, else `connection_closed`.
    Aborted(Ending),
    /// A part was not captured, so the end was inferred (by the next turn, for instance).
    Inferred,
    /// The protocol itself cancelled it (RST_STREAM, Cancel, ABORT_REQUEST).
    Cancelled,
}

pub use crate::dissector::Ending;

/// One request and its response.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Who sent the request: the client, but for pushes (an AMQP delivery, a Redis push).
    pub asker: Side,
    /// The request's bytes.
    pub request: Extent,
    /// The response's bytes; `None` if none was seen.
    pub response: Option<Extent>,
    /// When the head of the response was complete, if that differs from `response.last`. A CLIENT
    /// span of HTTP ends here (semantic conventions: "when the response head is read"), a SERVER
    /// span with the last byte of the response. Of an aborted exchange without response: when it
    /// was given up.
    pub answered: Option<Tail>,
    /// When it was over, if that is not with the last byte of the response: a call that lasts as
    /// long as its stream, and was cancelled or lost its connection.
    pub over: Option<Tail>,
    /// How it ended.
    pub outcome: Outcome,
    /// The trace context that the request carried.
    pub context: Option<WireContext>,
    /// Further contexts carried (one a message, in batches): span links, never parents.
    pub links: Vec<WireContext>,
    /// The protocol's own facts.
    pub facts: Facts,
}

impl Exchange {
    /// A complete exchange that the client asked for, without context.
    #[must_use]
    pub fn new(request: Extent, response: Option<Extent>, facts: Facts) -> Self {
        Self {
            asker: Side::Client,
            request,
            response,
            answered: None,
            over: None,
            outcome: Outcome::Complete,
            context: None,
            links: Vec::new(),
            facts,
        }
    }
}

/// What the protocol said. One variant a kind of span, not one a wire format: HTTP/1, HTTP/2 and
/// FastCGI all give `Http`.
#[derive(Clone, Debug)]
pub enum Facts {
    /// HTTP over any transport, with what was learnt of the API behind it (AWS, GraphQL, …).
    Http(Box<crate::http::HttpFacts>),
    /// A gRPC call.
    Grpc(Box<crate::grpc::GrpcFacts>),
    /// A PostgreSQL query, statement, copy or connection.
    Postgresql(Box<crate::postgresql::PostgresqlFacts>),
    /// A MySQL or MariaDB command.
    Mysql(Box<crate::mysql::MysqlFacts>),
    /// A Redis command or pipeline.
    Redis(Box<crate::redis::RedisFacts>),
    /// A Kafka request.
    Kafka(Box<crate::kafka::KafkaFacts>),
    /// An AMQP 0-9-1 operation.
    Amqp(Box<crate::amqp::AmqpFacts>),
    /// A DNS lookup.
    Dns(Box<crate::dns::DnsFacts>),
}
