//! Spans of DNS lookups.
//!
//! There is no convention for such spans. The registry has `dns.question.name` and `dns.answers`;
//! the other attributes are named beside them. The span's name is `DNS {type}` (`DNS AAAA`): types
//! are few, names asked for are not.

use std::borrow::Cow;

use onlooker_protocol::dns::{DnsFacts, ResponseCode};
use onlooker_protocol::{Ending, Exchange, Outcome};

use super::describe::{Description, Vantage};
use super::model::{Attributes, Kind, Status, Value, address_text};

/// The registered port; another one is worth an attribute.
const DEFAULT_PORT: u16 = 53;

pub(super) fn describe(
    exchange: &Exchange,
    facts: &DnsFacts,
    vantage: &Vantage<'_>,
) -> Option<Description> {
    let record_type = facts.record_type.name();
    let name = format!("DNS {record_type}");
    let mut attributes = Attributes::with_room();
    attributes.set("dns.question.name", facts.name.clone());
    attributes.set("dns.question.type", record_type);
    attributes.set_some("dns.response_code", facts.response_code.map(ResponseCode::name));
    if !facts.addresses.is_empty() {
        let answers = facts.addresses.iter().map(|address| address_text(*address));
        attributes.set("dns.answers", Value::Texts(answers.collect()));
    }
    if facts.is_truncated {
        attributes.set("onlooker.dns.truncated", true);
    }
    if facts.resends > 0 {
        attributes.set("onlooker.dns.resend_count", facts.resends);
    }
    attributes.set("network.protocol.name", "dns");
    if let Some((address, port)) = vantage.server() {
        attributes.set("server.address", address);
        if port != DEFAULT_PORT {
            attributes.set("server.port", port);
        }
    }
    vantage.set_network(&mut attributes);

    let error = match (facts.response_code, exchange.outcome) {
        (Some(ResponseCode::NO_ERROR), _) => None,
        (Some(code), _) => Some(code.name()),
        (None, Outcome::Aborted(Ending::Reset)) => Some(Cow::Borrowed("connection_reset")),
        // The agent looked away: how it went on is not known.
        (None, Outcome::Aborted(Ending::Forgotten)) => None,
        // The socket was closed, or patience ended, without a response.
        (None, Outcome::Aborted(_)) => Some(Cow::Borrowed("timeout")),
        // The part of the response with its code was not captured.
        (None, _) => None,
    };
    let status = if error.is_some() { Status::Error(Cow::Borrowed("")) } else { Status::Unset };
    attributes.set_some("error.type", error);
    let kind = if vantage.is_asker(exchange) { Kind::Client } else { Kind::Server };
    Some(Description { name: name.into(), kind, attributes, status })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use onlooker_protocol::dns::RecordType;
    use onlooker_protocol::{Extent, Facts, Side};

    use super::*;

    fn at(side: Side) -> Vantage<'static> {
        let (client, server) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 53));
        let (client, server) = ((IpAddr::V4(client), 40000), (IpAddr::V4(server), 53));
        Vantage { transport: "udp", ..Vantage::between(side, client, server) }
    }

    fn told(facts: DnsFacts, outcome: Outcome) -> Description {
        let vantage = at(Side::Client);
        let boxed = Facts::Dns(Box::new(facts.clone()));
        let exchange = Exchange { outcome, ..Exchange::new(Extent::default(), None, boxed) };
        describe(&exchange, &facts, &vantage).expect("a span")
    }

    fn facts(code: Option<u16>) -> DnsFacts {
        DnsFacts {
            name: "shop.example".into(),
            record_type: RecordType(1),
            response_code: code.map(ResponseCode),
            ..DnsFacts::default()
        }
    }

    #[test]
    fn the_name_is_the_type() {
        let addresses = vec![IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))];
        let description =
            told(DnsFacts { addresses, resends: 1, ..facts(Some(0)) }, Outcome::Complete);
        assert_eq!((&*description.name, description.kind), ("DNS A", Kind::Client));
        assert_eq!(description.status, Status::Unset);
        let attribute = |key| description.attributes.get(key).cloned();
        assert_eq!(attribute("dns.question.name"), Some("shop.example".into()));
        assert_eq!(attribute("dns.answers"), Some(Value::Texts(["192.0.2.1".into()].into())));
        assert_eq!(attribute("dns.response_code"), Some("NOERROR".into()));
        assert_eq!(attribute("onlooker.dns.resend_count"), Some(Value::Int(1)));
        assert_eq!(attribute("server.address"), Some("10.0.0.53".into()));
        assert_eq!(attribute("server.port"), None);
        assert_eq!(attribute("error.type"), None);
    }

    /// As a server sees it whose socket is not connected.
    #[test]
    fn a_datagram_of_somebody() {
        let facts = facts(Some(0));
        let vantage = Vantage { peer: None, ..at(Side::Server) };
        let boxed = Facts::Dns(Box::new(facts.clone()));
        let exchange = Exchange::new(Extent::default(), None, boxed);
        let description = describe(&exchange, &facts, &vantage).expect("a span");
        assert_eq!(description.kind, Kind::Server);
        assert_eq!(description.attributes.get("network.type"), Some(&"ipv4".into()));
        assert_eq!(description.attributes.get("network.peer.address"), None);
    }

    #[test]
    fn negative_answers_and_none() {
        let error = |code, outcome| {
            let description = told(facts(code), outcome);
            let error = description.attributes.get("error.type").cloned();
            assert_eq!(error.is_some(), description.status != Status::Unset);
            error
        };
        assert_eq!(error(Some(3), Outcome::Complete), Some("NXDOMAIN".into()));
        assert_eq!(error(Some(2), Outcome::Complete), Some("SERVFAIL".into()));
        assert_eq!(error(None, Outcome::Aborted(Ending::Closed)), Some("timeout".into()));
        assert_eq!(error(None, Outcome::Aborted(Ending::Forgotten)), None);
        assert_eq!(error(None, Outcome::Complete), None);
    }
}
