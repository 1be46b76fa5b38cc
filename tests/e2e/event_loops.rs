//! Threads that serve a request at a time, and do other things meanwhile.

use onlooker_e2e::http::Connection;
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::services::node_service;
use onlooker_e2e::{Agent, skipped};

#[test]
fn what_a_timer_asks_while_a_request_is_open_is_not_the_requests() {
    if skipped() {
        return;
    }
    let leaf = Nginx::start("location / { return 200 leaf; }");
    let service = node_service("ticks.js", &[format!("127.0.0.1:{}", leaf.port)]);
    let mut connection = Connection::to(service.port);
    let agent = Agent::trace_pid(service.pid());
    for _ in 0..10 {
        connection.get("/slow");
    }
    agent.wait_for("the requests and what was asked meanwhile", |spans| {
        spans.iter().filter(|span| span.is_server()).count() == 10
            && spans.iter().filter(|span| span.is_client()).count() >= 10
    });
    let finished = agent.finish().successful();
    let wrong: Vec<_> =
        finished.spans.iter().filter(|span| span.is_client() && span.parent.is_some()).collect();
    assert!(wrong.is_empty(), "the timer asked for itself: {wrong:#?}\n{}", finished.messages);
}

/// The loop was waiting when the agent came, and has not been heard of before.
#[test]
fn what_a_timer_asks_while_the_first_request_is_open_is_not_its() {
    if skipped() {
        return;
    }
    let leaf = Nginx::start("location / { return 200 leaf; }");
    let service =
        node_service("ticks.js", &[format!("127.0.0.1:{}", leaf.port), "later".to_owned()]);
    let agent = Agent::trace_pid(service.pid());
    Connection::to(service.port).get("/slow");
    agent.wait_for("the request and what was asked meanwhile", |spans| {
        spans.iter().any(onlooker_e2e::Span::is_server)
            && spans.iter().filter(|span| span.is_client()).count() >= 5
    });
    let finished = agent.finish().successful();
    let wrong: Vec<_> =
        finished.spans.iter().filter(|span| span.is_client() && span.parent.is_some()).collect();
    assert!(wrong.is_empty(), "the timer asked for itself: {wrong:#?}\n{}", finished.messages);
}
