//! What `--exclude` keeps out, whatever rule would take it.

use onlooker_e2e::http::get;
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::services::python_service;
use onlooker_e2e::{Agent, Span, Spans as _, skipped};

const ANSWERS: &str = "location / { return 200 ok; }";

/// The excluded service runs before the agent, and forks a process for each connection.
#[test]
fn a_running_service_and_its_children_among_all() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start(ANSWERS);
    let next = format!("127.0.0.1:{}", nginx.port);
    let service = python_service("hop.py", &[&next, "fork"]);
    let agent = Agent::trace(["--all", "--exclude", "*/python3*"]);
    let path = format!("/excluded/{}", agent.pid());
    (0..3).for_each(|_| _ = get(service.port, &path));
    agent.wait_for("the requests at nginx", |spans| at_nginx(spans, &path) == 3);
    let spans = agent.finish().successful().spans;
    let of_service = spans.all(|span| span.service == "hop");
    assert!(of_service.is_empty(), "{} of the excluded service", of_service.len());
}

/// It was started by one that is traced, so it was a target until it executed.
#[test]
fn a_program_that_a_traced_command_starts() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start(ANSWERS);
    let url = format!("http://127.0.0.1:{}/by/curl", nginx.port);
    let pid = nginx.pid().to_string();
    let script = format!("curl -s -o /dev/null {url}; true");
    let agent = Agent::start(["--pid", &pid, "--exclude", "curl", "--", "sh", "-c", &script]);
    agent.wait_for("the request at nginx", |spans| at_nginx(spans, "/by/curl") == 1);
    let spans = agent.finish().successful().spans;
    assert_eq!(spans.all(Span::is_client).len(), 0);
}

#[test]
fn who_is_chosen_by_port_or_id() {
    if skipped() {
        return;
    }
    let traced = Nginx::start(ANSWERS);
    let excluded = python_service("hop.py", &["-"]);
    let arguments = [
        ["--pid", &traced.pid().to_string()],
        ["--pid", &excluded.pid().to_string()],
        ["--port", &excluded.port.to_string()],
        ["--exclude", "python3*"],
    ];
    let agent = Agent::trace(arguments.as_flattened());
    get(excluded.port, "/of/python");
    get(traced.port, "/of/nginx");
    agent.wait_for("the request at nginx", |spans| at_nginx(spans, "/of/nginx") == 1);
    let finished = agent.finish().successful();
    assert_eq!(finished.spans.len(), 1);
    let told = format!("process {} is excluded", excluded.pid());
    assert!(finished.messages.contains(&told), "{}", finished.messages);
}

fn at_nginx(spans: &[Span], path: &str) -> usize {
    spans.all(|span| span.service == "nginx" && span.path() == Some(path)).len()
}
