//! What the agent has to say beside spans: lines on standard error.

use std::fmt::Arguments;
use std::io::Write;

/// Something is wrong, and the reader can do something about it.
pub(super) fn warn(text: Arguments<'_>) {
    print("warning: ", text);
}

/// Something worth knowing.
pub(super) fn note(text: Arguments<'_>) {
    print("", text);
}

fn print(level: &str, text: Arguments<'_>) {
    // There is nowhere to report to that standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "onlooker: {level}{text}");
}
