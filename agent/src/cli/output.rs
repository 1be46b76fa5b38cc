//! The flags that say where spans go, which several commands share.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::say::say;
use crate::config::{Color, Config, ConsoleSettings, FileSettings, Format};

#[derive(Debug, Args)]
pub(super) struct OutputArguments {
    /// How to show spans: each trace as a tree, one span a line, one JSON object a span
    /// [default: tree]
    #[arg(short, long, value_enum)]
    format: Option<Shown>,
    /// When to use colours [default: auto]
    #[arg(long, value_enum)]
    color: Option<Colored>,
    /// Export to a collector as well (OTLP; the OTEL_EXPORTER_OTLP_* variables are obeyed)
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// Write OTLP JSON lines to a file as well
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Settings from a file; flags go before them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Shown {
    Tree,
    Line,
    Json,
    None,
}

impl Shown {
    fn format(self) -> Option<Format> {
        match self {
            Self::Tree => Some(Format::Tree),
            Self::Line => Some(Format::Line),
            Self::Json => Some(Format::Json),
            Self::None => None,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Colored {
    Auto,
    Always,
    Never,
}

impl OutputArguments {
    /// The settings of the file, the environment and these flags, the last first; spans are shown
    /// as `otherwise` if none of them says how, and not at all if that is [`Shown::None`].
    pub(super) fn config(&self, otherwise: Shown) -> anyhow::Result<Config> {
        let mut config = settings(self.config.as_deref(), self.otlp.as_deref())?;
        let configured = config.export.console;
        let format = match (self.format, configured, otherwise) {
            (None, Some(console), Shown::Tree | Shown::Line | Shown::Json) => Some(console.format),
            (flag, ..) => flag.unwrap_or(otherwise).format(),
        };
        let color = match self.color {
            Some(Colored::Auto) => Color::Auto,
            Some(Colored::Always) => Color::Always,
            Some(Colored::Never) => Color::Never,
            None => configured.unwrap_or_default().color,
        };
        config.export.console = format.map(|format| ConsoleSettings { format, color });
        if let Some(path) = &self.output {
            config.export.file = Some(FileSettings::to(path));
        }
        Ok(config)
    }
}

/// The settings of a file and of the environment, with the collector of a flag, the last first.
pub(super) fn settings(file: Option<&Path>, otlp: Option<&str>) -> anyhow::Result<Config> {
    let mut config = match file {
        Some(path) => Config::load(path)?,
        None => Config::default(),
    };
    for warning in config.apply_environment() {
        say(format_args!("onlooker: {warning}"));
    }
    config.check()?;
    if let Some(url) = otlp {
        config.export.otlp.set_url(url);
        config.check().context("--otlp")?;
    }
    Ok(config)
}

/// The threads of the exporters.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("export")
        .enable_all()
        .build()
        .context("cannot start the export threads")
}
