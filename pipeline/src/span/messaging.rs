//! What the semantic conventions of messaging say for every system.
//!
//! <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/>

use std::borrow::Cow;

use onlooker_protocol::{Ending, Exchange, Outcome};

use super::describe::{Description, Vantage};
use super::model::{Attributes, Kind, Status, Text};

/// `messaging.operation.type`, which decides the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OperationType {
    /// Messages are given to the broker.
    Send,
    /// Messages are asked for.
    Receive,
    /// Messages that the broker pushed are handled.
    Process,
}

impl OperationType {
    const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Process => "process",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Send => Kind::Producer,
            Self::Receive => Kind::Client,
            Self::Process => Kind::Consumer,
        }
    }
}

/// An operation on messages.
pub(super) struct Operation {
    /// `messaging.system`.
    pub(super) system: &'static str,
    /// `messaging.operation.name`.
    pub(super) name: &'static str,
    /// `messaging.operation.type`.
    pub(super) kind: OperationType,
    /// `messaging.destination.name`, if it is known.
    pub(super) destination: Option<String>,
    /// What the broker complained about.
    pub(super) error: Option<Cow<'static, str>>,
    /// The span is of the broker's end, of which the conventions say nothing: it serves a call.
    pub(super) is_broker: bool,
}

impl Operation {
    /// The span; `more` adds the system's own attributes.
    pub(super) fn describe(
        self,
        exchange: &Exchange,
        vantage: &Vantage<'_>,
        more: impl FnOnce(&mut Attributes),
    ) -> Description {
        let mut attributes = Attributes::with_room();
        attributes.set("messaging.system", self.system);
        attributes.set("messaging.operation.name", self.name);
        attributes.set("messaging.operation.type", self.kind.name());
        let name = match &self.destination {
            Some(destination) => Cow::Owned(format!("{} {destination}", self.name)),
            None => Cow::Borrowed(self.name),
        };
        attributes.set_some("messaging.destination.name", self.destination);
        more(&mut attributes);
        if let Some((address, port)) = vantage.server() {
            attributes.set("server.address", address);
            attributes.set("server.port", port);
        } else if let Some(path) = vantage.unix_path {
            attributes.set("server.address", Text::from(path));
        }
        vantage.set_network(&mut attributes);
        let error = self.error.or(match exchange.outcome {
            Outcome::Aborted(Ending::Reset) => Some("connection_reset".into()),
            Outcome::Aborted(Ending::Closed) => Some("connection_closed".into()),
            _ => None,
        });
        let status = if error.is_some() { Status::Error("".into()) } else { Status::Unset };
        attributes.set_some("error.type", error);
        let kind = if self.is_broker { Kind::Server } else { self.kind.kind() };
        Description { name, kind, attributes, status }
    }
}
