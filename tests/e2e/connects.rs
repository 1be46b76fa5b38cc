//! Connects that come to nothing: there is no span to tell of them, so they are counted and told.

use std::fs;
use std::process::Command;

use onlooker_e2e::http::Connection;
use onlooker_e2e::process::command;
use onlooker_e2e::services::python_service;
use onlooker_e2e::{Agent, Scratch, agent_binary, free_port, python, skipped, workload};

/// The workload's arguments, and what is to be said of its connects.
fn workload_of(place: &Scratch) -> (Vec<String>, Vec<String>) {
    let (closed, full) = (free_port(), free_port());
    let at = place.join("");
    let directory = at.to_str().expect("UTF-8").trim_end_matches('/');
    let script = workload("connects.py");
    let command = [
        python().to_str().expect("UTF-8").to_owned(),
        script.to_str().expect("UTF-8").to_owned(),
        closed.to_string(),
        full.to_string(),
        directory.to_owned(),
    ];
    // How often, whom, and the texts of glibc's strerror.
    let expected = [
        (3, format!("127.0.0.1:{closed} (Connection refused)")),
        (2, format!("[::1]:{closed} (Connection refused)")),
        (1, format!("{directory}/missing (No such file or directory)")),
        (1, format!("{directory}/left (Connection refused)")),
        (1, format!("@{directory}/abstract (Connection refused)")),
        (1, format!("127.0.0.1:{full} (closed before there was an answer)")),
        (1, format!("127.0.0.1:{full} (Connection timed out)")),
        (1, format!("127.0.0.1:{closed} (Network is unreachable)")),
    ];
    let expected = expected.map(|(n, what)| format!("    {n} of connects to {what}"));
    (command.to_vec(), expected.to_vec())
}

/// Asks a service that answers nothing, as whom it asks is not there.
fn ask_in_vain(port: u16) {
    let mut connection = Connection::to(port);
    connection.send("GET / HTTP/1.1\r\nHost: hop\r\n\r\n");
    assert!(connection.try_response(true).is_err());
}

fn told(messages: &str) -> Vec<&str> {
    let lines = messages.lines().skip_while(|line| !line.contains("connects that failed"));
    let mut told: Vec<_> = lines.skip(1).take_while(|line| line.starts_with("    ")).collect();
    told.sort_unstable();
    told
}

#[test]
fn connects_that_fail_are_counted_by_peer_and_reason() {
    if skipped() {
        return;
    }
    let place = Scratch::new("connects");
    let (command, mut expected) = workload_of(&place);
    let finished = Agent::trace(std::iter::once("--".to_owned()).chain(command)).collect();
    let finished = finished.successful();
    expected.sort_unstable();
    assert_eq!(told(&finished.messages), expected, "{}", finished.messages);
    assert!(finished.spans.is_empty(), "{:?}", finished.spans);
}

/// A recording has them, and a replay tells them.
#[test]
fn a_replay_tells_of_connects_that_failed() {
    if skipped() {
        return;
    }
    let place = Scratch::new("connects-replayed");
    let (program, mut expected) = workload_of(&place);
    let events = place.join("events");
    let file = events.to_str().expect("UTF-8").to_owned();
    let arguments = ["--record".to_owned(), file, "--".to_owned()];
    let live = Agent::trace(arguments.into_iter().chain(program)).collect().successful();
    expected.sort_unstable();
    assert_eq!(told(&live.messages), expected, "{}", live.messages);
    let replayed = command(agent_binary()).arg("replay").arg(&events).output().expect("the agent");
    let messages = String::from_utf8_lossy(&replayed.stderr).into_owned();
    assert_eq!(told(&messages), expected, "{messages}");
}

/// Who runs the daemon does not wait for its closing summary.
#[test]
fn the_daemon_tells_while_it_runs() {
    if skipped() {
        return;
    }
    let closed = free_port();
    let hop = python_service("hop.py", &[&format!("127.0.0.1:{closed}")]);
    let place = Scratch::new("connects-daemon");
    let config = place.join("onlooker.yaml");
    let text =
        format!("targets:\n  pids: [{}]\nexport:\n  console:\n    format: json\n", hop.pid());
    fs::write(&config, text).expect("a file");
    let mut daemon: Command = command(agent_binary());
    daemon.arg("run").arg("--config").arg(&config);
    let agent = Agent::spawn(daemon);
    agent.wait_until_ready();
    ask_in_vain(hop.port);
    let line = format!("    1 of hop to 127.0.0.1:{closed} (Connection refused)");
    agent.wait_for_message("the failure", |messages| messages.contains(&line));
    let _ = agent.finish();
}

#[test]
fn doctor_tells_what_a_target_cannot_reach() {
    if skipped() {
        return;
    }
    let closed = free_port();
    let hop = python_service("hop.py", &[&format!("127.0.0.1:{closed}")]);
    let mut doctor = command(agent_binary());
    doctor.args(["doctor", "--duration", "2s", "--pid", &hop.pid().to_string()]);
    let looking = std::thread::spawn(move || doctor.output().expect("the agent"));
    // It does not say when it begins to look.
    while !looking.is_finished() {
        ask_in_vain(hop.port);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let report = looking.join().expect("its report");
    let text = String::from_utf8_lossy(&report.stdout).into_owned();
    let line = text
        .lines()
        .find(|line| line.contains("cannot connect"))
        .unwrap_or_else(|| panic!("{text}"));
    assert!(line.starts_with("  less"), "{line}");
    assert!(line.contains(&format!("127.0.0.1:{closed}: ")), "{line}");
    assert!(line.ends_with("Connection refused"), "{line}");
}
