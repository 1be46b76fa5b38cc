//! Looking at a process through /proc.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use procfs::process::{FDTarget, Process, all_processes};

/// What /proc says of a process. Whatever could not be read is empty: it may have ended.
#[derive(Debug, Default)]
pub(crate) struct Inspection {
    pub(crate) exe: Option<PathBuf>,
    /// The executable without the name that it was called by.
    pub(crate) file: Option<PathBuf>,
    pub(crate) cmdline: Vec<String>,
    pub(crate) environment: HashMap<OsString, OsString>,
    pub(crate) cwd: Option<PathBuf>,
    /// Clock ticks since boot.
    pub(crate) started: u64,
    pub(crate) container: Option<String>,
    /// Its parent; zero if it could not be read.
    pub(crate) parent: u32,
}

/// Looks at a process.
pub(crate) fn inspect(pid: u32) -> Inspection {
    let Ok(process) = Process::new(pid.cast_signed()) else { return Inspection::default() };
    let stat = process.stat().ok();
    Inspection {
        exe: executable(&process),
        file: process.exe().ok().map(without_deleted),
        cmdline: process.cmdline().unwrap_or_default(),
        environment: process.environ().unwrap_or_default(),
        cwd: process.cwd().ok(),
        started: stat.as_ref().map_or(0, |stat| stat.starttime),
        parent: stat.as_ref().map_or(0, |stat| stat.ppid.unsigned_abs()),
        container: process.cgroups().ok().and_then(|groups| {
            groups.into_iter().find_map(|group| container_id(&group.pathname).map(str::to_owned))
        }),
    }
}

/// The executable that a process runs, by the name it was called by: `redis-server` is a link to
/// `redis-check-rdb` on Debian, and which of the two a process is only its arguments tell.
pub(crate) fn executable(process: &Process) -> Option<PathBuf> {
    let exe = without_deleted(process.exe().ok()?);
    let arguments = process.cmdline().unwrap_or_default();
    let called = arguments.first().and_then(|first| {
        let word = first.split([' ', ':']).next()?;
        let alias = exe.with_file_name(word.rsplit('/').next()?);
        let root = PathBuf::from(format!("/proc/{}/root", process.pid()));
        let inside = root.join(alias.strip_prefix("/").ok()?);
        let target = std::fs::read_link(&inside).ok()?;
        (target.file_name() == exe.file_name()).then_some(alias)
    });
    Some(called.unwrap_or(exe))
}

/// The same of a process by its number, and without the name that it was called by.
pub(crate) fn executables_of(pid: u32) -> [Option<PathBuf>; 2] {
    let Ok(process) = Process::new(pid.cast_signed()) else { return [None, None] };
    [executable(&process), process.exe().ok().map(without_deleted)]
}

/// The executable of a process that was upgraded underneath it still has its name.
fn without_deleted(path: PathBuf) -> PathBuf {
    match path.to_str().and_then(|text| text.strip_suffix(" (deleted)")) {
        Some(name) => PathBuf::from(name),
        None => path,
    }
}

/// The 64 hex digits of a container in a cgroup's path, whatever the runtime puts around them.
fn container_id(path: &str) -> Option<&str> {
    let last = path.rsplit('/').find(|part| !part.is_empty())?;
    let last = last.strip_suffix(".scope").unwrap_or(last);
    let id = last.rsplit(['-', ':']).next()?;
    (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// Inode number of a process's network namespace.
pub(crate) fn netns(pid: u32) -> Option<u32> {
    let link = std::fs::read_link(format!("/proc/{pid}/ns/net")).ok()?;
    link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

/// Inodes of the sockets that a process has open.
#[must_use]
pub fn older_sockets(pid: u32) -> Vec<u32> {
    let Ok(process) = Process::new(pid.cast_signed()) else { return Vec::new() };
    let Ok(files) = process.fd() else { return Vec::new() };
    files
        .filter_map(|file| match file.ok()?.target {
            FDTarget::Socket(inode) => Some(inode as u32),
            _ => None,
        })
        .collect()
}

/// Whether a process has an io_uring. What it reads and sends with it passes no socket call.
#[must_use]
pub fn has_io_uring(pid: u32) -> bool {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .any(|link| link.to_str() == Some("anon_inode:[io_uring]"))
}

/// All processes with their parents.
pub(crate) fn all() -> Vec<(u32, u32)> {
    let Ok(processes) = all_processes() else { return Vec::new() };
    processes
        .filter_map(|process| {
            let stat = process.ok()?.stat().ok()?;
            Some((stat.pid.unsigned_abs(), stat.ppid.unsigned_abs()))
        })
        .collect()
}

/// Whether a process exists (and is no zombie).
pub(crate) fn is_alive(pid: u32) -> bool {
    Process::new(pid.cast_signed()).is_ok_and(|process| process.is_alive())
}

#[cfg(test)]
mod tests {
    use super::container_id;

    #[test]
    fn container_ids_of_every_runtime() {
        let id = "0123456789abcdef".repeat(4);
        for path in [
            format!("/docker/{id}"),
            format!("/system.slice/docker-{id}.scope"),
            format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"),
            format!("/kubepods/besteffort/pod1/{id}"),
            format!("/machine.slice/libpod-{id}.scope"),
            format!("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{id}"),
        ] {
            assert_eq!(container_id(&path), Some(&*id), "{path}");
        }
        assert_eq!(container_id("/user.slice/user-0.slice/session-1.scope"), None);
        assert_eq!(container_id("/"), None);
    }
}
