//! etcd: gRPC of real Go programs on both sides. What must be seen is what `etcdctl` was asked for
//! and printed; the methods are those of etcd's `rpc.proto`.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use onlooker_e2e::process::Streams;
use onlooker_e2e::servers::Etcd;
use onlooker_e2e::{Agent, Process, Span, Spans as _, skipped_without};
use rustix::process::Signal;

/// Runs `etcdctl` to its end; what it printed.
fn etcdctl(etcd: &Etcd, arguments: &[&str]) -> String {
    let output = etcd.client(arguments).stderr(Stdio::null()).output().expect("etcdctl");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn is_call(span: &Span, method: &str) -> bool {
    span.name == format!("etcdserverpb.{method}")
}

fn status(span: &Span) -> Option<&str> {
    span.text("rpc.response.status_code")
}

#[test]
fn etcd_calls_of_etcdctl_are_spans_at_the_server() {
    if skipped_without(&Etcd::needs()) {
        return;
    }
    let etcd = Etcd::start();
    let agent = Agent::trace_pid(etcd.pid());
    assert_eq!(etcdctl(&etcd, &["put", "fruit", "pear"]), "OK\n");
    assert_eq!(etcdctl(&etcd, &["get", "fruit"]), "fruit\npear\n");
    assert_eq!(etcdctl(&etcd, &["del", "fruit"]), "1\n");
    let granted = etcdctl(&etcd, &["lease", "grant", "600"]);
    let lease = granted.split_whitespace().nth(1).expect("a lease").to_owned();
    let mut keeping = etcd.client(&["lease", "keep-alive", "--once", &lease]);
    assert!(keeping.output().expect("etcdctl").status.success());
    assert!(etcdctl(&etcd, &["lease", "revoke", &lease]).contains("revoked"));
    // There is no such lease.
    assert_eq!(etcdctl(&etcd, &["put", "--lease=1234", "fruit", "pear"]), "");
    let calls = [
        ("KV/Put", Some("OK")),
        ("KV/Range", Some("OK")),
        ("KV/DeleteRange", Some("OK")),
        ("Lease/LeaseGrant", Some("OK")),
        ("Lease/LeaseRevoke", Some("OK")),
        ("KV/Put", Some("NOT_FOUND")),
    ];
    let is_streamed = |span: &Span| is_call(span, "Lease/LeaseKeepAlive");
    agent.wait_for("7 calls", |spans| spans.len() > calls.len());
    let spans = agent.finish().successful().spans;

    for (method, code) in calls {
        let span = spans.one(method, |span| is_call(span, method) && status(span) == code);
        // The client's fault is no error of the server.
        assert_eq!(span.status, "UNSET", "{method}");
    }
    spans.one("keep-alive", is_streamed);
    assert_eq!(spans.len(), calls.len() + 1);
    for span in &spans {
        assert!(span.is_server() && span.service == "etcd");
        assert_eq!(span.text("rpc.system.name"), Some("grpc"));
        assert_eq!(span.text("rpc.method"), Some(&*span.name));
        assert_eq!(span.int("server.port"), Some(etcd.port.into()));
    }
    assert!(!format!("{spans:?}").contains("pear"), "a value has left the machine");
}

#[test]
fn etcd_watches_last_until_their_client_ends() {
    if skipped_without(&Etcd::needs()) {
        return;
    }
    let etcd = Etcd::start();
    let agent = Agent::trace_pid(etcd.pid());
    let mut watch = Process::spawn(etcd.client(&["watch", "fruit"]), Streams::Dialogue);
    let mut events = BufReader::new(watch.take_stdout().expect("piped output")).lines();
    // What is put before the watch is there is not told: again until it is.
    let puts = {
        let (told, first) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let lines = [events.next(), events.next(), events.next()];
            let _ = told.send(lines.map(|line| line.and_then(Result::ok)));
        });
        let mut puts = 0;
        let seen = loop {
            assert_eq!(etcdctl(&etcd, &["put", "fruit", "plum"]), "OK\n");
            puts += 1;
            if let Ok(lines) = first.recv_timeout(std::time::Duration::from_millis(100)) {
                break lines;
            }
            assert!(puts < 300, "the watch tells nothing");
        };
        assert_eq!(seen.map(Option::unwrap_or_default), ["PUT", "fruit", "plum"]);
        reader.join().expect("a reader");
        puts
    };
    agent.wait_for("the puts", |spans| spans.len() >= puts);
    // Not SIGINT: who runs the tests in the background may have it ignored, and Go leaves it so.
    watch.signal(Signal::TERM);
    agent.wait_for("the watch", |spans| spans.len() > puts);
    let spans = agent.finish().successful().spans;

    assert_eq!(spans.len(), puts + 1);
    let watched = spans.one("watch", |span| is_call(span, "Watch/Watch"));
    assert!(watched.is_server());
    // The client went without an end of the call: no status was on the wire.
    assert_eq!(status(watched), None);
    assert_eq!(watched.text("error.type"), Some("connection_closed"));
    let told = spans.all(|span| is_call(span, "KV/Put"));
    assert_eq!(told.len(), puts);
    let last = told.iter().map(|span| span.end).max().expect("a put");
    assert!(watched.end > last, "it lasted until its client ended");
}

#[test]
fn etcd_and_etcdctl_share_the_call() {
    if skipped_without(&Etcd::needs()) {
        return;
    }
    let etcd = Etcd::start();
    // What it prints would be among the spans.
    let put = format!("exec etcdctl --endpoints=127.0.0.1:{} put fruit pear >/dev/null", etcd.port);
    let server = etcd.pid().to_string();
    let agent = Agent::start(["--pid", &server, "--", "sh", "-c", &put]);
    agent.wait_for("both ends", |spans| spans.len() >= 2);
    let spans = agent.finish().spans;

    let called = spans.one("client's end", |span| span.is_client() && is_call(span, "KV/Put"));
    assert_eq!(called.service, "etcdctl");
    let served = spans.one("server's end", |span| span.is_server() && is_call(span, "KV/Put"));
    assert_eq!(served.parent.as_deref(), Some(&*called.span_id));
    assert_eq!(served.evidence.as_deref(), Some("same-call"));
    assert_eq!((status(called), status(served)), (Some("OK"), Some("OK")));
}
