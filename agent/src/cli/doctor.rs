//! `onlooker doctor`: what this machine allows, what is missing, what that costs; and for
//! targets, what is seen of them and what is not.

mod machine;
mod targets;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::config::Targets;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  onlooker doctor                       the machine
  onlooker doctor --pid 4242            and one process, watched for some seconds
  onlooker doctor --port 8080 --json    for scripts")]
pub(super) struct Arguments {
    /// Look at a process too; may be repeated
    #[arg(short, long, value_name = "PID")]
    pid: Vec<u32>,
    /// Look at the processes that listen on a TCP port too; may be repeated
    #[arg(long, value_name = "PORT")]
    port: Vec<u16>,
    /// Look at the processes whose executable's path matches a glob too; may be repeated
    #[arg(long, value_name = "GLOB")]
    exe: Vec<String>,
    /// How long to watch them
    #[arg(long, value_name = "TIME", value_parser = super::duration, default_value = "3s")]
    duration: Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    Good,
    /// Works, but something is lost.
    Less,
    /// Nothing works without it.
    Bad,
}

/// One line of the report.
#[derive(Debug)]
struct Finding {
    grade: Grade,
    what: String,
    /// What it means, and what to do.
    meaning: String,
}

impl Finding {
    fn new(grade: Grade, what: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { grade, what: what.into(), meaning: meaning.into() }
    }

    fn mark(&self) -> &'static str {
        match self.grade {
            Grade::Good => "ok",
            Grade::Less => "less",
            Grade::Bad => "BAD",
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let machine = machine::examine();
    let chosen = Targets {
        pids: arguments.pid.clone(),
        ports: arguments.port.clone(),
        exes: arguments.exe.clone(),
        ..Targets::default()
    };
    let works = machine.iter().all(|finding| finding.grade != Grade::Bad);
    let watched = if chosen == Targets::default() {
        Vec::new()
    } else if works {
        if !arguments.json {
            eprintln!("onlooker: watching the targets for {:?}", arguments.duration);
        }
        targets::watch(&chosen, arguments.duration)?
    } else {
        anyhow::bail!("the targets cannot be watched: mend what is BAD first:\n{}", text(&machine));
    };
    if arguments.json {
        let processes: Vec<_> = watched.iter().map(targets::Watched::to_json).collect();
        let report = json!({ "machine": as_json(&machine), "targets": processes });
        println!("{report:#}");
    } else {
        print!("{}", text(&machine));
        for watched in &watched {
            print!("\n{}\n{}", watched.title(), text(&watched.findings));
        }
        if !works {
            println!("\nOnlooker cannot work here before what is BAD is mended.");
        }
    }
    Ok(if works { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let what = crate::sink::escape(&finding.what);
        text.push_str(&format!("  {:<5} {what}", finding.mark()));
        if !finding.meaning.is_empty() {
            text.push_str(&format!(": {}", crate::sink::escape(&finding.meaning)));
        }
        text.push('\n');
    }
    text
}

fn as_json(findings: &[Finding]) -> Vec<Value> {
    findings
        .iter()
        .map(|finding| {
            let Finding { what, meaning, .. } = finding;
            json!({ "grade": finding.mark(), "what": what, "meaning": meaning })
        })
        .collect()
}
