//! Spans for tests.

use std::borrow::Cow;
use std::sync::Arc;

use onlooker_pipeline::span::{
    Attributes, Evidence, Kind, Link, Resource, Span, SpanId, Status, TraceId, Value,
};

pub(crate) const START: u64 = 1_700_000_000_000_000_000;

/// A root: a server span without attributes.
pub(crate) fn span() -> Span {
    Span {
        trace_id: TraceId([0xab; 16]),
        span_id: SpanId([1; 8]),
        parent: None,
        evidence: None,
        parent_is_remote: false,
        flags: 3,
        state: None,
        name: Cow::Borrowed("GET /cart"),
        kind: Kind::Server,
        start_unix_nano: START,
        end_unix_nano: START + 12_345_678,
        status: Status::Unset,
        attributes: Attributes::default(),
        links: Vec::new(),
        resource: Arc::new(resource("shop")),
    }
}

/// A failed database call below [`span`], with something in every field.
pub(crate) fn client() -> Span {
    let mut attributes = Attributes::default();
    attributes.set("db.system.name", "postgresql");
    attributes.set("db.query.text", "SELECT * FROM items WHERE id = ?".to_owned());
    attributes.set("server.port", 5433_u16);
    attributes.set("negative", -1_i64);
    attributes.set("flag", true);
    attributes.set("off", false);
    attributes.set("empty", "");
    attributes.set("list", Value::Texts(["a".into(), "".into(), "ü".into()].into()));
    let mut on_link = Attributes::default();
    on_link.set("messaging.message.id", "m-1");
    Span {
        span_id: SpanId([2; 8]),
        parent: Some(SpanId([1; 8])),
        evidence: Some(Evidence::SameTask),
        parent_is_remote: true,
        flags: 1,
        state: Some("ot=th:8,vendor=x".into()),
        name: Cow::Borrowed("SELECT items"),
        kind: Kind::Client,
        start_unix_nano: START + 1_000_000,
        end_unix_nano: START + 9_000_000,
        status: Status::Error(Cow::Borrowed("duplicate key")),
        attributes,
        links: vec![
            Link {
                trace_id: TraceId([0xcd; 16]),
                span_id: SpanId([3; 8]),
                state: Some("a=b".into()),
                attributes: on_link,
            },
            Link {
                trace_id: TraceId([0xce; 16]),
                span_id: SpanId([4; 8]),
                state: None,
                attributes: Attributes::default(),
            },
        ],
        ..span()
    }
}

pub(crate) fn resource(service: &str) -> Resource {
    let mut attributes = Attributes::default();
    attributes.set("service.name", service.to_owned());
    attributes.set("process.pid", 4242_u32);
    Resource { service: service.to_owned(), attributes }
}

/// The attributes of an ordinary HTTP request at the server's end.
pub(crate) fn http_server() -> Attributes {
    let mut attributes = Attributes::default();
    attributes.set("http.request.method", "GET");
    attributes.set("url.path", "/cart/4242".to_owned());
    attributes.set("url.scheme", "http");
    attributes.set("url.query", "page=2".to_owned());
    attributes.set("http.response.status_code", 200_u16);
    attributes.set("server.address", "shop.example".to_owned());
    attributes.set("server.port", 8080_u16);
    attributes.set("client.address", "10.1.2.3".to_owned());
    attributes.set("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)".to_owned());
    attributes.set("network.protocol.version", "1.1");
    attributes.set("network.transport", "tcp");
    attributes.set("network.type", "ipv4");
    attributes.set("network.peer.address", "10.1.2.3".to_owned());
    attributes.set("network.peer.port", 51234_u16);
    attributes
}
