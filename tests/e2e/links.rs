//! Who called whom: every link is checked against the request it must belong to.

mod nginx;

use std::collections::HashMap;
use std::thread;

use onlooker_e2e::http::Connection;
use onlooker_e2e::servers::{Nginx, PhpFpm, Postgres, Redis};
use onlooker_e2e::services::{
    Service, gunicorn, node_service, python_service, python_service_with,
};
use onlooker_e2e::{Agent, Span, Spans as _, skipped, workload};

const CLIENTS: usize = 16;
const REQUESTS: usize = 25;

/// Sends requests `/r/N/…` from concurrent clients, each with a path of its own.
fn load(port: u16) -> Vec<String> {
    load_from(CLIENTS, port)
}

fn load_from(clients: usize, port: u16) -> Vec<String> {
    let clients: Vec<_> = (0..clients)
        .map(|client| {
            thread::spawn(move || {
                let mut connection = Connection::to(port);
                let paths = (0..REQUESTS).map(|number| format!("/r/{client}-{number}"));
                paths
                    .inspect(|path| assert_eq!(connection.get(path).status, 200, "{path}"))
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
}

/// Checks that of each path there are spans of `kinds`, outermost first, each the child of the one
/// before.
fn assert_chains(spans: &[Span], paths: &[String], kinds: &[(&str, &str, Option<&str>)]) {
    let mut by_path: HashMap<&str, Vec<&Span>> = HashMap::new();
    for span in spans {
        by_path.entry(span.path().expect("a path")).or_default().push(span);
    }
    for path in paths {
        let mut parent: Option<&Span> = None;
        let all = by_path.get(path.as_str()).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(all.len(), kinds.len(), "{path}: {all:#?}");
        for (service, kind, evidence) in kinds {
            let fits = |span: &&&Span| span.service == *service && span.kind == *kind;
            let span = all.iter().find(fits).unwrap_or_else(|| {
                panic!("{path}: no {kind} of {service} among {all:#?}");
            });
            let expected = parent.map(|parent| parent.span_id.as_str());
            assert_eq!(span.parent.as_deref(), expected, "{path}: {service} {kind}: {all:#?}");
            assert_eq!(span.evidence.as_deref(), *evidence, "{path}: {service} {kind}");
            if let Some(parent) = parent {
                assert_eq!(span.trace_id, parent.trace_id, "{path}");
                assert!(parent.start <= span.start, "{path}: {service} {kind} starts too early");
            }
            parent = Some(span);
        }
    }
}

fn leaf() -> Nginx {
    Nginx::start("location / { return 200 leaf; }")
}

fn next(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn trace_load(entrance: u16, pids: &[u32], spans_each: usize) -> (Vec<Span>, Vec<String>) {
    let agent = Agent::trace_pids(pids);
    let paths = load(entrance);
    agent.wait_for("all spans", |spans| spans.len() >= paths.len() * spans_each);
    (agent.finish().successful().spans, paths)
}

fn assert_service_links(service: &Service, leaf: &Nginx, name: &str, evidence: &str) {
    let (spans, paths) = trace_load(service.port, &[service.pid(), leaf.pid()], 3);
    assert_chains(
        &spans,
        &paths,
        &[
            (name, "SERVER", None),
            (name, "CLIENT", Some(evidence)),
            ("nginx", "SERVER", Some("same-call")),
        ],
    );
}

#[test]
fn a_threaded_python_service() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    let service = python_service("hop.py", &[&next(leaf.port), "inline", "5"]);
    assert_service_links(&service, &leaf, "hop", "same-task");
}

#[test]
fn a_thread_started_for_the_call() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    let service = python_service("hop.py", &[&next(leaf.port), "join", "5"]);
    assert_service_links(&service, &leaf, "hop", "lineage");
}

/// A name is looked up before most calls: what answers that is no request to the service.
#[test]
fn a_call_after_a_lookup() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    let nameserver = python_service("nameserver.py", &[] as &[&str]);
    let service = python_service_with(
        "hop.py",
        &[&next(leaf.port), "lookup", "5"],
        &[("NAMESERVER", &nameserver.port.to_string())],
    );
    let (spans, paths) = trace_load(service.port, &[service.pid(), leaf.pid()], 4);
    let (lookups, calls): (Vec<Span>, Vec<Span>) =
        spans.into_iter().partition(|span| span.text("dns.question.name").is_some());
    assert_chains(
        &calls,
        &paths,
        &[
            ("hop", "SERVER", None),
            ("hop", "CLIENT", Some("same-task")),
            ("nginx", "SERVER", Some("same-call")),
        ],
    );
    assert_eq!(lookups.len(), paths.len());
    for lookup in &lookups {
        assert_eq!(lookup.name, "DNS A");
        assert_eq!(lookup.text("dns.question.name"), Some("next.example"));
        let parent = calls.parent_of(lookup).expect("the request that needed the name");
        assert!(parent.is_server() && parent.service == "hop");
        assert!(parent.start <= lookup.start && lookup.end <= parent.end);
    }
}

#[test]
fn a_process_for_each_connection() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    let service = python_service("hop.py", &[&next(leaf.port), "fork", "5"]);
    assert_service_links(&service, &leaf, "hop", "same-task");
}

#[test]
fn two_python_services_in_a_row() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    let second = python_service("hop.py", &[&next(leaf.port), "inline", "5"]);
    let first = gunicorn("hop_wsgi", &["--workers", "4"], &[("NEXT", &next(second.port))]);
    let front =
        Nginx::start(&format!("location / {{ proxy_pass http://127.0.0.1:{}; }}", first.port));
    let (spans, paths) =
        trace_load(front.port, &[front.pid(), first.pid(), second.pid(), leaf.pid()], 7);
    // Both nginx are one service: told apart by their ports.
    let (at_leaf, before): (Vec<Span>, Vec<Span>) = spans
        .into_iter()
        .partition(|span| span.int("server.port") == Some(leaf.port.into()) && span.is_server());
    assert_eq!(at_leaf.len(), paths.len());
    let client = before.iter().map(|span| (span.span_id.as_str(), span)).collect::<HashMap<_, _>>();
    for span in &at_leaf {
        let parent =
            span.parent.as_deref().and_then(|parent| client.get(parent)).expect("a parent");
        assert_eq!(parent.path(), span.path());
    }
    // nginx is an event loop: the link inside it is the only one that may be missing here, never wrong.
    for span in before.iter().filter(|span| span.service != "nginx") {
        let parent = before.parent_of(span).expect("a parent");
        assert_eq!(parent.path(), span.path());
    }
    for span in before.iter().filter(|span| span.service == "nginx" && span.is_client()) {
        if let Some(parent) = before.parent_of(span) {
            assert_eq!(parent.path(), span.path());
        }
    }
}

#[test]
fn node_links_are_right_or_absent() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    let service = node_service("hop.js", &[&next(leaf.port), "timeout", "5"]);
    let (spans, paths) = trace_load(service.port, &[service.pid(), leaf.pid()], 3);
    assert_eq!(spans.len(), 3 * paths.len());
    assert_no_parent_is_wrong(&spans);
    for span in spans.iter().filter(|span| span.service == "nginx") {
        assert_eq!(span.evidence.as_deref(), Some("same-call"));
    }
}

#[test]
fn a_thread_pool_is_never_linked_wrongly() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    let service = python_service("hop.py", &[&next(leaf.port), "pool", "5"]);
    let (spans, _) = trace_load(service.port, &[service.pid(), leaf.pid()], 3);
    assert_no_parent_is_wrong(&spans);
}

/// The request that started it is often open when it calls for others, and when it ends.
#[test]
fn a_thread_that_asks_for_whoever_left_something_is_never_linked_wrongly() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    let service = python_service("hop.py", &[&next(leaf.port), "drain", "5"]);
    let agent = Agent::trace_pids(&[service.pid(), leaf.pid()]);
    let paths = load_from(2, service.port);
    agent.wait_for("all spans", |spans| spans.len() >= paths.len() * 3);
    let spans = agent.finish().successful().spans;
    assert_no_parent_is_wrong(&spans);
}

/// Each hop repeats the path: whoever has a parent has the one that served its path.
fn assert_no_parent_is_wrong(spans: &[Span]) {
    for span in spans.iter().filter(|span| span.parent.is_some()) {
        let parent = spans.parent_of(span).expect("the parent");
        assert_eq!(parent.path(), span.path(), "a wrong parent is worse than none");
    }
}

#[test]
fn php_fpm_behind_nginx() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    let php = PhpFpm::start(8, &[("NEXT", &next(leaf.port)), ("DELAY_MS", "5")]);
    let front = Nginx::start(&php.location("/", &workload("hop.php")));
    let (spans, paths) = trace_load(front.port, &[front.pid(), php.pid(), leaf.pid()], 5);
    for path in &paths {
        let call = spans.one("PHP's call", |span| {
            span.is_client() && span.service != "nginx" && span.path() == Some(path)
        });
        assert_eq!(call.evidence.as_deref(), Some("same-task"));
        let served = spans.parent_of(call).expect("the request that PHP served");
        assert_eq!(served.path(), Some(path.as_str()));
        let asked = spans.parent_of(served).expect("nginx's FastCGI request");
        assert_eq!(served.evidence.as_deref(), Some("same-call"));
        assert_eq!(asked.service, "nginx");
    }
}

#[test]
fn a_whole_chain_down_to_postgresql_and_redis() {
    if skipped() {
        return;
    }
    let postgres = Postgres::start();
    postgres.psql(&[
        "CREATE TABLE items (id int PRIMARY KEY, name text)",
        "INSERT INTO items VALUES (7, 'pear')",
    ]);
    let redis = Redis::start();
    let arguments = [postgres.url(), redis.port.to_string()];
    let store = python_service("store.py", &arguments);
    let front =
        Nginx::start(&format!("location / {{ proxy_pass http://127.0.0.1:{}; }}", store.port));
    let agent = Agent::trace_pids(&[front.pid(), store.pid(), postgres.pid(), redis.pid()]);
    let mut connection = Connection::to(front.port);
    assert_eq!(connection.get("/item/7").text(), "pear");
    assert_eq!(connection.get("/broken").status, 500);
    let databases = |spans: &[Span]| {
        spans
            .iter()
            .filter(|span| span.is_client() && span.text("db.system.name").is_some())
            .count()
    };
    agent.wait_for("4 calls of databases", |spans| databases(spans) >= 4);
    agent.wait_for("2 requests at each HTTP server", |spans| {
        spans.iter().filter(|span| span.is_server() && span.path().is_some()).count() >= 4
    });
    let spans = agent.finish().successful().spans;

    for (path, texts) in [
        ("/item/7", &["GET item:7", "SELECT name FROM items WHERE id = $1", "SET item:7 ?"][..]),
        ("/broken", &["SELECT * FROM no_such_table"]),
    ] {
        let served = spans.one("request at the store", |span| {
            span.is_server() && span.service == "store" && span.path() == Some(path)
        });
        for text in texts {
            let call = spans
                .one(text, |span| span.is_client() && span.text("db.query.text") == Some(text));
            assert_eq!(call.parent.as_deref(), Some(served.span_id.as_str()), "{text}");
            assert_eq!(call.evidence.as_deref(), Some("same-task"));
            assert_eq!(call.trace_id, served.trace_id);
            let answered = spans
                .one(text, |span| span.is_server() && span.text("db.query.text") == Some(text));
            assert_eq!(answered.parent.as_deref(), Some(call.span_id.as_str()), "{text}");
        }
        let passed_on = spans.parent_of(served).expect("nginx's call");
        assert_eq!(passed_on.service, "nginx");
        assert_eq!(passed_on.path(), Some(path));
    }
    let failed = spans.one("failed statement", |span| {
        span.is_client() && span.is_database("postgresql") && span.status == "ERROR"
    });
    assert_eq!(failed.text("db.response.status_code"), Some("42P01"));
}

#[test]
fn a_node_service_over_postgresql_and_redis() {
    if skipped() {
        return;
    }
    let postgres = Postgres::start();
    postgres.psql(&[
        "CREATE TABLE items (id int PRIMARY KEY, name text)",
        "INSERT INTO items VALUES (7, 'pear')",
    ]);
    let redis = Redis::start();
    let arguments = [postgres.url(), redis.port.to_string()];
    let store = node_service("store.js", &arguments);
    let agent = Agent::trace_pids(&[store.pid()]);
    let mut connection = Connection::to(store.port);
    assert_eq!(connection.get("/item/7").text(), "pear");
    assert_eq!(connection.get("/item/7").text(), "pear");
    // ioredis writes commands in lower case, and they stay as they were written.
    let texts = ["get item:7", "SELECT name FROM items WHERE id = $1", "set item:7 ?"];
    agent.wait_for("all statements", |spans| {
        let seen =
            |text| spans.iter().filter(|span| span.text("db.query.text") == Some(text)).count();
        seen(texts[0]) >= 2
            && seen(texts[1]) >= 1
            && seen(texts[2]) >= 1
            && spans.iter().filter(|span| span.is_server()).count() >= 2
    });
    let spans = agent.finish().successful().spans;
    assert_eq!(spans.all(|span| span.is_server() && span.path() == Some("/item/7")).len(), 2);
    for span in spans.all(|span| texts.contains(&span.text("db.query.text").unwrap_or_default())) {
        assert!(span.is_client());
        if let Some(parent) = spans.parent_of(span) {
            assert!(parent.start <= span.start && span.end <= parent.end);
        }
    }
}
