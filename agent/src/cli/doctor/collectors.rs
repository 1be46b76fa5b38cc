//! The configured collectors: whether they answer.

use anyhow::Context as _;

use super::{Finding, Grade};
use crate::config::Config;
use crate::sink::Sinks;

/// One finding for each; none if none is configured. None gets a span.
pub(super) fn ask(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot ask the collectors")?;
    let answers = runtime.block_on(Sinks::check_collectors(config))?;
    Ok(answers
        .into_iter()
        .map(|(name, answer)| match answer {
            Ok(()) => Finding::new(Grade::Good, name, "answers"),
            Err(why) => Finding::new(Grade::Bad, name, format!("does not answer as one: {why}")),
        })
        .collect())
}
