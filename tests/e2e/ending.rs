//! How a trace ends: by signal, by time, by count; always with everything printed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::time::Instant;

use onlooker_e2e::http::{Connection, get};
use onlooker_e2e::process::{Streams, command};
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::{Agent, PATIENCE, Process, Span, Spans as _, agent_binary, skipped};
use rustix::process::Signal;
use serde_json::Value;

#[test]
fn sigint_flushes() {
    signal_flushes(Signal::INT);
}

#[test]
fn sigterm_flushes() {
    signal_flushes(Signal::TERM);
}

/// The terminal was closed, or a log rotation means well.
#[test]
fn sighup_flushes() {
    signal_flushes(Signal::HUP);
}

#[test]
fn under_nohup_sighup_is_ignored() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let mut nohup = command("nohup");
    nohup.arg(agent_binary());
    nohup.args(["trace", "--format", "json", "--pid", &nginx.pid().to_string()]);
    let agent = Agent::spawn(nohup);
    agent.wait_until_ready();
    agent.signal(Signal::HUP);
    assert_eq!(get(nginx.port, "/later").status, 200);
    agent.wait_for("the span", |spans| !spans.is_empty());
    assert_eq!(agent.finish().successful().spans.len(), 1);
}

/// Every request that was answered before the signal is printed.
fn signal_flushes(signal: Signal) {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    // The tests themselves may run under nohup.
    let mut agent = command("env");
    agent.arg("--default-signal=HUP").arg(agent_binary());
    agent.args(["trace", "--format", "json", "--pid", &nginx.pid().to_string()]);
    let agent = Agent::spawn(agent);
    agent.wait_until_ready();
    let mut connection = Connection::to(nginx.port);
    for number in 0..500 {
        assert_eq!(connection.get(&format!("/{number}")).status, 200);
    }
    agent.signal(signal);
    let finished = agent.collect().successful();
    assert_eq!(finished.spans.len(), 500);
    assert!(finished.messages.contains("500"), "no summary: {}", finished.messages);
}

/// As timeout(1) does it: to the program, and then to the group that it is in.
#[test]
fn a_signal_that_comes_twice_flushes_too() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace_pid(nginx.pid());
    assert_eq!(get(nginx.port, "/once").status, 200);
    for _ in 0..10 {
        agent.signal(Signal::INT);
        std::thread::yield_now();
    }
    let finished = agent.collect().successful();
    assert_eq!(finished.spans.len(), 1, "{}", finished.messages);
}

/// As the log of a daemon that is gone, or `2>&1 | head -1`.
#[test]
fn nobody_to_tell_is_no_reason_to_fail() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let mut command = command(agent_binary());
    command.args(["trace", "--format", "json", "--pid", &nginx.pid().to_string()]);
    let mut agent = Process::spawn(command, Streams::Output);
    let mut messages = BufReader::new(agent.take_stderr().expect("piped error"));
    let mut message = String::new();
    while !message.contains("onlooker: tracing") {
        message.clear();
        assert!(messages.read_line(&mut message).expect("a message") > 0, "it ended");
    }
    drop(messages);
    assert_eq!(get(nginx.port, "/unheard").status, 200);
    agent.signal(Signal::INT);
    let mut spans = String::new();
    agent.take_stdout().expect("piped output").read_to_string(&mut spans).expect("spans");
    assert_eq!(agent.wait(PATIENCE).and_then(|status| status.code()), Some(0));
    assert_eq!(spans.lines().count(), 1, "{spans}");
}

#[test]
fn a_full_disk_under_its_output_is_a_failure() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let mut command = command("/bin/sh");
    command.args(["-c", "exec \"$@\" >/dev/full", "sh"]).arg(agent_binary());
    command.args(["trace", "--format", "json", "--pid", &nginx.pid().to_string()]);
    let mut agent = Process::spawn(command, Streams::Output);
    let mut messages = BufReader::new(agent.take_stderr().expect("piped error"));
    let mut told = String::new();
    while !told.contains("onlooker: tracing") {
        assert!(messages.read_line(&mut told).expect("a message") > 0, "{told}");
    }
    // It ends by itself: who watches sees nothing any more.
    assert_eq!(get(nginx.port, "/unwritten").status, 200);
    messages.read_to_string(&mut told).expect("its messages");
    assert_eq!(agent.wait(PATIENCE).and_then(|status| status.code()), Some(1), "{told}");
    assert!(told.contains("1 dropped (could not be written)"), "{told}");
}

#[test]
fn a_daemon_that_exports_outlives_its_standard_output() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let spans = nginx.directory().path().join("spans.jsonl");
    let config = nginx.directory().path().join("onlooker.yaml");
    let text = format!(
        "targets: {{pids: [{}]}}\nexport: {{console: {{format: line}}, file: {{path: {spans:?}}}}}\n",
        nginx.pid()
    );
    std::fs::write(&config, text).expect("a configuration");
    let mut command = command(agent_binary());
    command.args(["run", "--config"]).arg(&config);
    let mut agent = Process::spawn(command, Streams::Output);
    drop(agent.take_stdout());
    let mut messages = BufReader::new(agent.take_stderr().expect("piped error"));
    let mut wait_for = |text: &str| {
        let mut message = String::new();
        while !message.contains(text) {
            message.clear();
            assert!(messages.read_line(&mut message).expect("a message") > 0, "no {text:?}");
        }
    };
    wait_for("onlooker: tracing");
    assert_eq!(get(nginx.port, "/first").status, 200);
    wait_for("standard output is gone");
    assert_eq!(get(nginx.port, "/second").status, 200);
    agent.signal(Signal::INT);
    wait_for("2 spans from 2 exchanges");
    assert_eq!(agent.wait(PATIENCE).and_then(|status| status.code()), Some(0));
    let written = std::fs::read_to_string(&spans).expect("the file");
    assert!(written.contains("/first") && written.contains("/second"), "{written}");
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

/// A service that hangs is what a trace is often made for: what it hangs in is shown, and not as an error.
#[test]
fn what_is_open_at_the_end_says_so() {
    if skipped() {
        return;
    }
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = upstream.local_addr().expect("its address");
    let nginx = Nginx::start(&format!(
        "location / {{ return 200 ok; }} location /hangs {{ proxy_pass http://{address}; }}"
    ));
    let agent = Agent::trace_pid(nginx.pid());
    get(nginx.port, "/over");
    let mut connection = Connection::to(nginx.port);
    connection.send("GET /hangs HTTP/1.1\r\nHost: a\r\n\r\n");
    let (mut asked, _) = upstream.accept().expect("nginx asks its upstream");
    let _ = asked.read(&mut [0; 1_000]).expect("a request");
    let since = Instant::now();
    agent.wait_for("the request that is over", |spans| !spans.is_empty());
    let open_for = since.elapsed().as_nanos() as u64;
    let finished = agent.finish().successful();

    let spans = finished.spans;
    assert_eq!(spans.len(), 3, "{spans:#?}");
    let is_open = |span: &Span| span.attributes.get("onlooker.open").and_then(Value::as_bool);
    for kind in ["SERVER", "CLIENT"] {
        let span = spans.one(kind, |span| span.kind == kind && span.path() == Some("/hangs"));
        assert_eq!(is_open(span), Some(true));
        assert_eq!((&*span.status, span.text("error.type")), ("UNSET", None));
        assert_eq!(span.int("http.response.status_code"), None);
        assert!(span.end - span.start >= open_for, "{span:?} was open for {open_for} ns");
    }
    assert_eq!(is_open(spans.one("over", |span| span.path() == Some("/over"))), None);
    assert!(finished.messages.contains("still open: 2 spans"), "{}", finished.messages);
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
    agent.wait_for_message("that nothing can come", |messages| messages.contains("have ended"));
    let finished = agent.finish().successful();
    assert_eq!(finished.spans.len(), 1);
}
