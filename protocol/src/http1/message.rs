//! Requests and responses on their way to becoming exchanges.

use super::body::{Heard, Listener};
use super::framing::Framing;
use super::lines::Head;
use crate::chunk::Tail;
use crate::context::WireContext;
use crate::exchange::{Exchange, Extent, Facts, Outcome};
use crate::grpc::{Call, End};
use crate::http::{HttpFacts, Method};
use crate::names::Names;

/// The fields of responses that are read.
static READ: Names = Names::union(&[Framing::NAMES, HttpFacts::RESPONSE_NAMES]);

/// A request that has not been given out.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) facts: Box<HttpFacts>,
    pub(super) extent: Extent,
    pub(super) context: Option<WireContext>,
    pub(super) link: Option<WireContext>,
    /// What the request offers to change to.
    pub(super) upgrade: Option<Box<str>>,
    /// It was read to its end.
    pub(super) done: bool,
    /// It waits for `100 Continue`, and nothing of its body was seen.
    pub(super) expecting: bool,
    /// Its end was not seen: it goes on until the response, as far as is known.
    pub(super) cut: bool,
    /// The gRPC-Web call that it carries.
    pub(super) call: Option<Box<Call>>,
    pub(super) answer: Option<Answer>,
    pub(super) trust: Trust,
}

/// A final response to the request that owns it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) extent: Extent,
    pub(super) head_last: Tail,
    pub(super) done: bool,
    /// Its end was not seen.
    pub(super) cut: bool,
    pub(super) until_close: bool,
    pub(super) listener: Option<Listener>,
}

/// A response that came when no request was open: unsolicited, the answer to a request that was
/// not seen, or delivered before its request.
#[derive(Debug)]
pub(super) struct Orphan {
    pub(super) head: Vec<u8>,
    pub(super) answer: Answer,
    /// Another one came before it, so which of them answers a late request is unknown.
    pub(super) ambiguous: bool,
}

/// Whether the next response belongs to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    Sure,
    /// It is, unless one response too many comes.
    Held,
    None,
}

impl Request {
    pub(super) fn new(
        facts: Box<HttpFacts>,
        extent: Extent,
        context: Option<WireContext>,
    ) -> Box<Self> {
        Box::new(Self {
            id: 0,
            facts,
            extent,
            context,
            link: None,
            upgrade: None,
            done: false,
            expecting: false,
            cut: false,
            call: None,
            answer: None,
            trust: Trust::Sure,
        })
    }

    /// What it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        size_of::<HttpFacts>() + self.facts.held()
    }

    /// Takes the head of the final response.
    pub(super) fn answered(&mut self, response: &Head<'_>, status: u16) -> Framing {
        self.facts.status = Some(status);
        let mut framing = Framing::default();
        let names = if self.call.is_some() { &Names::ALL } else { &READ };
        response.fields(names, |name, value| {
            framing.field(name, value);
            self.facts.response_field(name, value);
            if let Some(call) = &mut self.call {
                call.response_field(&name.to_ascii_lowercase(), value);
            }
        });
        framing
    }

    /// Takes what was heard of its content.
    pub(super) fn heard(&mut self, listener: Listener) {
        match listener.heard() {
            Heard::Start(bytes) => self.facts.request_body(&bytes),
            Heard::Call(call) => self.call = Some(call),
        }
    }

    /// Request and response were read to their ends.
    pub(super) fn is_complete(&self) -> bool {
        (self.done || self.expecting) && self.answer.as_ref().is_some_and(|answer| answer.done)
    }

    /// What it comes to.
    pub(super) fn into_exchange(mut self: Box<Self>, outcome: Outcome) -> Exchange {
        match self.answer.as_mut().and_then(|it| it.listener.take()).map(Listener::heard) {
            Some(Heard::Start(bytes)) => self.facts.response_body(&bytes),
            Some(Heard::Call(call)) => self.call = Some(call),
            None => {}
        }
        self.facts.refine();
        let facts = match self.call {
            Some(call) => {
                let end = End { whole: outcome == Outcome::Complete, ..End::default() };
                match call.finish(*self.facts, &end) {
                    Ok(call) => Facts::Grpc(Box::new(call)),
                    Err(http) => Facts::Http(Box::new(http)),
                }
            }
            None => Facts::Http(self.facts),
        };
        let mut exchange = Exchange::new(self.extent, None, facts);
        if let Some(answer) = self.answer {
            // A call of gRPC-Web lasts as long as its response, at the client as well.
            let is_call = matches!(exchange.facts, Facts::Grpc(_));
            exchange.answered = (!is_call).then_some(answer.head_last);
            exchange.response = Some(answer.extent);
        }
        exchange.context = self.context;
        exchange.links.extend(self.link);
        exchange.outcome = outcome;
        exchange
    }

    /// The outcome, if nothing ended it before its time.
    pub(super) fn outcome(&self) -> Outcome {
        let cut = self.cut || self.answer.as_ref().is_some_and(|answer| answer.cut);
        if cut { Outcome::Inferred } else { Outcome::Complete }
    }
}

impl Orphan {
    /// Whether it can be the answer to a request that was delivered after it. Its body was walked
    /// over as that of a plain request.
    pub(super) fn answers(&self, request: &Request) -> bool {
        !self.ambiguous
            && !matches!(request.facts.method, Some(Method::Head | Method::Connect))
            && request.upgrade.is_none()
    }
}
