//! What the agent shall do: flags over environment over file over defaults, in one structure.
//!
//! A command starts from [`Config::default`] or [`Config::load`], lets
//! [`Config::apply_environment`] change it, sets what its flags say, and ends with
//! [`Config::check`].

mod capture;
mod environment;
mod error;
mod export;
mod limits;
mod otlp;
mod sampling;
mod targets;

#[cfg(test)]
mod tests;

use std::path::Path;

use serde::Deserialize;

pub use capture::Capture;
pub use error::ConfigError;
pub use export::{
    BatchSettings, Color, ConsoleSettings, Export, FileSettings, Format, ZipkinSettings,
};
pub use limits::Limits;
pub(crate) use otlp::is_http_url;
pub use otlp::{Compression, OtlpSettings, Protocol, Tls};
pub use sampling::Sampling;
pub use targets::Targets;

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is traced.
    pub targets: Targets,
    /// How much is copied out of the kernel.
    pub capture: Capture,
    /// Where spans go.
    pub export: Export,
    /// Which traces are kept.
    pub sampling: Sampling,
    /// How much a span may carry.
    pub limits: Limits,
    /// The request methods of HTTP that are told by name, if not those of the semantic conventions
    /// (`OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`).
    #[serde(skip)]
    pub known_methods: Option<Vec<Box<str>>>,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is no YAML, has keys that are not known, or values that cannot be
    /// used. The error says where and what to do.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        Self::parse(&text).map_err(|error| error.in_file(path))
    }

    /// Reads and checks the text of a file.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        // The reader can quote the faulty lines, which may hold secrets: it shall not.
        let options = serde_saphyr::options! { with_snippet: false };
        let config: Option<Self> =
            serde_saphyr::from_str_with_options(text, options).map_err(ConfigError::from_yaml)?;
        let config = config.unwrap_or_default();
        config.check()?;
        Ok(config)
    }

    /// Whether the values can be used together.
    ///
    /// # Errors
    ///
    /// Names the first key whose value cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.targets.check()?;
        self.capture.check()?;
        self.export.check()?;
        self.sampling.check()
    }

    /// Changes what the process's environment asks for (`OTEL_*`). Gives a line for each
    /// variable that was ignored because its value cannot be used.
    pub fn apply_environment(&mut self) -> Vec<String> {
        let mut reports = environment::unreadable(std::env::vars_os());
        reports.extend(self.apply_variables(|name| std::env::var(name).ok()));
        reports
    }

    /// As [`Self::apply_environment`], with variables from elsewhere.
    pub fn apply_variables(&mut self, variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
        environment::apply(self, &variable)
    }

    /// A complete file with comments: every key, at its default or with an example.
    #[must_use]
    pub const fn example() -> &'static str {
        include_str!("example.yaml")
    }
}
