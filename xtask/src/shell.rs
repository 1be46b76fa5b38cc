//! Running other programs.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// What went wrong, for the person at the terminal.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// Runs a command with the terminal's output.
pub(crate) fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|why| format!("{}: {why}", text(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", text(command))) }
}

/// Runs a command in silence; its output is in the error if it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|why| format!("{}: {why}", text(command)))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} failed ({}):\n{said}{error}", text(command), output.status))
}

/// `cargo`, in the workspace.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(arguments).current_dir(onlooker_e2e::workspace());
    // What cargo tells xtask of itself is no part of what it builds: build scripts that look at it (ring's)
    // would run again, and all that depends on them be built again, at every turn between the two.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*name);
        }
    }
    cargo
}

/// Whether the path has a program of the name.
pub(crate) fn has_program(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
    })
}

/// Whether the process is root.
pub(crate) fn is_root() -> bool {
    // The owner of one's own entry is one's effective user.
    use std::os::unix::fs::MetadataExt as _;
    Path::new("/proc/self").metadata().is_ok_and(|metadata| metadata.uid() == 0)
}

fn text(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
