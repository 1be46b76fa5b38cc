//! Nothing is told that was never sent, although it stands where a call's bytes would.

use std::net::UdpSocket;

use onlooker_e2e::http::{Connection, get};
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::services::python_service;
use onlooker_e2e::{Agent, PATIENCE, Session, Span, Spans as _, skipped};
use rustix::process::Signal;

fn paths(spans: &[Span]) -> Vec<&str> {
    spans.iter().filter_map(Span::path).collect()
}

/// TCP leaves the buffer of a receive with `MSG_TRUNC` as it was (tcp(7)).
#[test]
fn what_the_kernel_throws_away_is_not_read_from_the_buffer() {
    if skipped() {
        return;
    }
    let service = python_service("decoys.py", &[] as &[&str]);
    let agent = Agent::trace_pid(service.pid());
    let mut connection = Connection::to(service.port);
    for path in ["/then/discard", "/thrown/away", "/next"] {
        assert_eq!(connection.get(path).text(), "ok");
    }
    let is_next = |span: &Span| span.path() == Some("/next");
    agent.wait_for("the last request", |spans| spans.iter().any(is_next));
    assert_eq!(paths(&agent.finish().successful().spans), ["/then/discard", "/next"]);
}

/// It receives on the thread's way out of a call that reads something else.
#[test]
fn what_io_uring_receives_is_not_taken_for_what_a_call_reads() {
    if skipped() {
        return;
    }
    let service = python_service("decoys.py", &[] as &[&str]);
    let agent = Agent::trace_pid(service.pid());
    let mut connection = Connection::to(service.port);
    if connection.get("/then/ring").status == 501 {
        println!("skipped: no io_uring can be had here");
        return;
    }
    for path in ["/by/the/ring", "/next"] {
        assert_eq!(connection.get(path).text(), "ok");
    }
    get(service.port, "/last");
    let is_last = |span: &Span| span.path() == Some("/last");
    agent.wait_for("the last request", |spans| spans.iter().any(is_last));
    let spans = agent.finish().successful().spans;
    let paths = paths(&spans);
    assert!(paths.contains(&"/then/ring") && !paths.contains(&"/never/sent"), "{paths:?}");
}

/// One call for several datagrams comes after another; and one has room for less than there is.
#[test]
fn datagrams_are_read_from_where_they_were_received() {
    if skipped() {
        return;
    }
    let service = python_service("decoys.py", &[] as &[&str]);
    let agent = Agent::trace_pid(service.pid());
    get(service.port, "/then/names");
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.connect(("127.0.0.1", service.port)).expect("a port");
    client.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let ask = |id: u8, name: &str| client.send(&query(id, name)).expect("a datagram");
    let answer = || client.recv(&mut [0; 512]).expect("an answer");
    ask(1, "first");
    ask(2, "second");
    answer();
    answer();
    ask(3, "third");
    answer();
    let names = |spans: &[Span]| -> Vec<String> {
        spans.iter().filter_map(|span| Some(span.text("dns.question.name")?.to_owned())).collect()
    };
    agent.wait_for("both lookups", |spans| names(spans).len() >= 2);
    let mut names = names(&agent.finish().successful().spans);
    names.sort();
    // Of the third the head was read, and no name.
    assert_eq!(names, ["first.example", "second.example"]);
}

/// For the address (type A, class IN) of NAME.example.
fn query(id: u8, name: &str) -> Vec<u8> {
    let mut query = vec![0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in [name, "example"] {
        query.push(label.len() as u8);
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    query
}

/// Its threads had written by the time the agent said so.
#[test]
fn nothing_is_read_of_a_process_that_was_no_target_after_all() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace(["--exe", "*/nginx"]);
    agent.signal(Signal::STOP);
    let mut other = Session::python("no_target.py", &[nginx.port.to_string()]);
    assert_eq!(other.answer(), "ready");
    agent.signal(Signal::CONT);
    // What the kernel told before is dealt with by then.
    for path in ["/behind", "/behind/it"] {
        get(nginx.port, path);
        agent.wait_for("the request", |spans| paths(spans).contains(&path));
    }
    assert_eq!(other.ask(""), "done");
    agent.wait_for("its request", |spans| paths(spans).contains(&"/of/no/target"));
    let spans = agent.finish().successful().spans;
    let of_others = spans.all(|span| span.service != "nginx");
    assert!(of_others.is_empty(), "{of_others:#?}");
}
