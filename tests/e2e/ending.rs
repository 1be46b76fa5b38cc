//! How a trace ends: by signal, by time, by count; always with everything printed.

use onlooker_e2e::Agent;
use onlooker_e2e::http::{Connection, get};
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::skipped;
use rustix::process::Signal;

#[test]
fn sigint_flushes() {
    signal_flushes(Signal::INT);
}

#[test]
fn sigterm_flushes() {
    signal_flushes(Signal::TERM);
}

/// Every request that was answered before the signal is printed.
fn signal_flushes(signal: Signal) {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace_pid(nginx.pid());
    let mut connection = Connection::to(nginx.port);
    for number in 0..500 {
        assert_eq!(connection.get(&format!("/{number}")).status, 200);
    }
    agent.signal(signal);
    let finished = agent.collect().successful();
    assert_eq!(finished.spans.len(), 500);
    assert!(finished.messages.contains("500"), "no summary: {}", finished.messages);
}

#[test]
fn the_time_ends_it() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace(["--pid", &nginx.pid().to_string(), "--duration", "2s"]);
    get(nginx.port, "/in/time");
    let finished = agent.collect().successful();
    assert_eq!(finished.spans.len(), 1);
}

#[test]
fn a_count_ends_it() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace(["--pid", &nginx.pid().to_string(), "--count", "3"]);
    let mut connection = Connection::to(nginx.port);
    for number in 0..10 {
        assert_eq!(connection.get(&format!("/{number}")).status, 200);
    }
    let finished = agent.collect().successful();
    assert_eq!(finished.spans.len(), 3, "each request is a trace of one span");
}

#[test]
fn a_target_that_ends_does_not_end_the_agent_badly() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace_pid(nginx.pid());
    get(nginx.port, "/last");
    drop(nginx);
    agent.wait_for("the span", |spans| !spans.is_empty());
    let finished = agent.finish().successful();
    assert_eq!(finished.spans.len(), 1);
}
