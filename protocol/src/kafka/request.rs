//! A request in hand, and one that waits for its response.

use std::sync::Arc;

use super::body::{Body, Progress, Step, read};
use super::fetch::{Fetch, FetchRequest};
use super::known::Known;
use super::produce::{Produce, ProduceRequest};
use super::wire::{Cursor, Read};
use super::{Api, head::RequestHead};
use crate::exchange::Extent;
use crate::framed::Framed;

/// What a request's head says of it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) api: Api,
    pub(super) version: i16,
    pub(super) correlation: i32,
    pub(super) client_id: Option<Arc<str>>,
}

impl Asked {
    /// Whether the bodies of this version are known.
    pub(super) fn is_known(&self) -> bool {
        self.api.highest().is_some_and(|highest| self.version <= highest)
    }
}

/// A request in the course of being read.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) asked: Asked,
    body: Reading,
    /// Its fields have been read; its last bytes may still have to pass.
    progress: Progress,
}

#[derive(Debug)]
enum Reading {
    Produce(Box<ProduceRequest>),
    Fetch(Box<FetchRequest>),
    Group(GroupRequest),
    Other,
    Token,
}

/// A request whose response is awaited.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) asked: Asked,
    pub(super) extent: Extent,
    pub(super) body: Wanted,
}

/// What is kept of a request's body until the response.
#[derive(Debug)]
pub(super) enum Wanted {
    Produce(Produce),
    Fetch(Fetch),
    Other,
    /// A SASL token without a head, which is answered by another one.
    Token,
}

impl Pending {
    /// About what it takes beyond its own size, in bytes. Names are shared.
    pub(super) fn held(&self) -> usize {
        match &self.body {
            Wanted::Produce(produce) => produce.held(),
            Wanted::Fetch(fetch) => fetch.held(),
            Wanted::Other | Wanted::Token => 0,
        }
    }

    /// Whether the response is read field by field, so that other bytes would not pass for it.
    pub(super) fn has_checked_answer(&self) -> bool {
        let is_metadata = self.asked.api == Api::METADATA && self.asked.is_known();
        matches!(self.body, Wanted::Produce(_) | Wanted::Fetch(_)) || is_metadata
    }
}

impl Asking {
    pub(super) fn new(head: &RequestHead<'_>, client_id: Option<Arc<str>>) -> Self {
        let RequestHead { api, version, correlation, .. } = *head;
        let body = match api {
            _ if !head.is_known() => Reading::Other,
            Api::PRODUCE => Reading::Produce(Box::new(ProduceRequest::new(version))),
            Api::FETCH => Reading::Fetch(Box::new(FetchRequest::new(version))),
            Api::OFFSET_COMMIT
            | Api::JOIN_GROUP
            | Api::HEARTBEAT
            | Api::LEAVE_GROUP
            | Api::SYNC_GROUP
            | Api::CONSUMER_GROUP_HEARTBEAT => {
                Reading::Group(GroupRequest { flexible: api.is_flexible(version) })
            }
            _ => Reading::Other,
        };
        let asked = Asked { api, version, correlation, client_id };
        Self { asked, body, progress: Progress::Waiting }
    }

    /// A SASL token, whose bytes are never looked at.
    pub(super) fn token() -> Self {
        let asked =
            Asked { api: Api::SASL_HANDSHAKE, version: 0, correlation: -1, client_id: None };
        Self { asked, body: Reading::Token, progress: Progress::Waiting }
    }

    /// Reads on; says how far it came.
    pub(super) fn read(&mut self, framed: &mut Framed, known: &mut Known) -> Progress {
        if self.progress == Progress::Waiting {
            self.progress = match &mut self.body {
                Reading::Produce(body) => read(&mut **body, framed, known),
                Reading::Fetch(body) => read(&mut **body, framed, known),
                Reading::Group(body) => read(body, framed, known),
                Reading::Other | Reading::Token => {
                    framed.skip_rest();
                    Progress::Whole
                }
            };
        }
        self.progress
    }

    /// The request, as far as it was read. What turned out malformed is as good as not read.
    pub(super) fn into_pending(self, extent: Extent) -> Pending {
        let body = match self.body {
            _ if self.progress == Progress::Malformed => Wanted::Other,
            Reading::Produce(body) => Wanted::Produce(body.into_produce()),
            Reading::Fetch(body) => Wanted::Fetch(body.fetch),
            Reading::Token => Wanted::Token,
            Reading::Group(_) | Reading::Other => Wanted::Other,
        };
        Pending { asked: self.asked, extent, body }
    }
}

/// The group's id is the first field of every request about a group.
#[derive(Debug)]
struct GroupRequest {
    flexible: bool,
}

impl Body for GroupRequest {
    fn step(&mut self, fields: &mut Cursor<'_>, known: &mut Known) -> Read<Step> {
        if let Some(group) = fields.string(self.flexible)?.filter(|group| !group.is_empty()) {
            known.group = Some(known.names.intern(group));
        }
        Ok(Step::Rest)
    }
}
