//! `onlooker run`: the daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::live::{Limits, Live};
use super::tape::RecordArguments;
use crate::config::Config;
use crate::process::Selector;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(long, value_name = "FILE", required_unless_present = "example")]
    config: Option<PathBuf>,
    /// Check the configuration and end
    #[arg(long)]
    check: bool,
    /// Print an example of a configuration file, with comments
    #[arg(long)]
    example: bool,
    #[command(flatten)]
    record: RecordArguments,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.example {
        print!("{}", Config::example());
        return Ok(ExitCode::SUCCESS);
    }
    let mut config = match &arguments.config {
        Some(path) => Config::load(path)?,
        None => Config::default(),
    };
    for warning in config.apply_environment() {
        eprintln!("onlooker: {warning}");
    }
    config.check()?;
    let selector = Selector::new(&config.targets, false)?;
    if !config.export.is_on() {
        anyhow::bail!(
            "the configuration exports to nowhere: set export.otlp, export.file or export.console"
        );
    }
    if arguments.check {
        eprintln!("onlooker: the configuration is good");
        return Ok(ExitCode::SUCCESS);
    }
    let mut live = Live::prepare(&config, selector)?;
    live.record(&arguments.record)?;
    live.attach()?;
    eprintln!("onlooker: tracing");
    live.tell_news();
    live.run(Limits::default(), |_| false);
    let summary = live.finish(|summary| eprintln!("{summary}"));
    Ok(if summary.recording_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
