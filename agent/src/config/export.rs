//! Where spans go.

use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::ConfigError;
use super::otlp::{OtlpSettings, is_http_url};

/// What stands for "no limit" where a timeout of 0 means that.
pub(super) const UNLIMITED: Duration = Duration::from_secs(24 * 3600);

/// The `export` section. What is `None` is off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Export {
    /// A collector, by OTLP.
    pub otlp: OtlpSettings,
    /// Standard output.
    #[serde(deserialize_with = "section")]
    pub console: Option<ConsoleSettings>,
    /// OTLP JSON lines in files.
    #[serde(deserialize_with = "file")]
    pub file: Option<FileSettings>,
    /// A Zipkin server.
    #[serde(deserialize_with = "section")]
    pub zipkin: Option<ZipkinSettings>,
    /// Queues and batches of all sinks.
    pub batch: BatchSettings,
}

impl Export {
    /// Whether spans go anywhere.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.leaves_the_terminal() || self.console.is_some()
    }

    /// Whether spans go anywhere but to the console.
    #[must_use]
    pub fn leaves_the_terminal(&self) -> bool {
        self.otlp.enabled || self.file.is_some() || self.zipkin.is_some()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.otlp.check()?;
        self.batch.check()?;
        if let Some(file) = &self.file {
            file.check()?;
        }
        if let Some(zipkin) = &self.zipkin
            && !is_http_url(&zipkin.endpoint)
        {
            let (key, example) = ("export.zipkin.endpoint", "http://localhost:9411/api/v2/spans");
            return Err(ConfigError::no_url(key, example, &zipkin.endpoint));
        }
        Ok(())
    }
}

/// How the console shows spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsoleSettings {
    /// The form.
    pub format: Format,
    /// Colours.
    pub color: Color,
}

/// `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Each finished trace as a tree.
    #[default]
    Tree,
    /// One span a line.
    Line,
    /// One JSON object a span, one a line.
    Json,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A file that rotates: `spans.jsonl`, then `spans.jsonl.1` (the latest before it), and so on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    /// Where to write. Older files get a number after it.
    pub path: PathBuf,
    /// The size that a file does not exceed, unless one line does.
    #[serde(default = "FileSettings::default_max_bytes")]
    pub max_bytes: u64,
    /// How many older files are kept.
    #[serde(default = "FileSettings::default_keep")]
    pub keep: u32,
}

impl FileSettings {
    /// Settings for a path, else at their defaults.
    #[must_use]
    pub fn to(path: impl Into<PathBuf>) -> Self {
        let (max_bytes, keep) = (Self::default_max_bytes(), Self::default_keep());
        Self { path: path.into(), max_bytes, keep }
    }

    const fn default_max_bytes() -> u64 {
        100 * 1024 * 1024
    }

    const fn default_keep() -> u32 {
        5
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.path.file_name().is_none() {
            return Err(ConfigError::value("export.file.path", "the path of a file"));
        }
        if self.max_bytes == 0 {
            return Err(ConfigError::value("export.file.max_bytes", "a number from 1"));
        }
        if self.keep > 1000 {
            return Err(ConfigError::value("export.file.keep", "a number up to 1000"));
        }
        Ok(())
    }
}

/// A Zipkin server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZipkinSettings {
    /// The URL that spans are posted to (`OTEL_EXPORTER_ZIPKIN_ENDPOINT`).
    pub endpoint: String,
    /// The time one request may take (`OTEL_EXPORTER_ZIPKIN_TIMEOUT`).
    #[serde(rename = "timeout_ms", deserialize_with = "timeout")]
    pub timeout: Duration,
}

impl Default for ZipkinSettings {
    fn default() -> Self {
        Self {
            endpoint: "http://localhost:9411/api/v2/spans".to_owned(),
            timeout: Duration::from_secs(10),
        }
    }
}

/// Queues and batches (`OTEL_BSP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchSettings {
    /// The longest time that a span waits for others (`OTEL_BSP_SCHEDULE_DELAY`).
    #[serde(rename = "delay_ms", deserialize_with = "milliseconds")]
    pub delay: Duration,
    /// The time that one request may take, if that is less than the exporter's own timeout
    /// (`OTEL_BSP_EXPORT_TIMEOUT`).
    #[serde(rename = "timeout_ms", deserialize_with = "timeout")]
    pub timeout: Duration,
    /// Spans that each sink's queue holds (`OTEL_BSP_MAX_QUEUE_SIZE`). The specification's 2048
    /// is meant for one process; an agent collects for a whole machine and must outlast a slow
    /// answer at 20,000 spans a second.
    pub queue: usize,
    /// Spans of a request (`OTEL_BSP_MAX_EXPORT_BATCH_SIZE`).
    pub size: usize,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            queue: 16_384,
            size: 512,
        }
    }
}

impl BatchSettings {
    fn check(&self) -> Result<(), ConfigError> {
        if self.queue == 0 || self.queue > 1_000_000 {
            return Err(ConfigError::value("export.batch.queue", "a number from 1 to 1000000"));
        }
        if self.size == 0 {
            return Err(ConfigError::value("export.batch.size", "a number from 1"));
        }
        Ok(())
    }
}

/// A section that is there, if only by its name.
fn section<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(from).map(|section: Option<T>| Some(section.unwrap_or_default()))
}

/// The same of one that cannot do without keys.
fn file<'de, D: Deserializer<'de>>(from: D) -> Result<Option<FileSettings>, D::Error> {
    let section = Option::deserialize(from)?;
    section.map(Some).ok_or_else(|| D::Error::missing_field("path"))
}

/// A timeout as a whole number of milliseconds, where 0 is none ("Environment Variable
/// Specification": a value of 0 is no limit).
pub(super) fn timeout<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let timeout = milliseconds(from)?;
    Ok(if timeout.is_zero() { UNLIMITED } else { timeout })
}

/// A duration as a whole number of milliseconds.
fn milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u32::deserialize(from).map(|number| Duration::from_millis(number.into()))
}
