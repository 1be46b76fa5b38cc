//! What the client has asked for and the server has not answered yet.

use std::sync::Arc;

use super::{ServerError, SqlState};
use crate::chunk::Moment;
use crate::context::WireContext;
use crate::exchange::Extent;
use crate::sql::Digest;
use crate::sql::statements::size;

/// One message of the client that the server answers.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) kind: StepKind,
    /// Messages up to an Execute, or up to a Sync, are one group: one exchange.
    pub(super) group: u32,
    /// From the first message of the group to the end of this one.
    pub(super) request: Extent,
    pub(super) statement: Option<Arc<Digest>>,
    pub(super) context: Option<WireContext>,
}

#[derive(Debug)]
pub(super) enum StepKind {
    /// The start-up packet: authentication, parameters, then ReadyForQuery.
    Connect,
    Query,
    /// What the name stood for before, to take it back if the server refuses.
    Parse {
        name: Box<[u8]>,
        before: Option<Arc<Digest>>,
    },
    Bind,
    Describe,
    Execute,
    Close,
    FunctionCall,
    Sync,
}

impl Step {
    /// What it takes beyond its own size, in bytes. A text that several steps share counts for each.
    pub(super) fn held(&self) -> usize {
        let kind = match &self.kind {
            StepKind::Parse { name, before } => name.len() + before.as_ref().map_or(0, size),
            _ => 0,
        };
        kind + self.statement.as_ref().map_or(0, size)
    }
}

impl StepKind {
    /// Whether the step makes an exchange.
    pub(super) const fn is_asked(&self) -> bool {
        matches!(self, Self::Query | Self::Execute | Self::FunctionCall)
    }

    /// Whether ReadyForQuery ends the step.
    pub(super) const fn ends_ready(&self) -> bool {
        matches!(self, Self::Connect | Self::Query | Self::FunctionCall | Self::Sync)
    }

    /// Whether a server that is asked this can begin its answer with a message of that type.
    pub(super) fn begins_with(&self, kind: u8) -> bool {
        if matches!(kind, b'E' | b'N' | b'S' | b'A') {
            return true;
        }
        match self {
            Self::Connect => matches!(kind, b'R' | b'v'),
            Self::Query => matches!(kind, b'T' | b'C' | b'I' | b'G' | b'H' | b'W'),
            Self::Parse { .. } => kind == b'1',
            Self::Bind => kind == b'2',
            Self::Describe => matches!(kind, b't' | b'T' | b'n'),
            Self::Execute => matches!(kind, b'D' | b'C' | b'I' | b's' | b'G' | b'H' | b'W'),
            Self::Close => kind == b'3',
            Self::FunctionCall => kind == b'V',
            Self::Sync => kind == b'Z',
        }
    }
}

/// What the server has said so far to the group at the front.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) first: Option<Moment>,
    pub(super) completed: u32,
    /// Rows by CommandComplete.
    pub(super) rows: Option<u64>,
    /// DataRow messages of the statement in hand.
    pub(super) seen: u64,
    pub(super) error: Option<ServerError>,
    pub(super) warning: Option<SqlState>,
}
