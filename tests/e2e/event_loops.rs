//! Threads that serve a request at a time, and do other things meanwhile; and such as only seem to.

use onlooker_e2e::http::{Connection, get};
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::services::{Service, node_service, python_service};
use onlooker_e2e::{Agent, skipped};

#[test]
fn what_a_timer_asks_while_a_request_is_open_is_not_the_requests() {
    timers_ask_for_themselves(false, |next| node_service("ticks.js", &[next]));
}

#[test]
fn a_loop_on_epoll_has_timers() {
    timers_ask_for_themselves(false, |next| python_service("ticks.py", &[next, "epoll"]));
}

#[test]
fn a_loop_on_poll_has_timers() {
    timers_ask_for_themselves(true, |next| python_service("ticks.py", &[next, "poll"]));
}

#[test]
fn a_loop_on_select_has_timers() {
    timers_ask_for_themselves(true, |next| python_service("ticks.py", &[next, "select"]));
}

/// `heard` says that the loop must have been heard of first: a wait that is older than the agent is not
/// seen of poll and select.
fn timers_ask_for_themselves(heard: bool, service: impl FnOnce(&str) -> Service) {
    if skipped() {
        return;
    }
    let leaf = Nginx::start("location / { return 200 leaf; }");
    let service = service(&format!("127.0.0.1:{}", leaf.port));
    let mut connection = Connection::to(service.port);
    let agent = Agent::trace_pid(service.pid());
    if heard {
        agent.wait_for("two ticks", |spans| spans.len() >= 2);
    }
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

#[test]
fn a_worker_that_selects_accepts_and_serves_is_no_loop() {
    calls_are_the_threads("accept", |port, path| drop(get(port, path)));
}

#[test]
fn a_thread_that_polls_before_each_request_is_no_loop() {
    let mut kept = None;
    calls_are_the_threads("keep", move |port, path| {
        kept.get_or_insert_with(|| Connection::to(port)).get(path);
    });
}

#[test]
fn a_thread_with_time_limits_is_no_loop() {
    let mut kept = None;
    calls_are_the_threads("limit", move |port, path| {
        kept.get_or_insert_with(|| Connection::to(port)).get(path);
    });
}

/// Each call is linked by the thread that serves the request.
fn calls_are_the_threads(kind: &str, mut ask: impl FnMut(u16, &str)) {
    if skipped() {
        return;
    }
    let leaf = Nginx::start("location / { return 200 leaf; }");
    let service = python_service("worker.py", &[&format!("127.0.0.1:{}", leaf.port), kind]);
    let agent = Agent::trace_pid(service.pid());
    for number in 0..10 {
        ask(service.port, &format!("/{number}"));
    }
    agent.wait_for("ten requests of two calls each", |spans| spans.len() >= 30);
    let finished = agent.finish().successful();
    for server in finished.spans.iter().filter(|span| span.is_server()) {
        let own = |span: &&onlooker_e2e::Span| span.parent.as_ref() == Some(&server.span_id);
        let calls: Vec<_> = finished.spans.iter().filter(own).collect();
        assert_eq!(calls.len(), 2, "{kind}: {}", finished.messages);
        assert!(
            calls.iter().all(|call| call.evidence.as_deref() == Some("same-task")),
            "{calls:?}"
        );
    }
}
