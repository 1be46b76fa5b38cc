//! What commands say beside their output. Whoever listened may be gone (`2>&1 | head`, a log daemon that
//! died), which is no reason to end: `eprintln!` would panic.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use anyhow::Context as _;

/// Lines on standard error; nothing if there is nothing to say.
pub(super) fn say(text: impl Display) {
    let text = text.to_string();
    let text = text.trim_end();
    if !text.is_empty() {
        // There is nowhere to tell that standard error is closed.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

/// What a command was asked for, on standard output, to whoever still reads.
///
/// # Errors
///
/// If it cannot be written, unless its reader went away.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("standard output cannot be written")
        }
        _ => Ok(()),
    }
}
