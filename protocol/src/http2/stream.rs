//! One stream: one request and its response (RFC 9113 §8.1).

use super::fields::{Reply, Request, STATUS};
use super::frame::error_name;
use super::front::Front;
use super::hpack::{Field, Older};
use crate::chunk::{Moment, Side, Tail};
use crate::context::WireContext;
use crate::dissector::Ending;
use crate::exchange::{Exchange, Extent, Facts, Outcome};
use crate::grpc::{Call, End};
use crate::http::{HttpFacts, Method, Scheme, Version};
use crate::text::lossy;

/// The longest `:protocol` that is kept, in bytes.
const PROTOCOL_LIMIT: usize = 64;

/// What became of a stream. Default: nothing was seen.
#[derive(Debug, Default)]
pub(super) struct Stream {
    facts: Box<HttpFacts>,
    call: Call,
    context: Option<WireContext>,
    link: Option<WireContext>,
    /// The fronts of both bodies, if the facts want them.
    fronts: [Front; 2],
    /// `:protocol` (RFC 8441 §4).
    protocol: Option<Box<str>>,
    request: Option<Extent>,
    request_ended: bool,
    /// Fields of the request were not seen.
    request_cut: bool,
    response: Option<Extent>,
    answered: Option<Moment>,
    response_ended: bool,
    /// Fields of the response were not seen.
    response_cut: bool,
    trailers: bool,
    /// Frames of the stream may have been lost.
    doubtful: bool,
    /// No frame was seen since then, so its end may be among them.
    stale: bool,
}

/// How a stream ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Finish {
    /// The response ended, or must have.
    Ended,
    /// RST_STREAM, with this code.
    Reset(u32),
    /// The connection ended, or the stream is given up.
    Closed(Ending),
}

impl Stream {
    /// Stream 1 after an upgrade: asked for by HTTP/1, and half-closed.
    pub(super) fn upgraded(request: &Exchange) -> Option<Self> {
        let Facts::Http(facts) = &request.facts else { return None };
        Some(Self {
            facts: Box::new(HttpFacts { status: None, ..(**facts).clone() }),
            context: request.context.clone(),
            request: Some(request.request),
            request_ended: true,
            ..Self::default()
        })
    }

    /// About what it takes beyond its own size, in bytes. Fronts of bodies are short, and are left out.
    pub(super) fn held(&self) -> usize {
        size_of::<HttpFacts>() + self.facts.held()
    }

    /// The request was seen.
    pub(super) const fn is_asked(&self) -> bool {
        self.request.is_some()
    }

    /// Where the request is.
    pub(super) const fn request(&self) -> Option<&Extent> {
        self.request.as_ref()
    }

    /// Frames of the connection were lost.
    pub(super) fn doubt(&mut self) {
        self.doubtful = true;
        self.stale = true;
    }

    /// Nothing was seen of the stream since frames were lost.
    pub(super) const fn is_stale(&self) -> bool {
        self.stale
    }

    /// Request and response are there to their ends.
    pub(super) const fn is_over(&self) -> bool {
        self.response_ended && self.request_ended
    }

    /// The response is there to its end, and the request is not: either its end is delivered
    /// late, or "a server can send a complete response prior to the client sending an entire
    /// request" (§8.1).
    pub(super) const fn lingers(&self) -> bool {
        self.response_ended && !self.request_ended && self.is_asked()
    }

    /// Takes the next field of the request.
    pub(super) fn request_field(&mut self, request: &mut Request, field: Field<'_>) {
        let Field::Known(name, value) = field else {
            request.cut = true;
            return;
        };
        match name {
            b":method" => self.facts.method = Some(Method::new(value)),
            b":path" => self.facts.set_path(value),
            b":authority" => self.facts.set_authority(value),
            b":scheme" => self.facts.scheme = Some(Scheme::new(value)),
            b":protocol" => self.protocol = Some(lossy(value, PROTOCOL_LIMIT)),
            _ => {
                self.facts.request_field(name, value);
                self.call.request_field(name, value);
                request.carrier.field(name, value);
                return;
            }
        }
        request.is_request = true;
    }

    /// Takes what the head of the request said.
    pub(super) fn ask(&mut self, request: Request, first: Moment, last: Moment, ended: bool) {
        self.facts.version = Version::Http2;
        if self.facts.method == Some(Method::Connect) && !request.cut {
            self.facts.path.get_or_insert_default();
        }
        let mut carrier = request.carrier;
        self.link = carrier.take_link();
        self.context = carrier.finish();
        self.request = Some(Extent::new(first, last));
        self.request_ended = ended;
        self.request_cut = request.cut;
        if self.facts.wants_body() {
            self.fronts[Side::Client as usize].open(self.facts.sample());
            if ended {
                self.tell_request();
            }
        }
    }

    /// The request goes on up to here.
    pub(super) fn request_goes_on(&mut self, last: Moment, ended: bool) {
        if let Some(request) = &mut self.request {
            request.last = last.into();
        }
        self.stale = false;
        self.request_ended |= ended;
        if ended {
            self.tell_request();
        }
    }

    /// Shows the front of the request's body to the facts, once.
    fn tell_request(&mut self) {
        if let Some(front) = self.fronts[Side::Client as usize].close() {
            self.facts.request_body(&front);
        }
    }

    /// Takes the next field of a block of the server.
    pub(super) fn response_field(&mut self, reply: &mut Reply, field: Field<'_>) {
        reply.take(field);
        if let Field::Known(name, value) = field
            && !reply.is_informational()
        {
            self.facts.response_field(name, value);
            self.call.response_field(name, value);
        }
    }

    /// Takes what a block of the server said: an informational response, the head of the
    /// response, or its trailers (§8.1).
    pub(super) fn answer(&mut self, reply: &Reply, first: Moment, last: Moment, ended: bool) {
        if reply.is_informational() {
            return;
        }
        self.response_cut |= reply.cut;
        if reply.status.is_some() {
            self.facts.status = reply.status;
            self.answered = Some(last);
            if self.facts.wants_response_body() {
                self.fronts[Side::Server as usize].open(self.facts.sample());
            }
        } else if self.response.is_some() && ended {
            self.trailers = true;
        } else if self.answered.is_none() {
            self.answered = Some(last);
        }
        self.response.get_or_insert(Extent::new(first, last));
        self.response_goes_on(last, ended);
    }

    /// The entry that has the name `grpc-status` for certain: the trailers of a call have such a field, and
    /// no other field of these, just read, can be it. If its value is known, so is the status.
    pub(super) fn learn_status(&mut self, reply: Reply, among_calls: bool) -> Option<Older> {
        let end = End {
            request_doubtful: self.request_cut,
            trailers: true,
            among_calls,
            ..End::default()
        };
        let is_sole = reply.candidates == 1 && !reply.has_grpc_status && reply.status.is_none();
        if !(is_sole && self.trailers && self.call.is_call(&self.facts, &end)) {
            return None;
        }
        let (older, value) = reply.candidate?;
        if let Some(value) = value {
            self.call.response_field(STATUS, &value);
        }
        Some(older)
    }

    /// The response goes on up to here.
    pub(super) fn response_goes_on(&mut self, last: Moment, ended: bool) {
        if let Some(response) = &mut self.response {
            response.last = last.into();
        } else if ended {
            self.response = Some(Extent::at(last));
        }
        self.stale = false;
        self.response_ended |= ended;
    }

    /// Takes a piece of a body.
    pub(super) fn body(&mut self, side: Side, bytes: &[u8]) {
        self.fronts[side as usize].take(bytes);
        match side {
            Side::Client => self.call.request_body(bytes),
            Side::Server => self.call.response_body(bytes),
        }
    }

    /// Passes over a piece of a body.
    pub(super) fn skip_body(&mut self, side: Side, n: u64) {
        self.fronts[side as usize].skip(n);
        match side {
            Side::Client => self.call.skip_request(n),
            Side::Server => self.call.skip_response(n),
        }
    }

    /// How many bytes of each DATA frame of a side are of use: the trailers of gRPC-Web are behind all.
    pub(super) fn front(&self, side: Side) -> usize {
        match side {
            Side::Server if self.call.has_trailers_in_body() => usize::MAX,
            _ if self.fronts[side as usize].is_open() => self.facts.sample(),
            _ => 0,
        }
    }

    /// How many of the next bytes of a body need not be seen.
    pub(super) fn indifferent(&self, side: Side) -> u64 {
        match side {
            _ if self.fronts[side as usize].is_open() => 0,
            // Whether it is a call is known from the head, unless some of the head is not.
            _ if self.is_asked() && !self.call.is_requested() && !self.request_cut => u64::MAX,
            Side::Client => self.call.request_indifferent(),
            Side::Server => self.call.response_indifferent(),
        }
    }

    /// The exchange; `None` if what is known does not make one. `among_calls`: other requests of
    /// the connection were gRPC.
    pub(super) fn finish(
        mut self,
        finish: Finish,
        at: Moment,
        among_calls: bool,
    ) -> Option<Exchange> {
        let request = self.request?;
        let finish = if self.response_ended { Finish::Ended } else { finish };
        let over = match finish {
            Finish::Ended | Finish::Closed(Ending::Forgotten) => None,
            Finish::Reset(_) | Finish::Closed(_) => Some(at),
        };
        let (outcome, reset) = match finish {
            Finish::Ended if self.is_inferred() => (Outcome::Inferred, None),
            Finish::Ended => (Outcome::Complete, None),
            // The response may be among what was lost, whatever came after it.
            _ if self.doubtful && self.answered.is_none() => return None,
            _ if self.doubtful => (Outcome::Inferred, None),
            Finish::Reset(code) => (Outcome::Cancelled, Some(code)),
            // The response came, but not all of its head was captured.
            Finish::Closed(Ending::Closed | Ending::Reset)
                if self.response_cut && self.facts.status.is_none() =>
            {
                (Outcome::Inferred, None)
            }
            Finish::Closed(ending) => (Outcome::Aborted(ending), None),
        };
        if let Some(code) = reset {
            self.facts.error = Some(error_name(code).into());
        }
        if self.facts.status == Some(200) && self.protocol.is_some() {
            self.facts.upgrade = self.protocol.take();
        }
        let end = End {
            reset,
            elapsed: at.end.saturating_sub(request.first.start),
            whole: matches!(finish, Finish::Ended) && !self.doubtful && !self.response_cut,
            request_doubtful: self.request_cut,
            trailers: self.trailers,
            among_calls,
        };
        let facts = if self.call.is_call(&self.facts, &end) {
            let call = self.call.finish(*self.facts, &end);
            call.map_or_else(|http| Facts::Http(Box::new(http)), |it| Facts::Grpc(Box::new(it)))
        } else {
            self.tell_request();
            if let Some(front) = self.fronts[Side::Server as usize].close() {
                self.facts.response_body(&front);
            }
            self.facts.refine();
            Facts::Http(self.facts)
        };
        let mut exchange = Exchange::new(request, self.response, facts);
        if matches!(exchange.facts, Facts::Grpc(_)) {
            // A call lasts as long as its stream, at the client as well.
            exchange.over = over.map(Tail::from);
        } else {
            exchange.answered = self.answered.or(over).map(Tail::from);
        }
        exchange.outcome = outcome;
        exchange.context = self.context;
        exchange.links.extend(self.link);
        Some(exchange)
    }

    /// The end of the request, or the response, was lost.
    fn is_inferred(&self) -> bool {
        self.response.is_none()
            || self.doubtful && (!self.request_ended || self.facts.status.is_none())
    }
}
