//! `onlooker doctor`: what this machine allows, what is missing, what that costs.

use std::process::ExitCode;

use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) fn run(_arguments: &Arguments) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
