//! `onlooker doctor`: it says what is there, what is not and what to do, and its exit status says
//! whether Onlooker works here.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use onlooker_e2e::http::Connection;
use onlooker_e2e::process::command;
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::{Receiver, Scratch, agent_binary, free_port, skipped};
use serde_json::Value;

/// Where the kernel's types are, and where tracefs is mounted.
const BTF: &str = "/sys/kernel/btf";
const TRACEFS: &str = "/sys/kernel/tracing";
/// User and group; the group's name differs between distributions.
const NOBODY: &str = "65534";

/// What a run came to.
struct Said {
    text: String,
    error: String,
    code: Option<i32>,
}

impl Said {
    fn new(output: Output) -> Self {
        Self {
            text: String::from_utf8_lossy(&output.stdout).into_owned(),
            error: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why}: {}", self.text))
    }

    /// The line of the report about something.
    fn line(&self, what: &str) -> &str {
        self.text
            .lines()
            .find(|line| line.get(8..).is_some_and(|rest| rest.starts_with(what)))
            .unwrap_or_else(|| panic!("nothing about {what}: {}", self.text))
    }
}

fn doctor(arguments: &[&str]) -> Command {
    let mut doctor = command(agent_binary());
    doctor.arg("doctor").args(arguments);
    doctor
}

/// The agent at that path, by a user without any privilege.
fn as_nobody(agent: &Path, arguments: &[&str]) -> Command {
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]);
    nobody.arg(agent).args(arguments);
    nobody
}

fn said(mut command: Command) -> Said {
    Said::new(command.output().expect("the agent"))
}

/// Runs the agent where `prepare` has changed what is mounted, for it alone, by the command that it
/// has `set`, if any.
fn said_where(prepare: &str, arguments: &str) -> Said {
    let mut shell = command("unshare");
    let agent = agent_binary();
    shell
        .args(["--mount", "--propagation", "private", "sh", "-ec"])
        .arg(format!("{prepare}; exec \"$@\" {} {arguments}", agent.display()));
    said(shell)
}

/// `(grade, what, meaning)`.
fn findings(list: &Value) -> Vec<(&str, &str, &str)> {
    fn text<'a>(finding: &'a Value, key: &str) -> &'a str {
        finding[key].as_str().unwrap_or_else(|| panic!("no {key}: {finding}"))
    }
    let read = |it| (text(it, "grade"), text(it, "what"), text(it, "meaning"));
    list.as_array().expect("a list").iter().map(read).collect()
}

#[test]
fn doctor_says_what_the_machine_allows() {
    if skipped() {
        return;
    }
    let plain = said(doctor(&[]));
    assert_eq!(plain.code, Some(0), "{}{}", plain.text, plain.error);
    assert!(!plain.text.contains("BAD"), "{}", plain.text);
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    plain.line(&format!("kernel {}", release.trim()));

    let json = said(doctor(&["--format", "json"]));
    assert_eq!(json.code, Some(0));
    let report = json.json();
    assert_eq!(report, said(doctor(&["--json"])).json());
    let machine = findings(&report["machine"]);
    assert_eq!(machine.len(), plain.text.lines().count());
    for (grade, what, _) in machine {
        assert!(plain.line(what).starts_with(&format!("  {grade}")), "{what}");
    }
    assert_eq!(report["targets"], Value::Array(Vec::new()));
    assert_eq!(report["collectors"], Value::Array(Vec::new()));
}

#[test]
fn doctor_sees_what_a_live_nginx_speaks() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start_with("", "", 1);
    let mut connection = Connection::to(nginx.port);
    let master = nginx.pid();
    let looking = thread::spawn(move || {
        let pid = master.to_string();
        said(doctor(&["--pid", &pid, "--duration", "3s", "--format", "json"]))
    });
    let mut asked = 0;
    while !looking.is_finished() {
        assert_eq!(connection.get("/").status, 200);
        asked += 1;
        // A client as there are many, not a flood in which the agent would lose some.
        thread::sleep(Duration::from_millis(5));
    }
    let looked = looking.join().expect("the agent");
    assert_eq!(looked.code, Some(0), "{}", looked.error);
    let report = looked.json();
    let targets = report["targets"].as_array().expect("a list");
    // The master, which serves nobody, and its worker.
    assert_eq!(targets.len(), 2, "{report:#}");
    for target in targets {
        assert_eq!(target["service"], "nginx");
        let findings = findings(&target["findings"]);
        let spoken = findings.iter().find(|(grade, what, _)| (*grade, *what) == ("ok", "http/1"));
        if target["pid"] == master {
            assert!(
                findings.iter().any(|(grade, what, _)| (*grade, *what) == ("less", "no traffic"))
            );
            assert_eq!(spoken, None);
            continue;
        }
        let (_, _, meaning) = spoken.unwrap_or_else(|| panic!("no HTTP: {findings:?}"));
        let counts: Vec<u64> = meaning.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [connections, exchanges] = counts[..] else { panic!("{meaning}") };
        assert_eq!(connections, 1);
        assert!((1..=asked).contains(&exchanges), "{exchanges} of {asked}");
    }
}

#[test]
fn doctor_names_the_port_and_the_executable_that_nobody_has() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start_with("", "", 1);
    let (used, free) = (nginx.port.to_string(), free_port().to_string());
    let looked = said(doctor(&[
        "--port",
        &used,
        "--port",
        &free,
        "--exe",
        "/nonexistent/server",
        "--duration",
        "100ms",
        "--json",
    ]));
    let report = looked.json();
    let missing = findings(&report["missing"]);
    let named: Vec<_> = missing.iter().map(|(grade, what, _)| (*grade, *what)).collect();
    let port = format!("port {free}");
    assert_eq!(named, [("less", &*port), ("less", "/nonexistent/server")], "{report:#}");
    let targets = report["targets"].as_array().expect("a list");
    assert!(!targets.is_empty(), "{report:#}");
}

#[test]
fn doctor_refuses_a_process_that_does_not_exist() {
    if skipped() {
        return;
    }
    let mut ended = Command::new("true").spawn().expect("a process");
    let pid = ended.id().to_string();
    ended.wait().expect("its end");
    let said = said(doctor(&["--pid", &pid]));
    assert_eq!(said.code, Some(1));
    assert!(said.error.contains(&format!("there is no process {pid}")), "{}", said.error);
    assert_eq!(said.text, "");
}

#[test]
fn doctor_tells_an_ordinary_user_what_is_missing() {
    if skipped() {
        return;
    }
    // Where the agent is may not be for everybody to enter.
    let open = Scratch::new("doctor");
    let agent = open.join("onlooker");
    std::fs::copy(agent_binary(), &agent).expect("a copy");
    let report = said(as_nobody(&agent, &["doctor"]));
    assert_eq!(report.code, Some(1));
    let privileges = report.line("privileges");
    for what in ["BAD", "CAP_BPF", "CAP_PERFMON", "run as root"] {
        assert!(privileges.contains(what), "{privileges}");
    }
    assert!(report.line("tracefs").contains("may not read"), "{}", report.text);
    assert!(report.text.contains("cannot work here before"), "{}", report.text);

    // With a target it is the same, and nothing is watched.
    let pid = std::process::id().to_string();
    let report = said(as_nobody(&agent, &["doctor", "--pid", &pid]));
    assert_eq!((report.code, &*report.text), (Some(1), ""));
    assert!(report.error.contains("CAP_BPF"), "{}", report.error);
    // A program that asks gets its report all the same.
    let report = said(as_nobody(&agent, &["doctor", "--format", "json", "--pid", &pid]));
    let found: serde_json::Value = serde_json::from_str(&report.text).expect("JSON");
    assert_eq!((report.code, &found["targets"]), (Some(1), &serde_json::json!([])));
    assert!(found["machine"].to_string().contains("CAP_BPF"), "{}", report.text);
    let refused = said(as_nobody(&agent, &["trace", "--all"]));
    assert_eq!((refused.code, &*refused.text), (Some(1), ""));
    assert!(refused.error.contains("run as root"), "{}", refused.error);
}

/// With a /proc of its own, as containers have, its processes' status shows no other numbers.
#[test]
fn doctor_tells_of_a_pid_namespace_of_its_own() {
    if skipped() {
        return;
    }
    let mut shell = command("unshare");
    shell.args(["--pid", "--fork", "--mount-proc"]).arg(agent_binary()).arg("doctor");
    let report = said(shell);
    assert_eq!(report.code, Some(1));
    let namespace = report.line("pid namespace");
    assert!(namespace.contains("BAD") && namespace.contains("--pid=host"), "{namespace}");
    // Who traces there is told as well.
    let mut shell = command("unshare");
    shell.args(["--pid", "--fork", "--mount-proc"]).arg(agent_binary());
    shell.args(["trace", "--all", "--duration", "100ms"]);
    let traced = said(shell);
    assert!(traced.error.contains("hostPID"), "{}", traced.error);
}

#[test]
fn doctor_says_what_to_do_without_type_information() {
    if skipped() {
        return;
    }
    let hide = format!("mount -t tmpfs none {BTF}");
    let report = said_where(&hide, "doctor");
    assert_eq!(report.code, Some(1));
    let types = report.line("kernel type information");
    for what in ["BAD", "/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF"] {
        assert!(types.contains(what), "{types}");
    }
    let traced = said_where(&hide, "trace --all");
    assert_eq!((traced.code, &*traced.text), (Some(1), ""));
    assert!(traced.error.contains("CONFIG_DEBUG_INFO_BTF"), "{}", traced.error);
}

#[test]
fn doctor_and_the_agent_do_without_tracefs_or_say_how_to_mount_it() {
    if skipped() {
        return;
    }
    // Whatever is mounted there or on debugfs is under a directory with nothing in it.
    let hide = format!("mount -t tmpfs none {TRACEFS}; mount -t tmpfs none /sys/kernel/debug");
    let report = said_where(&hide, "doctor");
    assert_eq!(report.code, Some(0), "{}", report.text);
    assert!(report.line("tracefs").contains("mounts it when it starts"), "{}", report.text);
    // Attached, all the same.
    report.line("sched_process_exec");

    // Who may load programs and may not mount.
    let unable = format!("{hide}; set -- setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin");
    let report = said_where(&unable, "doctor");
    assert_eq!(report.code, Some(1));
    let attaching = report.line("attaching");
    assert!(attaching.contains("mount -t tracefs nodev /sys/kernel/tracing"), "{attaching}");
    let traced = said_where(&unable, "trace --all");
    assert_eq!((traced.code, &*traced.text), (Some(1), ""));
    assert!(traced.error.contains("mount -t tracefs"), "{}", traced.error);
}

#[test]
fn doctor_asks_the_configured_collectors() {
    if skipped() {
        return;
    }
    let receiver = Receiver::start();
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let http = url(receiver.http_port);
    let answered = said(doctor(&["--otlp", &http]));
    assert_eq!(answered.code, Some(0), "{}", answered.text);
    let line = answered.line("otlp");
    assert!(line.starts_with("  ok") && line.contains(&http), "{line}");

    // The environment chooses gRPC.
    let mut by_environment = doctor(&["--format", "json"]);
    by_environment
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", url(receiver.grpc_port))
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let answered = said(by_environment);
    assert_eq!(answered.code, Some(0), "{}", answered.text);
    let report = answered.json();
    let [("ok", what, _)] = findings(&report["collectors"])[..] else { panic!("{report:#}") };
    assert!(what.contains("grpc") && what.contains(&receiver.grpc_port.to_string()), "{what}");
    assert!(receiver.spans().is_empty(), "it is asked without a span");

    // Of two in a file the one that answers is told from the other, and the flag goes before.
    let directory = Scratch::new("doctor");
    let nobody = free_port();
    let file = directory.write(
        "onlooker.yaml",
        format!(
            "export:\n  otlp:\n    enabled: true\n    endpoint: {}\n  zipkin:\n    endpoint: {}\n",
            url(nobody),
            url(nobody) + "/api/v2/spans"
        ),
    );
    let file = file.to_string_lossy();
    let answered = said(doctor(&["--config", &file, "--otlp", &http]));
    assert_eq!(answered.code, Some(1));
    assert!(answered.line("otlp").starts_with("  ok"), "{}", answered.text);
    let zipkin = answered.line("zipkin");
    assert!(zipkin.starts_with("  BAD") && zipkin.contains("refused"), "{zipkin}");
    let refused = said(doctor(&["--config", &file]));
    assert!(refused.line("otlp").contains("refused"), "{}", refused.text);
    assert!(refused.text.contains("spans would be lost"), "{}", refused.text);
}

#[test]
fn doctor_knows_what_is_no_collector() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("");
    let answered = said(doctor(&["--otlp", &format!("http://127.0.0.1:{}", nginx.port)]));
    assert_eq!(answered.code, Some(1));
    let line = answered.line("otlp");
    assert!(line.starts_with("  BAD") && line.contains("40"), "{line}");

    // It accepts connections, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = silent.local_addr().expect("an address").port();
    let mut waiting = doctor(&["--format", "json", "--otlp"]);
    waiting.arg(format!("http://user:secret@127.0.0.1:{port}"));
    waiting.env("OTEL_EXPORTER_OTLP_TIMEOUT", "300");
    let waited = said(waiting);
    assert_eq!(waited.code, Some(1), "{}", waited.error);
    let report = waited.json();
    let [("BAD", what, _)] = findings(&report["collectors"])[..] else { panic!("{report:#}") };
    assert!(!what.contains("secret"), "{what}");

    let wrong = said(doctor(&["--otlp", "localhost"]));
    assert_eq!((wrong.code, &*wrong.text), (Some(1), ""));
    assert!(wrong.error.contains("http://"), "{}", wrong.error);
}

#[test]
fn doctor_bears_a_reader_that_has_gone() {
    if skipped() {
        return;
    }
    let mut shell = command("sh");
    // `true` reads nothing; what doctor says of it is on standard error.
    shell.args(["-c", "(\"$1\" doctor; echo \"status $?\" >&2) | true", "sh"]).arg(agent_binary());
    let gone = said(shell);
    assert_eq!(gone.error, "status 0\n");
}
