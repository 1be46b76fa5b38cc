//! What the running kernel is and shows: its version, and the events of tracefs.

use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, mount};

/// For tests: the version of an older kernel, whose ways are to be gone on this one.
const AS_KERNEL: &str = "ONLOOKER_AS_KERNEL";

/// Where tracefs belongs (since 4.1), and where debugfs shows it.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// What the running kernel calls itself: `6.12.9-amd64`.
#[must_use]
pub fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Whether the running kernel is of this version or later.
#[must_use]
pub fn is_at_least(major: u32, minor: u32) -> bool {
    let release = std::env::var(AS_KERNEL).unwrap_or_else(|_| release());
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next().and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
    (next(), next()) >= (major, minor)
}

/// Whether the running kernel tells of every send and receive: 6.3 and later, if it was not built
/// without.
pub(super) fn tells_lengths() -> bool {
    let told_to_be_older = std::env::var_os(AS_KERNEL).is_some() && !is_at_least(6, 3);
    !told_to_be_older
        && ensure_tracefs().is_ok()
        && event_folders().any(|events| events.join("sock/sock_send_length").exists())
}

/// Mounts tracefs where it belongs, if it is not there.
pub(super) fn ensure_tracefs() -> io::Result<()> {
    if is_tracefs_there() {
        return Ok(());
    }
    Ok(mount("nodev", TRACEFS[0], "tracefs", MountFlags::NOSUID | MountFlags::NOEXEC, None)?)
}

/// Whether tracefs is mounted, and not hidden.
#[must_use]
pub fn is_tracefs_there() -> bool {
    event_folders().any(|events| events.exists())
}

/// Whether tracefs may be there, hidden from this user.
#[must_use]
pub fn is_tracefs_hidden() -> bool {
    event_folders().any(|events| {
        std::fs::metadata(events)
            .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    })
}

fn event_folders() -> impl Iterator<Item = PathBuf> {
    TRACEFS.iter().map(|place| Path::new(place).join("events"))
}
