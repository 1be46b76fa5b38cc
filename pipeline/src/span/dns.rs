//! Spans of DNS lookups.
//!
//! There is no convention for such spans. The registry has `dns.question.name` and `dns.answers`;
//! the other attributes are named beside them. The span's name is `DNS {type}` (`DNS AAAA`): types
//! are few, names asked for are not.

use std::borrow::Cow;

use onlooker_protocol::dns::{DnsFacts, ResponseCode};
use onlooker_protocol::{Ending, Exchange, Outcome};

use super::describe::{Description, Place};
use super::model::{Attributes, Kind, Status, Value};

/// The registered port; another one is worth an attribute.
const DEFAULT_PORT: u16 = 53;

pub(super) fn describe(
    exchange: &Exchange,
    facts: &DnsFacts,
    place: &Place<'_>,
) -> Option<Description> {
    let record_type = facts.record_type.name();
    let name = format!("DNS {record_type}");
    let mut attributes = Attributes::default();
    attributes.set("dns.question.name", facts.name.clone());
    attributes.set("dns.question.type", record_type);
    attributes.set_some("dns.response_code", facts.response_code.map(ResponseCode::name));
    if !facts.addresses.is_empty() {
        let answers = facts.addresses.iter().map(|address| address.to_string().into());
        attributes.set("dns.answers", Value::Texts(answers.collect()));
    }
    if facts.is_truncated {
        attributes.set("onlooker.dns.truncated", true);
    }
    if facts.resends > 0 {
        attributes.set("onlooker.dns.resend_count", facts.resends);
    }
    attributes.set("network.protocol.name", "dns");
    if let Some((address, port)) = place.server() {
        attributes.set("server.address", address.to_string());
        if port != DEFAULT_PORT {
            attributes.set("server.port", port);
        }
    }
    place.set_network(&mut attributes);

    let error = match (facts.response_code, exchange.outcome) {
        (Some(ResponseCode::NO_ERROR), _) => None,
        (Some(code), _) => Some(code.name()),
        (None, Outcome::Aborted(Ending::Reset)) => Some(Cow::Borrowed("connection_reset")),
        // The agent looked away: how it went on is not known.
        (None, Outcome::Aborted(Ending::Forgotten)) => None,
        // The socket was closed, or patience ended, without a response.
        (None, _) => Some(Cow::Borrowed("timeout")),
    };
    let status = if error.is_some() { Status::Error(Cow::Borrowed("")) } else { Status::Unset };
    attributes.set_some("error.type", error);
    let kind = if place.is_asker(exchange) { Kind::Client } else { Kind::Server };
    Some(Description { name: name.into(), kind, attributes, status })
}
