//! `onlooker trace`: watch processes, show their traces.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::live::{Limits, Live};
use super::output::{OutputArguments, Shown};
use super::say::say;
use super::tape::RecordArguments;
use crate::config::Config;
use crate::process::Selector;
use crate::words::counted;

/// Several choices of targets add up.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  onlooker trace --pid 4242                 a service that is running
  onlooker trace --port 8080                whoever listens on a port, now or later
  onlooker trace --exe '*/nginx'            every nginx, now or later
  onlooker trace --all --format line        everything, one span a line
  onlooker trace -- ./server --flag         start a program and trace it
  onlooker trace --pid 4242 --otlp http://localhost:4318 --format json --count 100
  onlooker trace --pid 4242 --record bug.events    an event file for a bug report, payloads masked")]
pub(super) struct Arguments {
    /// Trace a running process, with its threads and children; may be repeated
    #[arg(short, long, value_name = "PID", value_parser = super::values::pid)]
    pid: Vec<u32>,
    /// Trace the processes that listen on a TCP port, now or later; may be repeated (what systemd starts on demand with its own socket is found by --exe)
    #[arg(long, value_name = "PORT", value_parser = super::values::port)]
    port: Vec<u16>,
    /// Trace the processes whose executable matches a glob, now or later: its path, or its name if the glob has no slash; may be repeated
    #[arg(long, value_name = "GLOB")]
    exe: Vec<String>,
    /// Trace every process
    #[arg(long)]
    all: bool,
    /// Do not trace processes whose executable matches a glob (as --exe); may be repeated
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Do not trace the children of targets
    #[arg(long)]
    no_children: bool,
    #[command(flatten)]
    output: OutputArguments,
    #[command(flatten)]
    record: RecordArguments,
    /// End after this time (500ms, 30s, 5m, 1h)
    #[arg(long, value_name = "TIME", value_parser = super::values::duration)]
    duration: Option<Duration>,
    /// End after this many spans
    #[arg(long, value_name = "SPANS", value_parser = super::values::count)]
    count: Option<u64>,
    /// Do not print the closing summary
    #[arg(short, long)]
    quiet: bool,
    /// Start a program and trace it; the trace ends with it, if nothing else is traced
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let config = config(&arguments)?;
    let selector = Selector::new(&config.targets, !arguments.command.is_empty())?;
    let others_can_come = selector.watches_programs() || !selector.ports().is_empty();
    if !config.export.leaves_the_terminal() && config.export.console.is_some() {
        say("onlooker: no collector is configured; spans are shown here only (see --otlp)");
    }
    let mut live = Live::prepare(&config, selector)?;
    live.record(&arguments.record)?;
    let child = match arguments.command.split_first() {
        None => None,
        Some((program, rest)) => Some(Held::start(program, rest)?),
    };
    if let Some(child) = &child {
        live.add(child.pid())?;
    }
    live.attach()?;
    say(format_args!("onlooker: {}; Ctrl-C ends", opening(live.targets())));
    if let Some(child) = &child {
        child.release()?;
    }
    let limits =
        Limits { duration: arguments.duration, spans: arguments.count, outlives_output: false };
    let command = !arguments.command.is_empty();
    let mut watches = live.targets() > 0 && !command && !others_can_come;
    live.run(limits, |live| {
        let over = live.targets() == 0;
        if over && std::mem::take(&mut watches) {
            say("onlooker: all processes that were traced have ended; Ctrl-C ends");
        }
        command && over
    });
    let status = child.map(|child| child.end(live.targets() == 0));
    let summary = live.finish(|summary| {
        if !arguments.quiet {
            say(summary);
        }
    });
    if summary.recording_failed() || summary.write_failed() {
        return Ok(ExitCode::FAILURE);
    }
    Ok(match status {
        Some(Some(code)) if code != 0 => ExitCode::from(code),
        _ => ExitCode::SUCCESS,
    })
}

/// What is traced from the start. That it is nothing may be meant, or a wrong name.
fn opening(targets: usize) -> String {
    if targets > 0 {
        return format!("tracing {}", counted(targets as u64, "process(es)"));
    }
    "tracing no process yet: none that runs was chosen; one that starts later is traced from its first \
     request"
        .to_owned()
}

fn config(arguments: &Arguments) -> anyhow::Result<Config> {
    let mut config = arguments.output.config(Shown::Tree)?;
    let targets = &mut config.targets;
    targets.pids.extend(&arguments.pid);
    targets.ports.extend(&arguments.port);
    targets.exes.extend(arguments.exe.iter().cloned());
    targets.exclude.extend(arguments.exclude.iter().cloned());
    targets.all |= arguments.all;
    targets.children &= !arguments.no_children;
    config.check()?;
    Ok(config)
}

/// A program that is started, but executes only when the hooks are in place: a shell that stops
/// itself and then becomes the program, so that the process id is known before.
struct Held {
    child: std::process::Child,
}

impl Held {
    fn start(program: &str, arguments: &[String]) -> anyhow::Result<Self> {
        let path = find(program)
            .with_context(|| format!("there is no program {program:?} in PATH or at that path"))?;
        let child = Command::new("/bin/sh")
            .args(["-c", "kill -STOP $$ && exec \"$@\"", "onlooker"])
            .arg(path)
            .args(arguments)
            .spawn()
            .context("cannot start /bin/sh, which is to start the program")?;
        let held = Self { child };
        waitpid(Some(held.process()), WaitOptions::UNTRACED)
            .context("the program could not be held before its start")?;
        Ok(held)
    }

    fn process(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn release(&self) -> anyhow::Result<()> {
        kill_process(self.process(), Signal::CONT).context("the program could not be started")
    }

    /// Waits for the program's end, or ends it when the tracing ended first. Its exit status.
    fn end(mut self, ended: bool) -> Option<u8> {
        if !ended {
            // It may have ended in this moment.
            let _ = kill_process(self.process(), Signal::TERM);
        }
        self.child.wait().ok()?.code().map(|code| code as u8)
    }
}

fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        let path = PathBuf::from(program);
        return path.is_file().then_some(path);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}
