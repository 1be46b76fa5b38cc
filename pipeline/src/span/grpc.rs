//! Semantic conventions of RPC, for gRPC. One span a call, unary or streaming; the HTTP request
//! that carries it makes none.

use std::borrow::Cow;

use onlooker_protocol::exchange::Ending;
use onlooker_protocol::grpc::{GrpcFacts, Status as Code};
use onlooker_protocol::{Exchange, Outcome};

use super::describe::{Description, Vantage};
use super::model::{Attributes, Kind, Status, Text};

/// The system, and the name of a call whose method is not known.
const SYSTEM: &str = "grpc";

pub(super) fn describe(
    exchange: &Exchange,
    facts: &GrpcFacts,
    vantage: &Vantage<'_>,
) -> Option<Description> {
    let kind = if vantage.is_asker(exchange) { Kind::Client } else { Kind::Server };
    // Who calls has a stub of the method; what comes to a server that has none may be anything.
    let is_foreign = kind == Kind::Server && facts.status == Some(Code::Unimplemented);
    // It is not seen if HPACK has it in a table that is older than the agent.
    let method = facts.method().filter(|_| !is_foreign);
    let mut attributes = Attributes::with_room();
    attributes.set("rpc.system.name", SYSTEM);
    attributes.set("rpc.method", method.map_or(Text::from("_OTHER"), Text::from));
    if is_foreign {
        attributes.set_some("rpc.method_original", facts.method().map(Text::from));
    }
    attributes.set_some("rpc.response.status_code", facts.status.map(Code::name));
    set_server(facts, vantage, &mut attributes);
    vantage.set_network(&mut attributes);

    let error = error(exchange, facts, kind);
    attributes.set_some("error.type", error);
    let status = match error {
        None => Status::Unset,
        Some(_) => Status::Error(facts.message.as_deref().unwrap_or_default().to_owned().into()),
    };
    let name = method.map_or(Cow::Borrowed(SYSTEM), |method| Cow::Owned(method.to_owned()));
    Some(Description { name, kind, attributes, status })
}

/// `server.address` is the name that the client called, which is the authority; `server.port` is
/// of the authority too, else of the connection.
fn set_server(facts: &GrpcFacts, vantage: &Vantage<'_>, attributes: &mut Attributes) {
    if let Some(path) = vantage.unix_path {
        attributes.set("server.address", Text::from(path));
        return;
    }
    let authority = facts.http.authority.as_deref().or(facts.http.host.as_deref());
    let (host, port) = authority.map_or((None, None), split);
    let server = vantage.server();
    match (host, server) {
        (Some(host), _) => attributes.set("server.address", Text::from(host)),
        (None, Some((address, _))) => attributes.set("server.address", address),
        (None, None) => return,
    }
    attributes.set_some("server.port", port.or(server.map(|(_, port)| port)));
}

/// Host and port of an authority (RFC 3986 §3.2); user information is dropped, and so are the
/// brackets of IPv6 addresses.
fn split(authority: &str) -> (Option<&str>, Option<u16>) {
    let at = authority.rsplit_once('@').map_or(authority, |(_, at)| at);
    let (host, port) = match at.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match at.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (at, None),
        },
    };
    ((!host.is_empty()).then_some(host), port.and_then(|port| port.parse().ok()))
}

/// `error.type`, if the call failed: for clients by any status but `OK`, for servers by those
/// that the conventions list.
fn error(exchange: &Exchange, facts: &GrpcFacts, kind: Kind) -> Option<&'static str> {
    if let Some(status) = facts.status {
        let failed = match kind {
            Kind::Server => matches!(
                status,
                Code::Unknown
                    | Code::DeadlineExceeded
                    | Code::Unimplemented
                    | Code::Internal
                    | Code::Unavailable
                    | Code::DataLoss
            ),
            _ => status != Code::Ok,
        };
        return failed.then(|| status.name());
    }
    match exchange.outcome {
        Outcome::Aborted(Ending::Reset) => Some("connection_reset"),
        Outcome::Aborted(Ending::Closed) => Some("connection_closed"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use onlooker_protocol::http::HttpFacts;
    use onlooker_protocol::{Extent, Facts, Side};

    use super::*;
    use crate::span::model::Value;

    const CLIENT: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 40000);
    const SERVER: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 50051);

    fn at(side: Side) -> Vantage<'static> {
        Vantage::between(side, CLIENT, SERVER)
    }

    fn call(path: Option<&str>, status: Option<Code>) -> GrpcFacts {
        let http = HttpFacts {
            path: path.map(Into::into),
            authority: Some("greeter.example:8443".into()),
            ..HttpFacts::default()
        };
        GrpcFacts { http, status, ..GrpcFacts::default() }
    }

    fn described(facts: GrpcFacts, side: Side, outcome: Outcome) -> Description {
        let facts = Facts::Grpc(Box::new(facts));
        let mut exchange = Exchange::new(Extent::default(), None, facts);
        exchange.outcome = outcome;
        crate::span::describe(&exchange, &at(side)).unwrap()
    }

    fn text(description: &Description, key: &str) -> Option<String> {
        match description.attributes.get(key)? {
            Value::Text(text) => Some(text.to_string()),
            Value::Int(number) => Some(number.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_call_by_the_conventions() {
        let facts = call(Some("/pkg.Greeter/SayHello"), Some(Code::Ok));
        let it = described(facts, Side::Client, Outcome::Complete);
        assert_eq!(
            (&*it.name, it.kind, it.status.clone()),
            ("pkg.Greeter/SayHello", Kind::Client, Status::Unset)
        );
        for (key, value) in [
            ("rpc.system.name", "grpc"),
            ("rpc.method", "pkg.Greeter/SayHello"),
            ("rpc.response.status_code", "OK"),
            ("server.address", "greeter.example"),
            ("server.port", "8443"),
            ("network.transport", "tcp"),
            ("network.type", "ipv4"),
            ("network.peer.address", "10.0.0.2"),
            ("network.peer.port", "50051"),
        ] {
            assert_eq!(text(&it, key).as_deref(), Some(value), "{key}");
        }
        assert_eq!(text(&it, "error.type"), None);
    }

    #[test]
    fn servers_are_blamed_for_less() {
        let failed = |code, side| {
            let it = described(call(Some("/S/M"), Some(code)), side, Outcome::Complete);
            assert_eq!(text(&it, "rpc.response.status_code").as_deref(), Some(code.name()));
            assert_eq!(text(&it, "error.type").is_some(), it.status != Status::Unset);
            it.status != Status::Unset
        };
        assert!(failed(Code::NotFound, Side::Client));
        assert!(!failed(Code::NotFound, Side::Server));
        assert!(!failed(Code::Cancelled, Side::Server));
        assert!(failed(Code::Cancelled, Side::Client));
        for code in [
            Code::Unknown,
            Code::DeadlineExceeded,
            Code::Unimplemented,
            Code::Internal,
            Code::Unavailable,
            Code::DataLoss,
        ] {
            assert!(failed(code, Side::Server) && failed(code, Side::Client));
        }
    }

    #[test]
    fn what_was_not_seen_is_unknown_and_no_error() {
        let it = described(call(None, None), Side::Server, Outcome::Complete);
        assert_eq!((&*it.name, it.kind, it.status.clone()), ("grpc", Kind::Server, Status::Unset));
        assert_eq!(text(&it, "rpc.method").as_deref(), Some("_OTHER"));
        assert_eq!(text(&it, "rpc.method_original"), None);
        assert_eq!(text(&it, "rpc.response.status_code"), None);
    }

    /// "When the server receives a request for a method that is not predefined on the server, …
    /// the attribute MUST be set to `_OTHER`"; the name is then the system's.
    #[test]
    fn methods_that_a_server_does_not_have() {
        let absent = || call(Some("/S/Absent"), Some(Code::Unimplemented));
        let it = described(absent(), Side::Server, Outcome::Complete);
        assert_eq!(it.name, "grpc");
        assert_eq!(text(&it, "rpc.method").as_deref(), Some("_OTHER"));
        assert_eq!(text(&it, "rpc.method_original").as_deref(), Some("S/Absent"));
        assert_eq!(text(&it, "error.type").as_deref(), Some("UNIMPLEMENTED"));
        let it = described(absent(), Side::Client, Outcome::Complete);
        assert_eq!(it.name, "S/Absent");
        assert_eq!(text(&it, "rpc.method").as_deref(), Some("S/Absent"));
        assert_eq!(text(&it, "rpc.method_original"), None);
    }

    #[test]
    fn a_connection_that_breaks_is_an_error() {
        let reset = Outcome::Aborted(Ending::Reset);
        let it = described(call(Some("/S/M"), None), Side::Client, reset);
        assert_eq!(text(&it, "error.type").as_deref(), Some("connection_reset"));
        let forgotten = Outcome::Aborted(Ending::Forgotten);
        let it = described(call(Some("/S/M"), None), Side::Client, forgotten);
        assert_eq!(it.status, Status::Unset);
    }

    #[test]
    fn authorities() {
        assert_eq!(split("h:1"), (Some("h"), Some(1)));
        assert_eq!(split("user:pass@h"), (Some("h"), None));
        assert_eq!(split("[::1]:50051"), (Some("::1"), Some(50051)));
        assert_eq!(split("[::1]"), (Some("::1"), None));
        assert_eq!(split(""), (None, None));
    }
}
