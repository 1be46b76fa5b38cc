//! The `onlooker` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    onlooker::cli::main()
}
