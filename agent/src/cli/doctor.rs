//! `onlooker doctor`: what this machine allows, what is missing, what that costs; and for
//! targets, what is seen of them and what is not; and whether configured collectors answer.

mod collectors;
mod machine;
mod targets;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::output::settings;
use super::say::{print, say};
use crate::config::Targets;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  onlooker doctor                       the machine
  onlooker doctor --pid 4242            and one process, watched for some seconds
  onlooker doctor --otlp http://localhost:4318
                                        and whether a collector answers
  onlooker doctor --port 8080 --format json
                                        for scripts

Collectors are those of --otlp, of the OTEL_* variables and of --config; none gets a span. It fails
if anything is BAD.")]
pub(super) struct Arguments {
    /// Look at a process too; may be repeated
    #[arg(short, long, value_name = "PID", value_parser = super::values::pid)]
    pid: Vec<u32>,
    /// Look at the processes that listen on a TCP port too; may be repeated
    #[arg(long, value_name = "PORT", value_parser = super::values::port)]
    port: Vec<u16>,
    /// Look at the processes whose executable matches a glob too: its path, or its name if the glob has no slash; may be repeated
    #[arg(long, value_name = "GLOB")]
    exe: Vec<String>,
    /// How long to watch them
    #[arg(long, value_name = "TIME", value_parser = super::values::duration, default_value = "3s")]
    duration: Duration,
    /// Ask this collector for an answer (OTLP; the OTEL_EXPORTER_OTLP_* variables are obeyed)
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// Ask the collectors of a configuration file for an answer
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to print: lines for people, or JSON
    #[arg(short, long, value_enum, default_value = "text")]
    format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// How a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    let config = settings(arguments.config.as_deref(), arguments.otlp.as_deref())?;
    config.check()?;
    let json = arguments.json || arguments.format == Format::Json;
    let machine = machine::examine();
    let collectors = collectors::ask(&config)?;
    let chosen = Targets {
        pids: arguments.pid.clone(),
        ports: arguments.port.clone(),
        exes: arguments.exe.clone(),
        ..Targets::default()
    };
    let works = is_good(&machine);
    let watched = if chosen == Targets::default() {
        Vec::new()
    } else if works {
        if !json {
            say(format_args!("onlooker: watching the targets for {:?}", arguments.duration));
        }
        targets::watch(&chosen, arguments.duration)?
    } else if json {
        Vec::new()
    } else {
        anyhow::bail!("the targets cannot be watched: mend what is BAD first:\n{}", text(&machine));
    };
    let missing = targets::missing(&chosen)?;
    let delivers = is_good(&collectors);
    let report = if json {
        let processes: Vec<_> = watched.iter().map(targets::Watched::to_json).collect();
        let report = json!({
            "machine": as_json(&machine),
            "collectors": as_json(&collectors),
            "targets": processes,
            "missing": as_json(&missing),
        });
        format!("{report:#}\n")
    } else {
        let mut report = text(&machine);
        if !collectors.is_empty() {
            report.push_str(&format!("\ncollectors\n{}", text(&collectors)));
        }
        for watched in &watched {
            report.push_str(&format!("\n{}\n{}", watched.title(), text(&watched.findings)));
        }
        if !missing.is_empty() {
            report.push_str(&format!("\nno process\n{}", text(&missing)));
        }
        if !works {
            report.push_str("\nOnlooker cannot work here before what is BAD is mended.\n");
        } else if !delivers {
            report
                .push_str("\nA collector does not answer: spans would be lost on the way to it.\n");
        }
        report
    };
    print(&report)?;
    Ok(if works && delivers { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_good(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.grade != Grade::Bad)
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
