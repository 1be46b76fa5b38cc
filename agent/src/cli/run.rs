//! `onlooker run`: the daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::live::{Limits, Live};
use super::say::{print, say};
use super::tape::RecordArguments;
use crate::config::Config;
use crate::process::{Selector, SelectorError};
use crate::sink::Sinks;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  onlooker run --example > onlooker.yaml          a file to begin with
  onlooker run --check --config onlooker.yaml     whether it is good
  onlooker run --config onlooker.yaml

What is seen, dropped and not understood is told on standard error while it runs, and at its end.")]
pub(super) struct Arguments {
    /// The configuration file: what is traced, and where spans go
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check the configuration and end
    #[arg(long)]
    check: bool,
    /// Print an example of a configuration file, with comments
    #[arg(long, conflicts_with_all = ["config", "check", "record"])]
    example: bool,
    #[command(flatten)]
    record: RecordArguments,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.example {
        print(Config::example())?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(path) = &arguments.config else {
        anyhow::bail!(
            "no configuration: name it with --config; `onlooker run --example` prints one"
        );
    };
    let mut config = Config::load(path)?;
    for warning in config.apply_environment() {
        say(format_args!("onlooker: {warning}"));
    }
    config.check()?;
    let selector = Selector::new(&config.targets, false).map_err(|error| match error {
        SelectorError::Nothing => anyhow::anyhow!(
            "nothing to trace: {} chooses none; set pids, ports, exes or all under targets",
            path.display()
        ),
        error => error.into(),
    })?;
    if !config.export.is_on() {
        anyhow::bail!(
            "the configuration exports to nowhere: set export.otlp, export.zipkin, export.file or \
             export.console"
        );
    }
    if arguments.check {
        Sinks::check(&config)?;
        say("onlooker: the configuration is good");
        return Ok(ExitCode::SUCCESS);
    }
    let mut live = Live::prepare(&config, selector)?;
    live.record(&arguments.record)?;
    live.attach()?;
    say("onlooker: tracing");
    live.tell_news();
    let outlives_output = config.export.leaves_the_terminal();
    let mut shows = true;
    live.run(Limits { outlives_output, ..Limits::default() }, |live| {
        if live.output_closed() && std::mem::take(&mut shows) {
            say(
                "onlooker: warning: standard output is gone: spans are exported, and shown no more",
            );
        }
        false
    });
    let summary = live.finish(|summary| say(summary));
    Ok(if summary.recording_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
