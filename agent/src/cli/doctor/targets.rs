//! Targets, watched for a while: what is spoken on their connections, and what is not seen.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use onlooker_common::counter::Counter;
use onlooker_pipeline::connection::{Connection, Taken};
use serde_json::{Value, json};

use super::super::failures::reason;
use super::super::live::{Limits, Live};
use super::{Finding, Grade, as_json};
use crate::config::{Config, Targets};
use crate::process::{Selector, has_io_uring, is_32_bit};
use crate::words::counted;

/// Libraries whose plaintext is not read: connections through them stay encrypted to us.
const TLS_LIBRARIES: &[&str] = &["libssl", "libgnutls", "libnss3", "boringssl"];

/// A process that was watched.
#[derive(Debug)]
pub(super) struct Watched {
    pid: u32,
    service: String,
    pub(super) findings: Vec<Finding>,
}

impl Watched {
    pub(super) fn title(&self) -> String {
        format!("process {} ({})", self.pid, crate::sink::escape(&self.service))
    }

    pub(super) fn to_json(&self) -> Value {
        let Self { pid, service, findings } = self;
        json!({ "pid": pid, "service": service, "findings": as_json(findings) })
    }
}

/// Watches the chosen processes.
pub(super) fn watch(chosen: &Targets, duration: Duration) -> anyhow::Result<Vec<Watched>> {
    let mut config = Config { targets: chosen.clone(), ..Config::default() };
    config.export.console = None;
    let selector = Selector::new(chosen, false)?;
    let mut live = Live::prepare(&config, selector)?;
    live.attach()?;
    live.run(Limits { duration: Some(duration), ..Limits::default() }, |_| false);
    let mut pids: Vec<_> = live.target_ids().collect();
    pids.sort_unstable();
    let watched = pids.into_iter().map(|pid| report(&mut live, pid)).collect();
    drop(live);
    Ok(watched)
}

/// What was chosen and is no process at this moment.
pub(super) fn missing(chosen: &Targets) -> anyhow::Result<Vec<Finding>> {
    let mut missing = Vec::new();
    let mut look = |choice: Targets, what: String, meaning: &str| -> anyhow::Result<()> {
        if Selector::new(&choice, false)?.running().is_empty() {
            missing.push(Finding::new(Grade::Less, what, meaning));
        }
        Ok(())
    };
    for &port in &chosen.ports {
        let choice = Targets { ports: vec![port], ..Targets::default() };
        look(
            choice,
            format!("port {port}"),
            "nobody listens there by TCP: `ss -ltnp` lists who does",
        )?;
    }
    for exe in &chosen.exes {
        let choice = Targets { exes: vec![exe.clone()], ..Targets::default() };
        let meaning = "no process that runs has such an executable: `ls -l /proc/*/exe` lists them";
        look(choice, exe.clone(), meaning)?;
    }
    Ok(missing)
}

fn report(live: &mut Live, pid: u32) -> Watched {
    let service = live.service(pid);
    let mut spoken: BTreeMap<(Grade, String), (u64, u64)> = BTreeMap::new();
    for connection in live.connections().filter(|it| it.endpoint.process == pid) {
        let entry = spoken.entry(taken(connection)).or_default();
        entry.0 += 1;
        entry.1 += connection.exchanges;
    }
    let mut findings: Vec<_> = spoken
        .into_iter()
        .map(|((grade, what), (connections, exchanges))| {
            Finding::new(
                grade,
                what,
                format!(
                    "{}, {}",
                    counted(connections, "open connection(s)"),
                    counted(exchanges, "exchange(s)")
                ),
            )
        })
        .collect();
    let failures = live.failures().of_service(&service).map(|(failed, n)| {
        let times = if n == 1 { "once".to_owned() } else { format!("{n} times") };
        Finding::new(
            Grade::Less,
            format!("cannot connect to {}", failed.peer),
            format!("{times}: {}", reason(failed.error)),
        )
    });
    findings.extend(failures);
    if findings.is_empty() {
        findings.push(Finding::new(
            Grade::Less,
            "no traffic",
            "nothing passed on an open connection while it was watched: send it a request, or \
             watch longer (--duration 30s)",
        ));
    }
    let skipped = live.kernel()[Counter::SkippedRuns as usize];
    if skipped > 0 {
        findings.push(Finding::new(
            Grade::Less,
            "looks skipped",
            format!(
                "the kernel left out {skipped} while this was watched (of all targets), as programs \
                 would have interrupted themselves"
            ),
        ));
    }
    findings.extend(blind_spots(pid));
    Watched { pid, service, findings }
}

fn taken(connection: &Connection) -> (Grade, String) {
    match connection.conversation.taken() {
        Taken::For(name, _) => (Grade::Good, name.to_owned()),
        Taken::Undecided => (Grade::Less, "not decided yet".to_owned()),
        Taken::Opaque("tls") => (Grade::Less, "not read: encrypted (TLS)".to_owned()),
        Taken::Opaque(why) => (Grade::Less, format!("not read: {why}")),
    }
}

/// What the process uses that is not captured.
fn blind_spots(pid: u32) -> Vec<Finding> {
    let mut findings = Vec::new();
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let library = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .filter_map(|path| Path::new(path).file_name()?.to_str())
        .find(|name| TLS_LIBRARIES.iter().any(|library| name.starts_with(library)));
    if let Some(library) = library {
        findings.push(Finding::new(
            Grade::Less,
            format!("uses {library}"),
            "connections that it encrypts are seen as connections, not as requests",
        ));
    }
    if is_32_bit(pid) {
        findings.push(Finding::new(
            Grade::Less,
            "is a 32-bit program",
            "such programs have system calls of their own, which are not seen",
        ));
    }
    if has_io_uring(pid) {
        findings.push(Finding::new(
            Grade::Less,
            "uses io_uring",
            "what it reads and sends that way passes no socket call and is not seen",
        ));
    }
    findings
}
