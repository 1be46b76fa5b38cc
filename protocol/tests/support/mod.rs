//! Recorded connections, by the form of their files, and ways to feed them to dissectors.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test uses a part of it")]

pub mod checks;
pub mod pieces;
pub mod reads;
pub mod turns;
pub mod writes;

use std::path::{Path, PathBuf};

/// A file or folder of `tests/data`.
pub fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

/// Numbers without a pattern, the same on each run (xorshift64*), so that failures can be repeated.
pub struct Random(pub u64);

impl Random {
    /// The next number below `limit`, which counts as 1 if it is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }
}
