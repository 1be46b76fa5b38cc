//! Whatever calls a service reads and writes with, its requests are the same.
//!
//! Each connection begins with a line that is no HTTP, and is opened before the agent comes: so it
//! is traced from its middle, with the first request as the first thing that is seen.

use onlooker_e2e::http::Connection;
use onlooker_e2e::services::python_service;
use onlooker_e2e::{Agent, Session, Span, Spans as _, skipped};

const READERS: &[&str] = &[
    "recv",
    "recv_into",
    "recvfrom",
    "recvmsg",
    "recvmsg_vectored",
    "read",
    "readv",
    "peek",
    "byte",
    "nonblocking",
    "dup",
    "preadv2",
];
const WRITERS: &[&str] = &[
    "send",
    "send_apart",
    "sendto",
    "sendmsg",
    "write",
    "writev",
    MANY_BUFFERS,
    "sendfile",
    "splice",
    "partial",
    "pwritev2",
];
/// Kernels before 5.17 have no loop for programs to walk so many buffers in.
const MANY_BUFFERS: &str = "many_buffers";
/// What is not seen on older kernels.
const LATER: [&str; 3] = [MANY_BUFFERS, "preadv2", "pwritev2"];
const REQUESTS: usize = 3;

#[test]
fn every_way_to_read_and_write() {
    if skipped() {
        return;
    }
    let service = python_service("syscalls.py", &[] as &[&str]);
    let older = std::env::var_os("ONLOOKER_AS_KERNEL").is_some();
    let is_seen = |way: &&&str| !older || !LATER.contains(*way);
    let readers = READERS.iter().filter(is_seen);
    let mut ways: Vec<String> = readers.map(|reader| format!("{reader}-send")).collect();
    // The first of the writers was the readers' own.
    let writers = WRITERS.iter().skip(1).filter(is_seen);
    ways.extend(writers.map(|writer| format!("recv-{writer}")));
    ways.push("passed".to_owned());
    let mut connections: Vec<Connection> = ways
        .iter()
        .map(|way| {
            let mut connection = Connection::to(service.port);
            connection.send(format!("{way}\n"));
            assert_eq!(connection.line(), "");
            connection
        })
        .collect();

    let agent = Agent::trace_pid(service.pid());
    // Kernels before 6.3 do not tell of a call that a thread was in already when the agent came.
    let mut waiting = 0;
    if older {
        // Of those that are not in a blocking call it does.
        waiting = ways.len();
        for (way, connection) in ways.iter().zip(&mut connections) {
            assert_eq!(connection.get(&format!("/waiting/{way}")).status, 200);
        }
    }
    for (way, connection) in ways.iter().zip(&mut connections) {
        for number in 0..REQUESTS {
            let size = ["small", "large"][number % 2];
            let response = connection.get(&format!("/{way}/{size}/{number}"));
            assert_eq!(response.status, 200);
            assert!(response.head.contains(&format!("X-How: {way}\r\n")), "{}", response.head);
        }
    }
    let expected = ways.len() * REQUESTS;
    let asked = |span: &&Span| span.path().is_some_and(|path| !path.starts_with("/waiting/"));
    agent.settle(expected + waiting);
    let spans = agent.finish().successful().spans;

    let mut missing = Vec::new();
    for way in &ways {
        let prefix = format!("/{way}/");
        let seen = spans.all(|span| span.path().is_some_and(|path| path.starts_with(&prefix)));
        if seen.len() != REQUESTS || seen.iter().any(|span| !span.is_server()) {
            missing.push(format!("{way}: {}", seen.len()));
        }
        for span in seen {
            assert_eq!(span.int("http.response.status_code"), Some(200), "{way}");
            assert_eq!(span.status, "UNSET", "{way}");
        }
    }
    assert!(missing.is_empty(), "not {REQUESTS} spans each: {}", missing.join(", "));
    assert_eq!(spans.iter().filter(asked).count(), expected);
}

#[test]
fn who_uses_io_uring_is_said_to_be_unseen() {
    if skipped() {
        return;
    }
    let mut session = Session::python("io_uring.py", &[] as &[&str]);
    let ring = session.ask("");
    if ring != "ring" {
        println!("skipped: no io_uring can be had here: {ring}");
        return;
    }
    let agent = Agent::trace_pid(session.pid());
    let messages = agent.finish().successful().messages;
    let said = messages.lines().find(|line| line.contains("io_uring")).unwrap_or_default();
    assert!(said.contains(&format!("process {}", session.pid())), "{messages}");
}
