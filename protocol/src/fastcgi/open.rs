//! A request on its way to becoming an exchange.

use super::head::Head;
use super::params::Params;
use super::record::{Kind, Part};
use crate::chunk::{Moment, Tail};
use crate::context::WireContext;
use crate::exchange::{Exchange, Extent, Facts, Outcome};
use crate::http::HttpFacts;

/// A request that has not ended.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: u16,
    pub(super) request: Extent,
    /// Until the parameters are complete.
    pub(super) params: Option<Box<Params>>,
    /// The parameters were seen to their end.
    pub(super) params_over: bool,
    /// A part of the parameters was not captured: the following ones cannot be told apart.
    pub(super) params_cut: bool,
    pub(super) facts: HttpFacts,
    pub(super) context: Option<WireContext>,
    pub(super) head: Head,
    pub(super) response: Option<Extent>,
    pub(super) answered: Option<Moment>,
    pub(super) is_cancelled: bool,
    /// Bytes of the application were lost that may have held this request's end.
    pub(super) response_cut: bool,
    /// Bytes of the web server were lost that may have begun another request of this id.
    pub(super) successor_cut: bool,
}

impl Open {
    /// About what it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        let params = self.params.as_ref().map_or(0, |params| params.held());
        params + self.facts.held() + self.head.held()
    }

    pub(super) fn new(id: u16, request: Extent) -> Self {
        Self {
            id,
            request,
            params: Some(Box::default()),
            params_over: false,
            params_cut: false,
            facts: HttpFacts::default(),
            context: None,
            head: Head::default(),
            response: None,
            answered: None,
            is_cancelled: false,
            response_cut: false,
            successor_cut: false,
        }
    }

    pub(super) fn params_end(&mut self) {
        if let Some(params) = self.params.take() {
            let is_whole = self.params_over && !self.params_cut;
            let (mut facts, context) = params.finish(is_whole);
            // The response's head may have been delivered first.
            facts.status = self.facts.status;
            self.facts = facts;
            self.context = context;
        }
    }

    pub(super) fn responds(&mut self, extent: Extent) {
        match &mut self.response {
            Some(response) => response.last = extent.last,
            None => self.response = Some(extent),
        }
    }

    pub(super) fn into_exchange(mut self, outcome: Outcome) -> Exchange {
        self.params_end();
        let outcome = if self.is_cancelled { Outcome::Cancelled } else { outcome };
        let facts = Facts::Http(Box::new(self.facts));
        let mut exchange = Exchange::new(self.request, self.response, facts);
        exchange.outcome = outcome;
        exchange.context = self.context;
        exchange.answered = self.answered.map(Tail::from);
        exchange
    }
}

/// Takes a part of the parameters.
pub(super) fn params(request: &mut Open, part: Part<'_>) {
    if let (Some(params), false, Kind::Params) =
        (&mut request.params, request.params_cut, part.header.kind)
    {
        params.record(part.content);
        request.params_cut = part.is_cut;
    }
}

/// Takes a part of the application's output.
pub(super) fn head(request: &mut Open, part: Part<'_>) {
    if part.header.kind != Kind::Stdout {
        return;
    }
    let after = |offset: usize| {
        let position = part.at.position.saturating_add(offset as u64).saturating_sub(1);
        Moment { position, ..part.at }
    };
    request.responds(Extent::new(part.first, after(part.content.len())));
    if let Some(end) = request.head.push(part.content, &mut request.facts) {
        request.answered = Some(after(end));
    }
    if part.is_cut {
        request.head.cut(&mut request.facts);
    }
}
