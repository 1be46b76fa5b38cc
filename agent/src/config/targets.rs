//! What is traced.

use onlooker_common::map::MOST_PORT_RULES;
use serde::Deserialize;

use super::ConfigError;

/// The `targets` section. A process is a target if any of the rules takes it and none excludes
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Targets {
    /// Process ids.
    pub pids: Vec<u32>,
    /// Processes that listen on these TCP ports.
    pub ports: Vec<u16>,
    /// Processes whose executable's path matches one of these globs (`*/nginx`).
    pub exes: Vec<String>,
    /// Every process.
    pub all: bool,
    /// But not those whose executable's path matches one of these globs.
    pub exclude: Vec<String>,
    /// Children of targets are targets.
    pub children: bool,
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            pids: Vec::new(),
            ports: Vec::new(),
            exes: Vec::new(),
            all: false,
            exclude: Vec::new(),
            children: true,
        }
    }
}

impl Targets {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.pids.contains(&0) {
            return Err(ConfigError::value("targets.pids", "process ids from 1"));
        }
        if self.ports.contains(&0) {
            return Err(ConfigError::value("targets.ports", "ports from 1 to 65535"));
        }
        if self.ports.len() > MOST_PORT_RULES as usize {
            return Err(ConfigError::value("targets.ports", "at most 256 ports"));
        }
        if self.exes.iter().chain(&self.exclude).any(String::is_empty) {
            return Err(ConfigError::value(
                "targets.exes and targets.exclude",
                "globs such as \"*/nginx\", not empty texts",
            ));
        }
        Ok(())
    }
}
