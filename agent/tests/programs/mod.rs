//! What the tests of the kernel programs share.

use onlooker::probe::{Probe, ProbeOptions};

/// The programs, loaded and not attached; `None`, and said, where that is not allowed.
pub(crate) fn loaded() -> Option<Probe> {
    match Probe::load(&ProbeOptions { ring_bytes: 64 * 1024, ..ProbeOptions::default() }) {
        Ok(probe) => Some(probe),
        Err(error) => {
            skip(&format!("programs cannot be loaded here: {error}"));
            None
        }
    }
}

/// Says why a test is skipped. On the continuous build that is a failure.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("ONLOOKER_REQUIRE_E2E").is_none(), "not on this build: {why}");
    println!("skipped: {why}");
}
