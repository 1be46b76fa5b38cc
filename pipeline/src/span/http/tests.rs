//! Expectations by the HTTP conventions 1.44.0.

use onlooker_protocol::http::{HttpFacts, Method, Scheme, Version};
use onlooker_protocol::{Ending, Exchange, Extent, Facts, Outcome, Side};

use super::describe;
use crate::span::describe::{Description, Vantage};
use crate::span::model::{Kind, Status, Value};

fn facts(method: &str, target: &str, fields: &[(&str, &str)], status: Option<u16>) -> HttpFacts {
    let mut facts = HttpFacts { version: Version::Http11, status, ..HttpFacts::default() };
    facts.method = Some(Method::new(method.as_bytes()));
    facts.set_target(target.as_bytes());
    for (name, value) in fields {
        facts.request_field(name.as_bytes(), value.as_bytes());
    }
    facts
}

fn vantage(side: Side) -> Vantage<'static> {
    Vantage::between(side, ([10, 0, 0, 1].into(), 40000), ([10, 0, 0, 2].into(), 8080))
}

fn told(facts: HttpFacts, outcome: Outcome, vantage: &Vantage<'_>) -> Description {
    let mut exchange = Exchange::new(Extent::default(), None, Facts::Http(Box::new(facts.clone())));
    exchange.outcome = outcome;
    describe(&exchange, &facts, vantage).expect("a span")
}

fn server(facts: HttpFacts) -> Description {
    told(facts, Outcome::Complete, &vantage(Side::Server))
}

fn client(facts: HttpFacts) -> Description {
    told(facts, Outcome::Complete, &vantage(Side::Client))
}

fn text<'a>(description: &'a Description, key: &str) -> Option<&'a str> {
    match description.attributes.get(key) {
        Some(Value::Text(text)) => Some(text),
        None => None,
        other => panic!("{key} is {other:?}"),
    }
}

fn number(description: &Description, key: &str) -> Option<i64> {
    match description.attributes.get(key) {
        Some(Value::Int(number)) => Some(*number),
        None => None,
        other => panic!("{key} is {other:?}"),
    }
}

#[test]
fn a_served_request() {
    let fields = [("Host", "shop.example:8443"), ("User-Agent", "curl/8.5")];
    let it = server(facts("GET", "/cart?id=7&token=abc", &fields, Some(200)));
    assert_eq!((&*it.name, it.kind, &it.status), ("GET", Kind::Server, &Status::Unset));
    let expected = [
        ("http.request.method", "GET"),
        ("url.path", "/cart"),
        ("url.query", "id=7&token=REDACTED"),
        ("url.scheme", "http"),
        ("server.address", "shop.example"),
        ("client.address", "10.0.0.1"),
        ("user_agent.original", "curl/8.5"),
        ("network.peer.address", "10.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("network.transport", "tcp"),
        ("network.type", "ipv4"),
    ];
    for (key, value) in expected {
        assert_eq!(text(&it, key), Some(value), "{key}");
    }
    assert_eq!(number(&it, "http.response.status_code"), Some(200));
    assert_eq!(number(&it, "server.port"), Some(8443));
    assert_eq!(number(&it, "network.peer.port"), Some(40000));
    for absent in ["url.full", "error.type", "http.route", "network.protocol.name"] {
        assert!(it.attributes.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn a_call() {
    let it =
        client(facts("POST", "/a?b=c", &[("Host", "api.example"), ("User-Agent", "x")], Some(201)));
    assert_eq!((&*it.name, it.kind, &it.status), ("POST", Kind::Client, &Status::Unset));
    assert_eq!(text(&it, "url.full"), Some("http://api.example/a?b=c"));
    assert_eq!(text(&it, "server.address"), Some("api.example"));
    assert_eq!(number(&it, "server.port"), Some(80));
    assert_eq!(text(&it, "network.peer.address"), Some("10.0.0.2"));
    for absent in ["url.path", "url.query", "url.scheme", "user_agent.original", "client.address"] {
        assert!(it.attributes.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn a_call_that_names_no_host() {
    let it = client(facts("GET", "/", &[], Some(200)));
    assert_eq!(text(&it, "url.full"), Some("http://10.0.0.2:8080/"));
    assert_eq!(
        (text(&it, "server.address"), number(&it, "server.port")),
        (Some("10.0.0.2"), Some(8080))
    );
}

#[test]
fn credentials_in_urls() {
    let it = client(facts("GET", "http://u:p@far.example:81/x?X-Amz-Signature=1", &[], Some(200)));
    assert_eq!(
        text(&it, "url.full"),
        Some("http://REDACTED:REDACTED@far.example:81/x?X-Amz-Signature=REDACTED")
    );
    assert_eq!(
        (text(&it, "server.address"), number(&it, "server.port")),
        (Some("far.example"), Some(81))
    );
}

#[test]
fn methods_that_nobody_knows() {
    let it = server(facts("get", "/", &[], Some(200)));
    assert_eq!(&*it.name, "HTTP");
    assert_eq!(text(&it, "http.request.method"), Some("_OTHER"));
    assert_eq!(text(&it, "http.request.method_original"), Some("get"));
    let it = server(facts("QUERY", "/", &[], Some(200)));
    assert_eq!((&*it.name, text(&it, "http.request.method_original")), ("QUERY", None));
}

/// "This list MUST be a full override of the default known methods"; they are case-sensitive.
#[test]
fn methods_that_are_made_known() {
    let known = ["GET".into(), "PROPFIND".into()];
    let vantage = Vantage { known_methods: Some(&known), ..vantage(Side::Server) };
    for (method, name, told_method, original) in [
        ("GET", "GET", "GET", None),
        ("PROPFIND", "PROPFIND", "PROPFIND", None),
        ("propfind", "HTTP", "_OTHER", Some("propfind")),
        ("POST", "HTTP", "_OTHER", Some("POST")),
    ] {
        let it = told(facts(method, "/", &[], Some(200)), Outcome::Complete, &vantage);
        assert_eq!(it.name, name);
        assert_eq!(text(&it, "http.request.method"), Some(told_method));
        assert_eq!(text(&it, "http.request.method_original"), original);
    }
}

#[test]
fn a_method_that_was_not_seen() {
    let it = server(HttpFacts { status: Some(200), ..HttpFacts::default() });
    assert_eq!((&*it.name, text(&it, "http.request.method")), ("HTTP", Some("_OTHER")));
    assert_eq!(text(&it, "http.request.method_original"), None);
}

#[test]
fn statuses_by_kind() {
    for (code, server_error, client_error) in [
        (101, None, None),
        (302, None, None),
        (404, None, Some("404")),
        (500, Some("500"), Some("500")),
        (503, Some("503"), Some("503")),
    ] {
        for (it, error) in [
            (server(facts("GET", "/", &[], Some(code))), server_error),
            (client(facts("GET", "/", &[], Some(code))), client_error),
        ] {
            assert_eq!(text(&it, "error.type"), error, "{code} {:?}", it.kind);
            let status = error.map_or(Status::Unset, |_| Status::Error("".into()));
            assert_eq!(it.status, status, "{code} {:?}", it.kind);
        }
    }
}

#[test]
fn endings_without_response() {
    for (outcome, error) in [
        (Outcome::Aborted(Ending::Closed), Some("connection_closed")),
        (Outcome::Aborted(Ending::Reset), Some("connection_reset")),
        (Outcome::Cancelled, Some("cancelled")),
        (Outcome::Aborted(Ending::Forgotten), None),
    ] {
        let it = told(facts("GET", "/", &[], None), outcome, &vantage(Side::Client));
        assert_eq!(text(&it, "error.type"), error);
        assert!(it.attributes.get("http.response.status_code").is_none());
    }
}

#[test]
fn behind_proxies() {
    let fields = [
        ("Host", "backend:8080"),
        ("X-Forwarded-For", "203.0.113.9, 10.0.0.1"),
        ("X-Forwarded-Host", "shop.example"),
        ("X-Forwarded-Proto", "https"),
    ];
    let it = server(facts("GET", "/", &fields, Some(200)));
    assert_eq!(text(&it, "client.address"), Some("203.0.113.9"));
    assert_eq!(text(&it, "url.scheme"), Some("https"));
    assert_eq!(
        (text(&it, "server.address"), number(&it, "server.port")),
        (Some("shop.example"), Some(443))
    );

    let fields = [
        ("Host", "b"),
        ("Forwarded", "for=\"[2001:db8::17]:4711\";host=\"a.example:444\";proto=https"),
    ];
    let it = server(facts("GET", "/", &fields, Some(200)));
    assert_eq!(text(&it, "client.address"), Some("2001:db8::17"));
    assert_eq!(
        (text(&it, "server.address"), number(&it, "server.port")),
        (Some("a.example"), Some(444))
    );

    let fields = [("Forwarded", "for=unknown"), ("X-Forwarded-For", "192.0.2.1:55")];
    assert_eq!(
        text(&server(facts("GET", "/", &fields, None)), "client.address"),
        Some("192.0.2.1")
    );
}

#[test]
fn targets_that_are_no_paths() {
    let it = client(facts("OPTIONS", "*", &[("Host", "h.example:8001")], Some(200)));
    assert_eq!(text(&it, "url.full"), Some("http://h.example:8001"));
    let it = client(facts("CONNECT", "far.example:443", &[("Host", "far.example:443")], Some(200)));
    assert_eq!(text(&it, "url.full"), None);
    assert_eq!(
        (text(&it, "server.address"), number(&it, "server.port")),
        (Some("far.example"), Some(443))
    );
}

#[test]
fn tls_unix_sockets_and_ipv6() {
    let mut secure = vantage(Side::Client);
    secure.tls = true;
    let it = told(
        facts("GET", "/", &[("Host", "[2001:db8::1]")], Some(200)),
        Outcome::Complete,
        &secure,
    );
    assert_eq!(text(&it, "url.full"), Some("https://[2001:db8::1]/"));
    assert_eq!(
        (text(&it, "server.address"), number(&it, "server.port")),
        (Some("2001:db8::1"), Some(443))
    );

    let unix = Vantage { tls: true, ..Vantage::over_unix(Side::Client, "/run/app.sock") };
    let it = told(facts("GET", "/?a=b", &[], Some(200)), Outcome::Complete, &unix);
    assert_eq!(text(&it, "server.address"), Some("/run/app.sock"));
    assert_eq!(text(&it, "network.peer.address"), Some("/run/app.sock"));
    // Nobody named a host: what is left is the reference (RFC 3986 §4.2).
    assert_eq!(text(&it, "url.full"), Some("/?a=b"));

    // The path is the server's own; its client has bound none.
    let unix = Vantage { side: Side::Server, ..unix };
    let it = told(facts("GET", "/", &[], Some(200)), Outcome::Complete, &unix);
    assert_eq!(text(&it, "server.address"), Some("/run/app.sock"));
    assert_eq!(text(&it, "network.peer.address"), None);
    assert_eq!(text(&it, "client.address"), None);
}

/// What reads the URL must find the host that was asked, and no other.
#[test]
fn urls_are_well_formed() {
    for (target, host, url) in [
        ("relative", "h.example:81", "http://h.example:81/relative"),
        ("@far.example/", "h.example", "http://h.example/@far.example/"),
        (".far.example", "h.example", "http://h.example/.far.example"),
        ("/x", "::1", "http://[::1]/x"),
        ("ftp://f.example/x", "f.example", "ftp://f.example/x"),
    ] {
        let it = client(facts("GET", target, &[("Host", host)], Some(200)));
        assert_eq!(text(&it, "url.full"), Some(url), "{target}");
    }
    let it = client(facts("GET", "ftp://f.example/x", &[], Some(200)));
    assert_eq!(number(&it, "server.port"), Some(21), "required of a client");
}

/// "The IP address of the original client behind all proxies, if known".
#[test]
fn what_proxies_hide_is_no_address() {
    for (name, value) in [
        ("Forwarded", "for=_hidden"),
        ("Forwarded", "for=\"_SEVKISEK:_p\""),
        ("Forwarded", "for=unknown"),
        ("X-Forwarded-For", "<b>me</b>"),
        ("X-Forwarded-For", "-"),
    ] {
        let it = server(facts("GET", "/", &[(name, value)], Some(200)));
        assert_eq!(text(&it, "client.address"), Some("10.0.0.1"), "{value}");
    }
    for (value, address) in
        [("client.example:81", "client.example"), ("[2001:db8::1]:81", "2001:db8::1")]
    {
        let it = server(facts("GET", "/", &[("X-Forwarded-For", value)], Some(200)));
        assert_eq!(text(&it, "client.address"), Some(address));
    }
}

#[test]
fn a_user_agent_that_says_nothing_is_none() {
    let it = server(facts("GET", "/", &[("User-Agent", "")], Some(200)));
    assert_eq!(text(&it, "user_agent.original"), None);
}

#[test]
fn the_scheme_that_the_request_names() {
    let mut it = facts("GET", "/", &[("Host", "h")], Some(200));
    it.scheme = Some(Scheme::Https);
    it.version = Version::Http2;
    let it = server(it);
    assert_eq!((text(&it, "url.scheme"), number(&it, "server.port")), (Some("https"), Some(443)));
    assert_eq!(text(&it, "network.protocol.version"), Some("2"));
}

/// Reads a call as a dissector does.
fn call(
    fields: &[(&str, &str)],
    target: &str,
    body: &str,
    status: u16,
    answer: &str,
) -> Description {
    let mut facts = facts("POST", target, fields, Some(status));
    facts.request_body(body.as_bytes());
    facts.response_body(answer.as_bytes());
    facts.refine();
    client(facts)
}

/// <https://opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/>.
#[test]
fn an_aws_call() {
    let fields = [
        ("Host", "dynamodb.eu-west-1.amazonaws.com"),
        ("X-Amz-Target", "DynamoDB_20120810.PutItem"),
        ("Content-Type", "application/x-amz-json-1.0"),
        (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=AKID/20150830/eu-west-1/dynamodb/aws4_request, S",
        ),
    ];
    let it = call(
        &fields,
        "/",
        r#"{"TableName":"orders"}"#,
        400,
        r#"{"__type":"x#ThrottlingException"}"#,
    );
    assert_eq!((&*it.name, it.kind), ("DynamoDB.PutItem", Kind::Client));
    for (key, value) in [
        ("rpc.system", "aws-api"),
        ("rpc.service", "DynamoDB"),
        ("rpc.method", "PutItem"),
        ("cloud.region", "eu-west-1"),
        ("db.system.name", "aws.dynamodb"),
        ("db.operation.name", "PutItem"),
        ("db.collection.name", "orders"),
        ("error.type", "ThrottlingException"),
        ("server.address", "dynamodb.eu-west-1.amazonaws.com"),
        ("url.full", "http://dynamodb.eu-west-1.amazonaws.com/"),
    ] {
        assert_eq!(text(&it, key), Some(value), "{key}");
    }
    assert!(!format!("{it:?}").contains("AKID"));
}

/// <https://opentelemetry.io/docs/specs/semconv/db/elasticsearch/>.
#[test]
fn an_elasticsearch_request() {
    let fields = [("Host", "localhost:9200"), ("Content-Type", "application/json")];
    let it = call(&fields, "/books/_search?q=a", r#"{"query":{"match_all":{}}}"#, 404, "");
    assert_eq!(&*it.name, "search books");
    for (key, value) in [
        ("db.system.name", "elasticsearch"),
        ("db.operation.name", "search"),
        ("db.collection.name", "books"),
        ("db.operation.parameter.index", "books"),
        ("db.response.status_code", "404"),
        ("error.type", "404"),
        ("http.request.method", "POST"),
        ("url.full", "http://localhost:9200/books/_search?q=a"),
    ] {
        assert_eq!(text(&it, key), Some(value), "{key}");
    }
}

/// "For HTTP status codes in the 4xx range span status MUST be left unset in case of `SpanKind.SERVER`"
/// (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status>), whatever API is served.
#[test]
fn who_serves_an_api_is_not_to_blame_for_its_clients() {
    let served = |target, status, fields: &[(&str, &str)], body: &str, answer: &str| {
        let mut facts = facts("POST", target, fields, Some(status));
        facts.request_body(body.as_bytes());
        facts.response_body(answer.as_bytes());
        facts.refine();
        assert!(facts.api.is_some());
        let it = server(facts);
        assert_eq!(text(&it, "error.type").is_some(), it.status != Status::Unset);
        text(&it, "error.type").map(str::to_owned)
    };
    let dynamodb = [
        ("Host", "localhost:8000"),
        ("X-Amz-Target", "DynamoDB_20120810.PutItem"),
        ("Content-Type", "application/x-amz-json-1.0"),
    ];
    let table = r#"{"TableName":"orders"}"#;
    let missing = r#"{"__type":"x#ResourceNotFoundException"}"#;
    let broken = r#"{"__type":"x#InternalServerError"}"#;
    assert_eq!(served("/", 400, &dynamodb, table, missing), None);
    let error = served("/", 500, &dynamodb, table, broken);
    assert_eq!(error.as_deref(), Some("InternalServerError"));
    let search = [("Host", "localhost:9200"), ("Content-Type", "application/json")];
    let query = r#"{"query":{"match_all":{}}}"#;
    assert_eq!(served("/books/_search", 404, &search, query, ""), None);
    assert_eq!(served("/books/_search", 503, &search, query, "").as_deref(), Some("503"));
}

/// <https://opentelemetry.io/docs/specs/semconv/rpc/json-rpc/>.
#[test]
fn graphql_and_json_rpc_decorate_the_span() {
    let json = [("Host", "h"), ("Content-Type", "application/json")];
    let it = call(&json, "/graphql", r#"{"query":"mutation Pay { pay }"}"#, 200, "");
    assert_eq!(&*it.name, "POST");
    assert_eq!(text(&it, "graphql.operation.type"), Some("mutation"));
    assert_eq!(text(&it, "graphql.operation.name"), Some("Pay"));

    let it = call(
        &json,
        "/",
        r#"{"jsonrpc":"2.0","method":"add","id":7}"#,
        200,
        r#"{"error":{"code":-32602}}"#,
    );
    for (key, value) in [
        ("rpc.system.name", "jsonrpc"),
        ("rpc.method", "add"),
        ("jsonrpc.protocol.version", "2.0"),
        ("jsonrpc.request.id", "7"),
        ("rpc.response.status_code", "-32602"),
        ("error.type", "-32602"),
    ] {
        assert_eq!(text(&it, key), Some(value), "{key}");
    }
    assert_eq!(it.status, Status::Error("".into()));
}

#[test]
fn what_another_protocol_carried_says_so() {
    let mut facts = facts("GET", "/cart", &[("Host", "shop.example")], Some(200));
    facts.carrier = Some("fastcgi");
    let description = server(facts);
    assert_eq!(text(&description, "network.protocol.name"), Some("fastcgi"));
    assert_eq!(text(&description, "network.protocol.version"), None);
}
