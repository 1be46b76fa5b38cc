//! Which processes are traced: by id, port, executable, all, or started by the agent.

use std::process::Command;

use onlooker_e2e::http::{Connection, get};
use onlooker_e2e::process::{Process, Streams};
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::services::{gunicorn, python_service};
use onlooker_e2e::{Agent, Session, Span, Spans as _, free_port, python, skipped, workload};
use rustix::process::Signal;

fn has(spans: &[Span], path: &str) -> bool {
    spans.iter().any(|span| span.is_server() && span.path() == Some(path))
}

#[test]
fn a_port_selects_whoever_listens_on_it() {
    if skipped() {
        return;
    }
    let wanted = Nginx::start("location / { return 200 ok; }");
    let other = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace(["--port", &wanted.port.to_string()]);
    get(other.port, "/other");
    get(wanted.port, "/wanted");
    agent.wait_for("the span", |spans| has(spans, "/wanted"));
    let spans = agent.finish().successful().spans;
    assert_eq!(spans.len(), 1, "nobody asked for the other one: {spans:#?}");
}

#[test]
fn a_service_that_starts_later_on_the_port_is_traced() {
    if skipped() {
        return;
    }
    // Python binds late, long after exec: there is no telling at exec.
    let port = free_port();
    let agent = Agent::trace(["--port", &port.to_string()]);
    let mut service = onlooker_e2e::Process::start(
        python(),
        [workload("hop.py").into_os_string(), port.to_string().into(), "-".into()],
    );
    onlooker_e2e::wait_for_tcp(&mut service, port);
    get(port, "/first/of/the/port");
    agent.wait_for("its first request", |spans| has(spans, "/first/of/the/port"));
    let _ = agent.finish().successful();
}

/// The rest of the machine are its children.
#[test]
fn who_listens_for_others_is_not_chosen_by_its_port() {
    if skipped() {
        return;
    }
    let [port, later, other, another] = std::array::from_fn(|_| free_port());
    let start = |port: u16, other| {
        let arguments = [port, other].map(|port| port.to_string().into());
        let mut holder = onlooker_e2e::Process::start(
            python(),
            std::iter::once(workload("socket_holder.py").into_os_string()).chain(arguments),
        );
        onlooker_e2e::wait_for_tcp(&mut holder, other);
        holder
    };
    let _holder = start(port, other);
    let agent = Agent::trace([port, later].map(|port| format!("--port={port}")));
    get(other, "/other");
    get(port, "/wanted");
    agent.wait_for("the span", |spans| has(spans, "/wanted"));
    // One that listens later is not chosen either, and nor is what it starts.
    let _later = start(later, another);
    get(another, "/other");
    get(later, "/of/a/service/that/did/not/listen");
    let spans = agent.finish().successful().spans;
    assert_eq!(spans.len(), 1, "{spans:#?}");
}

#[test]
fn the_first_request_of_a_new_process_is_traced() {
    if skipped() {
        return;
    }
    let agent = Agent::trace(["--exe", "*/nginx"]);
    for round in 0..5 {
        let nginx = Nginx::start("location / { return 200 ok; }");
        let path = format!("/first/request/{}/{round}", agent.pid());
        get(nginx.port, &path);
        agent.wait_for("the first request", |spans| has(spans, &path));
    }
    let _ = agent.finish().successful();
}

#[test]
fn all_means_all_but_the_agent() {
    if skipped() {
        return;
    }
    let agent = Agent::trace(["--all"]);
    let nginx = Nginx::start("location / { return 200 ok; }");
    let service = python_service("hop.py", &[&format!("127.0.0.1:{}", nginx.port)]);
    let path = format!("/all/{}", agent.pid());
    get(service.port, &path);
    agent.wait_for("three spans", |spans| {
        spans.iter().filter(|span| span.path() == Some(&path)).count() >= 3
    });
    let own = i64::from(agent.pid());
    let spans = agent.finish().successful().spans;
    let call = spans.one("Python's call", |span| {
        // This test's own process is traced as well.
        span.is_client() && span.path() == Some(&path) && span.service == "hop"
    });
    assert_eq!(spans.parent_of(call).and_then(Span::path), Some(path.as_str()));
    assert!(spans.iter().all(|span| span.pid() != Some(own)), "the agent has traced itself");
}

#[test]
fn a_command_is_started_and_traced() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let url = format!("http://127.0.0.1:{}/from/curl", nginx.port);
    let agent = Agent::start(["--", "curl", "-s", "-o", "/dev/null", &url]);
    agent.wait_for("its request", |spans| !spans.is_empty());
    let spans = agent.finish().spans;
    let span = spans.one("request", Span::is_client);
    assert_eq!(span.path(), Some("/from/curl"));
    assert_eq!(span.text("url.full"), Some(url.as_str()));
    assert_eq!(span.service, "curl");
    assert_eq!(span.int("server.port"), Some(nginx.port.into()));
    assert_eq!(span.int("http.response.status_code"), Some(200));
}

/// A shell forks, and its child executes at once.
#[test]
fn the_programs_that_a_command_starts_are_traced() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let asks = |path| format!("curl -s -o /dev/null http://127.0.0.1:{}{path}", nginx.port);
    let script = format!("{}; {}; true", asks("/first"), asks("/second"));
    let agent = Agent::start(["--", "sh", "-c", &script]);
    agent.wait_for("both requests", |spans| spans.len() == 2);
    let spans = agent.finish().spans;
    let paths: Vec<_> = spans.iter().filter_map(Span::path).collect();
    assert_eq!(paths, ["/first", "/second"]);
}

/// By what it executes it is no target, which its port makes it afterwards.
#[test]
fn a_service_that_no_glob_takes_is_traced_for_its_port() {
    if skipped() {
        return;
    }
    let port = free_port();
    let agent = Agent::trace(["--port", &port.to_string(), "--exe", "/no/such/program"]);
    let mut service = onlooker_e2e::Process::start(
        python(),
        [workload("hop.py").into_os_string(), port.to_string().into(), "-".into()],
    );
    onlooker_e2e::wait_for_tcp(&mut service, port);
    get(port, "/for/its/port");
    agent.wait_for("the request", |spans| has(spans, "/for/its/port"));
    let finished = agent.finish().successful();
    assert!(finished.messages.contains("tracing no process yet"), "{}", finished.messages);
}

#[test]
fn a_started_server_is_traced_with_its_children() {
    if skipped() {
        return;
    }
    let port = free_port();
    let bind = format!("127.0.0.1:{port}");
    let nginx = Nginx::start("location / { return 200 ok; }");
    // The agent hands its environment on.
    let mut command = onlooker_e2e::process::command(onlooker_e2e::agent_binary());
    command
        .args(["trace", "--format", "json", "--"])
        .arg(python())
        .args(["-m", "gunicorn", "--workers", "2", "--bind", &bind, "--chdir"])
        .arg(workload(""))
        .arg("hop_wsgi:app")
        .env("NEXT", format!("127.0.0.1:{}", nginx.port));
    let agent = Agent::spawn(command);
    onlooker_e2e::wait_for_port(port);
    for number in 0..10 {
        assert_eq!(get(port, &format!("/child/{number}")).status, 200);
    }
    agent.wait_for("10 requests", |spans| {
        spans.iter().filter(|span| span.is_server()).count() >= 10
    });
    let spans = agent.finish().spans;
    for number in 0..10 {
        let path = format!("/child/{number}");
        spans.one("request", |span| span.is_server() && span.path() == Some(&path));
    }
}

#[test]
fn children_that_come_later_are_traced() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let next = format!("127.0.0.1:{}", nginx.port);
    // A worker is replaced after each request.
    let service =
        gunicorn("hop_wsgi", &["--workers", "1", "--max-requests", "1"], &[("NEXT", &next)]);
    let agent = Agent::trace_pid(service.pid());
    for number in 0..5 {
        assert_eq!(get(service.port, &format!("/worker/{number}")).status, 200);
    }
    agent.wait_for("5 requests, each with its call", |spans| spans.len() >= 10);
    let spans = agent.finish().successful().spans;
    assert_eq!(spans.len(), 10);
    for number in 0..5 {
        let path = format!("/worker/{number}");
        let call = spans.one("call", |span| span.is_client() && span.path() == Some(&path));
        assert_eq!(spans.parent_of(call).and_then(Span::path), Some(path.as_str()));
    }
}

#[test]
fn several_targets_at_once() {
    if skipped() {
        return;
    }
    let one = Nginx::start("location / { return 200 ok; }");
    let two = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace(["--pid", &one.pid().to_string(), "--port", &two.port.to_string()]);
    get(one.port, "/one");
    get(two.port, "/two");
    agent.wait_for("both", |spans| has(spans, "/one") && has(spans, "/two"));
    assert_eq!(agent.finish().successful().spans.len(), 2);
}

#[test]
fn the_name_comes_from_the_environment_first() {
    if skipped() {
        return;
    }
    let port = free_port();
    let mut command = onlooker_e2e::process::command(python());
    command
        .arg(workload("hop.py"))
        .args([&port.to_string(), "-"])
        .env("OTEL_SERVICE_NAME", "orders")
        .env(
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=ignored,deployment.environment.name=te%20st",
        );
    let service = onlooker_e2e::services::Service::start(command, port);
    let agent = Agent::trace_pid(service.pid());
    Connection::to(port).get("/named");
    agent.wait_for("the span", |spans| !spans.is_empty());
    let spans = agent.finish().successful().spans;
    let span = spans.one("request", Span::is_server);
    assert_eq!(span.service, "orders");
    let resource = |key: &str| span.resource.get(key).and_then(|value| value.as_str());
    assert_eq!(resource("service.name"), Some("orders"));
    assert_eq!(resource("deployment.environment.name"), Some("te st"));
    assert_eq!(span.pid(), Some(service.pid().into()));
}

#[test]
fn short_lived_clients_are_not_missed() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace(["--exe", "*/curl"]);
    let run = format!("http://127.0.0.1:{}/short/{}", nginx.port, agent.pid());
    for number in 0..10 {
        let status = Command::new("curl")
            .args(["-s", "-o", "/dev/null", &format!("{run}/{number}")])
            .status()
            .expect("curl");
        assert!(status.success());
    }
    let own = |span: &&Span| span.text("url.full").is_some_and(|url| url.starts_with(&run));
    agent.wait_for("10 requests", |spans| spans.iter().filter(own).count() >= 10);
    let _ = agent.finish().successful();
}

/// What reading the kernel's types takes at the start is given back before the ring buffer comes.
#[test]
fn the_start_takes_little_memory() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace_pid(nginx.pid());
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 44 * 1024, "{peak} KiB, of which the ring buffer is 16 MiB");
    assert!(agent.finish().successful().spans.is_empty());
}

/// By its executable it is no target, which the agent says only after its threads have used sockets.
#[test]
fn nothing_is_remembered_of_threads_that_were_no_targets_after_all() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace(["--exe", "*/nginx"]);
    get(nginx.port, "/before");
    agent.wait_for("the first span", |spans| has(spans, "/before"));
    let Some(before) = memory_of_tasks(agent.pid()) else {
        println!("skipped: the kernel does not tell what its tables take (before 6.4)");
        return;
    };
    agent.signal(Signal::STOP);
    let mut used = Command::new(python());
    used.arg(workload("idle_threads.py")).arg("200");
    let mut threads = Process::spawn(used, Streams::Errors);
    threads.wait_for_log("ready");
    let meanwhile = memory_of_tasks(agent.pid()).expect("the same table");
    assert!(meanwhile > before, "its threads were not noted");
    agent.signal(Signal::CONT);
    get(nginx.port, "/behind");
    // What the kernel told before is dealt with by then.
    agent.wait_for("the second span", |spans| has(spans, "/behind"));
    threads.end();
    // Other tests start a few programs meanwhile.
    let behind = memory_of_tasks(agent.pid()).expect("the same table");
    assert!(behind < before.midpoint(meanwhile), "{before}, {meanwhile}, {behind} bytes");
    let _ = agent.finish().successful();
}

/// The kernel gives it the id of the first, whose end it tells.
#[test]
fn nothing_is_remembered_of_threads_that_executed_a_program() {
    if skipped() {
        return;
    }
    let mut session = Session::python("exec_threads.py", &[] as &[&str]);
    let agent = Agent::trace_pid(session.pid());
    assert_eq!(session.ask("0"), "done");
    let Some(before) = memory_of_tasks(agent.pid()) else {
        println!("skipped: the kernel does not tell what its tables take (before 6.4)");
        return;
    };
    assert_eq!(session.ask("30"), "done");
    assert_eq!(memory_of_tasks(agent.pid()), Some(before), "bytes for one thread");
    let _ = agent.finish().successful();
}

/// What the table of threads takes, in bytes (`memlock` of `/proc/PID/fdinfo`, which counts the entries of
/// tables that are not allocated beforehand): the one with keys of four bytes and 65,536 places.
fn memory_of_tasks(agent: u32) -> Option<u64> {
    let files = std::fs::read_dir(format!("/proc/{agent}/fdinfo")).expect("procfs");
    files.flatten().find_map(|file| {
        let text = std::fs::read_to_string(file.path()).ok()?;
        let value = |key: &str| -> Option<u64> {
            text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
        };
        let is_it = value("map_type:") == Some(1)
            && value("key_size:") == Some(4)
            && value("max_entries:") == Some(65_536);
        is_it.then(|| value("memlock:")).flatten()
    })
}
