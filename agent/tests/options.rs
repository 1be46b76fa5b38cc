//! Options that cannot be what was meant: each is refused with what would be right, before anything
//! is done, by whoever asks.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the agent to its end; what it says of its failure.
fn refused(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_onlooker"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the agent");
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {message}");
    assert!(!message.contains("panicked"), "{arguments:?}: {message}");
    message
}

#[test]
fn a_value_that_cannot_be_is_refused_with_what_would_be_right() {
    for (arguments, teaches) in [
        (
            &["trace", "--pid", "abc"][..],
            "a number from 1 (`ps -e` lists them; --exe takes a name)",
        ),
        (&["trace", "--pid", "0"], "a number from 1"),
        (&["doctor", "--pid", "0"], "a number from 1"),
        (&["trace", "--port", "0"], "1 to 65535"),
        (&["doctor", "--port", "70000"], "1 to 65535"),
        (&["trace", "--all", "--count", "0"], "from 1"),
        (&["trace", "--all", "--duration", "0"], "no time"),
        (&["trace", "--all", "--duration", "5 minutes"], "ms, s, m and h"),
        (&["trace", "--all", "--otlp", "ftp://collector"], "--otlp: "),
        (&["trace", "--all", "--otlp", "ftp://collector"], "a URL such as http://localhost:4318"),
        (&["trace", "--exe", "bin/shop"], "'*/name'"),
        (&["replay", "."], "Is a directory"),
    ] {
        let message = refused(arguments, &[]);
        assert!(message.contains(teaches), "{arguments:?}: {message}");
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for (arguments, named) in [
        (&["trace", "--all", "--record-limit", "1MiB"][..], "--record <FILE>"),
        (&["trace", "--all", "--record-payloads"], "--record <FILE>"),
        (&["run", "--example", "--check"], "cannot be used with"),
        (&["doctor", "--json", "--format", "text"], "cannot be used with"),
    ] {
        let message = refused(arguments, &[]);
        assert!(message.contains(named), "{arguments:?}: {message}");
    }
}

#[test]
fn a_daemon_without_a_configuration_or_without_targets_is_told_where_to_find_them() {
    let message = refused(&["run"], &[]);
    assert!(message.contains("--config") && message.contains("--example"), "{message}");
    let empty = Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty.yaml");
    std::fs::write(&empty, "").expect("a file");
    let message = refused(&["run", "--config", &empty.to_string_lossy()], &[]);
    assert!(message.contains("under targets") && message.contains("empty.yaml"), "{message}");
    assert!(!message.contains("--pid"), "run has no such option: {message}");
}

/// OpenTelemetry's specification of environment variables: what cannot be used is reported and ignored.
#[test]
fn an_endpoint_of_the_environment_that_is_no_url_is_ignored_and_reported() {
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "hunter2"), ("OTEL_TRACES_EXPORTER", "console")];
    let message = refused(&["replay", "."], &variables);
    assert!(message.contains("OTEL_EXPORTER_OTLP_ENDPOINT is ignored"), "{message}");
    assert!(message.contains("Is a directory"), "it goes on: {message}");
    assert!(!message.contains("hunter2"), "it may have been a secret: {message}");
}

#[test]
fn a_check_finds_what_the_start_would_miss() {
    let folder = std::env::temp_dir().join(format!("onlooker-check-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("onlooker.yaml");
    let path = file.to_str().expect("UTF-8");
    for (export, teaches) in [
        (
            "otlp: {endpoint: 'https://c', tls: {certificate: /nonexistent.pem}}",
            "cannot read /nonexistent.pem",
        ),
        ("file: {path: /nonexistent/spans.jsonl}", "/nonexistent/spans.jsonl: "),
        ("file: {path: /usr/lib}", "/usr/lib: is a directory"),
    ] {
        let text = format!("targets: {{all: true}}\nexport: {{{export}}}\n");
        std::fs::write(&file, text).expect("a configuration");
        let message = refused(&["run", "--check", "--config", path], &[]);
        assert!(message.contains(teaches), "{export}: {message}");
    }
    std::fs::remove_dir_all(&folder).expect("its end");
}

/// A pipe that nobody reads any more.
fn closed() -> Stdio {
    std::io::pipe().expect("a pipe").1.into()
}

/// A full disk is no closed pipe: a script that goes on must not take a part for the whole.
#[test]
fn what_could_not_be_written_is_no_success() {
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../replay/tests/data/any-vxlan.pcap");
    let replay = |arguments: &[&str], stdout: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onlooker"));
        command.args(["replay", capture]).args(arguments).stdin(Stdio::null()).stdout(stdout);
        let ended = command.output().expect("the agent");
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("/dev/full").into();
    for format in ["tree", "line", "json"] {
        let (code, told) = replay(&["--format", format], full());
        assert_eq!(code, Some(1), "{format}: {told}");
        assert!(told.contains("2 dropped (could not be written)"), "{told}");
        let (code, told) = replay(&["--format", format], closed());
        assert_eq!(code, Some(0), "{format}: {told}");
        assert!(told.contains("2 dropped (the output was closed)"), "{told}");
    }
    let (code, told) = replay(&["--format", "none", "--output", "/dev/full"], Stdio::null());
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("2 dropped (could not be written)"), "{told}");
}

#[test]
fn readers_that_went_away_are_no_reason_to_panic() {
    let agent = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onlooker"));
        command.stdin(Stdio::null());
        command
    };
    // As `onlooker run --example | head -3` does when it is slow.
    let example = agent().args(["run", "--example"]).stdout(closed()).output().expect("the agent");
    assert_eq!(example.status.code(), Some(0), "{}", String::from_utf8_lossy(&example.stderr));
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let example = agent().args(["run", "--example"]).stdout(full).output().expect("the agent");
    assert_eq!(example.status.code(), Some(1), "{}", String::from_utf8_lossy(&example.stderr));
    for arguments in [&["run"][..], &["trace", "--exe", "bin/shop"], &["replay", "."]] {
        let ended = agent().args(arguments).stderr(closed()).status().expect("the agent");
        assert_eq!(ended.code(), Some(1), "{arguments:?}");
    }
}
