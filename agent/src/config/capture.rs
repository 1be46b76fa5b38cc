//! How much is copied out of the kernel.

use serde::Deserialize;

use super::ConfigError;

/// The `capture` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capture {
    /// Size of the ring buffer between kernel and agent: a power of two from 64 KiB to 1 GiB.
    pub ring_buffer_bytes: u32,
}

impl Capture {
    const SMALLEST: u32 = 64 * 1024;
    const LARGEST: u32 = 1024 * 1024 * 1024;

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let bytes = self.ring_buffer_bytes;
        if bytes.is_power_of_two() && (Self::SMALLEST..=Self::LARGEST).contains(&bytes) {
            Ok(())
        } else {
            Err(ConfigError::value(
                "capture.ring_buffer_bytes",
                format!("a power of two from {} to {}", Self::SMALLEST, Self::LARGEST),
            ))
        }
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self { ring_buffer_bytes: 8 * 1024 * 1024 }
    }
}
