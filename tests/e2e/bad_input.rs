//! What goes wrong is said, with what to do about it; where the agent can go on, it does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

use onlooker_e2e::servers::Nginx;
use onlooker_e2e::{Scratch, agent_binary, skipped};

/// Runs the agent to its end; its standard error.
fn fails(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("the agent");
    let Output { status, stdout, stderr } = output;
    let message = String::from_utf8_lossy(&stderr).into_owned();
    assert!(!status.success(), "it must not succeed: {message}");
    assert!(status.code().is_some(), "it was killed ({status}): {message}");
    assert!(!message.contains("panicked"), "{message}");
    assert!(!message.trim().is_empty(), "not a word; on its output: {stdout:?}");
    message
}

fn onlooker(arguments: &[&str]) -> Command {
    // Never longer than this: a failure that waits is a failure of its own.
    let mut command = Command::new("timeout");
    command.args(["--signal", "KILL", "20"]).arg(agent_binary()).args(arguments);
    command
}

#[test]
fn an_unknown_pid() {
    if skipped() {
        return;
    }
    // Above the kernel's limit of process ids on 64-bit machines (4,194,304).
    let message = fails(&mut onlooker(&["trace", "--pid", "4194305"]));
    assert!(message.contains("4194305"), "{message}");
}

#[test]
fn a_process_that_has_ended() {
    if skipped() {
        return;
    }
    let mut child = Command::new("true").spawn().expect("true");
    let pid = child.id().to_string();
    child.wait().expect("its end");
    let message = fails(&mut onlooker(&["trace", "--pid", &pid]));
    assert!(message.contains(&pid), "{message}");
}

#[test]
fn no_target_at_all() {
    if skipped() {
        return;
    }
    let message = fails(&mut onlooker(&["trace"]));
    assert!(message.contains("--pid"), "it must say what to give: {message}");
}

#[test]
fn a_pid_that_is_no_number() {
    if skipped() {
        return;
    }
    let message = fails(&mut onlooker(&["trace", "--pid", "nginx"]));
    assert!(message.contains("nginx"), "{message}");
}

#[test]
fn no_permission() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("");
    let scratch = Scratch::new("permission");
    let copy = scratch.join("onlooker");
    fs::copy(agent_binary(), &copy).expect("a copy that everybody can run");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("its permissions");
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--"]);
    command.args(["timeout", "--signal", "KILL", "20"]).arg(&copy);
    let message = fails(command.args(["trace", "--pid", &nginx.pid().to_string()]));
    let lower = message.to_lowercase();
    assert!(lower.contains("root") || lower.contains("cap_"), "what to do? {message}");
}

#[test]
fn a_command_that_does_not_exist() {
    if skipped() {
        return;
    }
    let message = fails(&mut onlooker(&["trace", "--", "/no/such/program"]));
    assert!(message.contains("/no/such/program"), "{message}");
}

#[test]
fn a_configuration_with_a_typo() {
    if skipped() {
        return;
    }
    let scratch = Scratch::new("config");
    let file = scratch.write("onlooker.yaml", "targetz:\n  - port: 8080\n");
    let message = fails(&mut onlooker(&["run", "--config", &file.to_string_lossy()]));
    assert!(message.contains("targetz"), "which word is wrong? {message}");
    assert!(message.contains("onlooker.yaml"), "in which file? {message}");
}

#[test]
fn a_configuration_that_is_not_there() {
    if skipped() {
        return;
    }
    let message = fails(&mut onlooker(&["run", "--config", "/no/such/onlooker.yaml"]));
    assert!(message.contains("/no/such/onlooker.yaml"), "{message}");
}

#[test]
fn an_endpoint_that_is_no_url() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("");
    let pid = nginx.pid().to_string();
    let message = fails(&mut onlooker(&["trace", "--pid", &pid, "--otlp", "collector:4317:x"]));
    assert!(message.contains("collector:4317:x"), "{message}");
}
