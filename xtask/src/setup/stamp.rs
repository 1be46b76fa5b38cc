//! Remembers what was installed into a directory.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::Result;

/// A file that says which packages a directory holds.
pub(super) struct Stamp {
    file: PathBuf,
    content: String,
}

impl Stamp {
    pub(super) fn new(directory: &Path, packages: &[&str]) -> Self {
        Self { file: directory.join("onlooker-setup.txt"), content: packages.join("\n") }
    }

    /// Whether just these packages were installed.
    pub(super) fn is_there(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|content| content == self.content)
    }

    /// Says so.
    pub(super) fn set(&self) -> Result {
        fs::write(&self.file, &self.content)
            .map_err(|why| format!("{}: {why}", self.file.display()))
    }
}
