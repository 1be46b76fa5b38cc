//! FastCGI: PHP-FPM behind nginx, over TCP and over a Unix socket. What must be seen is what the
//! test asked nginx for.

use onlooker_e2e::http::Connection;
use onlooker_e2e::servers::{Nginx, PhpFpm};
use onlooker_e2e::{Agent, Span, Spans as _, skipped, workload};

/// Method, path, query, body, status.
const REQUESTS: [(&str, &str, &str, &str, i64); 5] = [
    ("GET", "/a/200", "", "", 200),
    ("POST", "/b/201", "", "a pear", 201),
    ("GET", "/c/404", "q=1", "", 404),
    ("PUT", "/d/500", "", "a quince", 500),
    ("GET", "/e/200", "password=damson", "", 200),
];

/// nginx with one connection to PHP that it keeps, as it has but one worker and PHP one process.
fn front(php: &PhpFpm) -> Nginx {
    let upstream = format!("upstream php {{ server {}; keepalive 1; }}", php.address());
    let location = php.location("/", &workload("answer.php"));
    let through_it = location.replace(&php.address(), "php");
    Nginx::start_with(&upstream, &format!("fastcgi_keep_conn on; {through_it}"), 1)
}

fn ask(connection: &mut Connection) {
    for (method, path, query, body, status) in REQUESTS {
        let question = if query.is_empty() { "" } else { "?" };
        connection.send(format!(
            "{method} {path}{question}{query} HTTP/1.1\r\nHost: shop.example\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        let response = connection.response();
        assert_eq!(i64::from(response.status), status);
        assert_eq!(response.text(), body.len().to_string());
    }
}

/// Each request at three places: nginx, its call, and PHP.
fn assert_requests(php: &PhpFpm, spans: &[Span], times: usize) {
    let (transport, port) = (if php.port.is_some() { "tcp" } else { "unix" }, php.port);
    for (method, path, query, _, status) in REQUESTS {
        let of_php = |kind: &'static str| {
            let mut seen = spans
                .all(|span| span.kind == kind && is_fastcgi(span) && span.path() == Some(path));
            assert_eq!(seen.len(), times, "{kind} {path}: {spans:#?}");
            seen.sort_by_key(|span| span.start);
            seen
        };
        for (called, served) in of_php("CLIENT").into_iter().zip(of_php("SERVER")) {
            for span in [called, served] {
                assert_eq!(span.name, method);
                assert_eq!(span.text("http.request.method"), Some(method));
                assert_eq!(span.int("http.response.status_code"), Some(status), "{path}");
                assert_eq!(span.text("network.transport"), Some(transport));
                let failed = status >= if span.is_client() { 400 } else { 500 };
                assert_eq!(span.status == "ERROR", failed, "{path}");
            }
            assert_eq!(served.parent.as_deref(), Some(&*called.span_id));
            assert_eq!(served.evidence.as_deref(), Some("same-call"));
            assert_eq!(called.int("network.peer.port"), port.map(i64::from));
            assert_eq!(called.service, "nginx");
            assert!(served.service.starts_with("php-fpm"), "{}", served.service);
            let expected = (query == "q=1").then_some(query);
            let known = served.text("url.query").filter(|query| !query.starts_with("password="));
            assert_eq!(known, expected);
            let passed_on = spans.parent_of(called).expect("the request at nginx");
            assert_eq!((&*passed_on.service, passed_on.path()), ("nginx", Some(path)));
        }
    }
    // nginx kept its connection.
    let served = spans.all(|span| span.is_server() && is_fastcgi(span));
    let mut ports: Vec<_> = served.iter().map(|span| span.int("network.peer.port")).collect();
    ports.dedup();
    assert_eq!(ports.len(), 1, "{ports:?}");
    assert_eq!(ports[0].is_some(), port.is_some());
    let everything = format!("{spans:?}");
    for secret in ["pear", "quince", "damson"] {
        assert!(!everything.contains(secret), "{secret} has left the machine");
    }
}

/// Between nginx and PHP, not between the test and nginx.
fn is_fastcgi(span: &Span) -> bool {
    span.is_client() || span.service != "nginx"
}

fn assert_traced(php: &PhpFpm) {
    let front = front(php);
    let mut connection = Connection::to(front.port);
    let agent = Agent::trace_pids(&[front.pid(), php.pid()]);
    // Connections that begin after the agent came, and, from the second round on, go on.
    ask(&mut connection);
    ask(&mut connection);
    let expected = 2 * 3 * REQUESTS.len();
    agent.wait_for("all requests", |spans| spans.len() >= expected);
    let spans = agent.finish().successful().spans;
    assert_eq!(spans.len(), expected);
    assert_requests(php, &spans, 2);

    // With another agent, that comes while the connection of nginx to PHP is open.
    let agent = Agent::trace_pids(&[front.pid(), php.pid()]);
    assert_eq!(connection.get("/first/200").status, 200);
    ask(&mut connection);
    agent.wait_for("all requests", |spans| {
        let is_last = |span: &&Span| span.path() == Some(REQUESTS[4].1);
        spans.iter().filter(is_last).count() >= 3
    });
    let spans = agent.finish().successful().spans;
    assert_requests(php, &spans, 1);
}

#[test]
fn fastcgi_over_tcp() {
    if skipped() {
        return;
    }
    assert_traced(&PhpFpm::start_tcp(1, &[]));
}

#[test]
fn fastcgi_over_a_unix_socket() {
    if skipped() {
        return;
    }
    assert_traced(&PhpFpm::start(1, &[]));
}
