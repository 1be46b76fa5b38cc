//! A response in hand.

use super::body::{Body, Progress, Step, read};
use super::errors::ErrorsResponse;
use super::fetch::{FetchResponse, Fetched};
use super::known::Known;
use super::metadata::MetadataResponse;
use super::produce::{Produce, ProduceResponse};
use super::request::{Asked, Pending, Wanted};
use super::wire::{Cursor, Read};
use super::{Api, ErrorCode};
use crate::exchange::Extent;
use crate::framed::Framed;

/// A response in the course of being read.
#[derive(Debug)]
pub(super) struct Answering {
    /// The request; `None` if it was not seen.
    asked: Option<(Asked, Extent)>,
    head: Option<ResponseTags>,
    body: Reading,
    progress: Progress,
    is_token: bool,
}

#[derive(Debug)]
enum Reading {
    Produce(Box<ProduceResponse>),
    Fetch(Box<FetchResponse>),
    Metadata(Box<MetadataResponse>),
    Errors(ErrorsResponse),
    Other,
}

/// A request with its response.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) asked: Asked,
    pub(super) request: Extent,
    pub(super) told: Told,
}

/// What request and response said together.
#[derive(Debug)]
pub(super) enum Told {
    Produce(Produce),
    Fetch(Fetched),
    /// Anything else, with its error.
    Other(Option<ErrorCode>),
}

impl Answering {
    pub(super) fn new(pending: Pending) -> Self {
        let Pending { asked, extent, body } = pending;
        let version = asked.version;
        let body = match body {
            Wanted::Token => return Self { is_token: true, ..Self::unseen() },
            Wanted::Produce(body) => {
                Reading::Produce(Box::new(ProduceResponse::new(version, body)))
            }
            Wanted::Fetch(body) => Reading::Fetch(Box::new(FetchResponse::new(version, body))),
            Wanted::Other if asked.api == Api::METADATA && asked.is_known() => {
                Reading::Metadata(Box::new(MetadataResponse::new(version)))
            }
            Wanted::Other => match ErrorsResponse::of(&asked) {
                Some(body) => Reading::Errors(body),
                None => Reading::Other,
            },
        };
        // The response to ApiVersions has the old head, because the client does not know yet what
        // the broker understands (KIP-511).
        let flexible = asked.api != Api::API_VERSIONS && asked.api.is_flexible(version);
        let head = flexible.then_some(ResponseTags);
        Self { asked: Some((asked, extent)), head, body, ..Self::unseen() }
    }

    /// A response to a request that was not seen.
    pub(super) fn unseen() -> Self {
        Self {
            asked: None,
            head: None,
            body: Reading::Other,
            progress: Progress::Waiting,
            is_token: false,
        }
    }

    /// A SASL token, which has no correlation id.
    pub(super) fn is_token(&self) -> bool {
        self.is_token
    }

    /// Reads on; says how far it came.
    pub(super) fn read(&mut self, framed: &mut Framed, known: &mut Known) -> Progress {
        if self.progress == Progress::Waiting {
            self.progress = match &mut self.body {
                Reading::Produce(body) => {
                    read(&mut Headed(&mut self.head, &mut **body), framed, known)
                }
                Reading::Fetch(body) => {
                    read(&mut Headed(&mut self.head, &mut **body), framed, known)
                }
                Reading::Metadata(body) => {
                    read(&mut Headed(&mut self.head, &mut **body), framed, known)
                }
                Reading::Errors(body) => read(&mut Headed(&mut self.head, body), framed, known),
                Reading::Other => {
                    framed.skip_rest();
                    Progress::Whole
                }
            };
        }
        self.progress
    }

    /// Request and response, as far as they were read. `None` if the request was not seen, or if
    /// what came cannot be its response.
    pub(super) fn into_answered(self, known: &mut Known) -> Option<Answered> {
        if self.progress == Progress::Malformed {
            return None;
        }
        let (asked, request) = self.asked?;
        let told = match self.body {
            Reading::Produce(body) => Told::Produce(body.produce),
            Reading::Fetch(body) => Told::Fetch(body.into_fetched()),
            Reading::Metadata(body) => Told::Other(body.teach(known)),
            Reading::Errors(body) => Told::Other(body.error()),
            Reading::Other => Told::Other(None),
        };
        Some(Answered { asked, request, told })
    }
}

impl From<Pending> for Answered {
    /// A request that gets no response.
    fn from(pending: Pending) -> Self {
        let told = match pending.body {
            Wanted::Produce(produce) => Told::Produce(produce),
            Wanted::Fetch(fetch) => Told::Fetch(Fetched::nothing(&fetch)),
            Wanted::Other | Wanted::Token => Told::Other(None),
        };
        Self { asked: pending.asked, request: pending.extent, told }
    }
}

/// The tagged fields of a response's head (version 1).
#[derive(Clone, Copy, Debug)]
struct ResponseTags;

/// A body behind the rest of its head.
struct Headed<'a, B>(&'a mut Option<ResponseTags>, &'a mut B);

impl<B: Body> Body for Headed<'_, B> {
    fn step(&mut self, fields: &mut Cursor<'_>, known: &mut Known) -> Read<Step> {
        if self.0.is_some() {
            fields.tags(true)?;
            *self.0 = None;
            return Ok(Step::Next);
        }
        self.1.step(fields, known)
    }

    fn cut(&mut self) -> Option<u64> {
        self.1.cut()
    }
}
