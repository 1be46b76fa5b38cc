//! Looking at a process through /proc.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

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
        cmdline: arguments(&process),
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
    let arguments = arguments(process);
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

/// What a process was started with. Arguments need not be UTF-8, and one that is not hides no other.
fn arguments(process: &Process) -> Vec<String> {
    let mut bytes = Vec::new();
    let read = process.open_relative("cmdline").map(|mut file| file.read_to_end(&mut bytes));
    if matches!(read, Ok(Ok(_))) { split_arguments(&bytes) } else { Vec::new() }
}

fn split_arguments(bytes: &[u8]) -> Vec<String> {
    bytes
        .split(|&byte| byte == 0)
        .filter(|argument| !argument.is_empty())
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect()
}

/// The executable of a process that was upgraded underneath it still has its name.
fn without_deleted(path: PathBuf) -> PathBuf {
    match path.to_str().and_then(|text| text.strip_suffix(" (deleted)")) {
        Some(name) => PathBuf::from(name),
        None => path,
    }
}

/// The 64 hex digits of a container in a cgroup's path, whatever the runtime puts around them and the
/// container below.
fn container_id(path: &str) -> Option<&str> {
    path.rsplit('/').find_map(|part| {
        let id = part.strip_suffix(".scope").unwrap_or(part).rsplit(['-', ':']).next()?;
        (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
    })
}

/// Inode number of a process's network namespace.
pub(crate) fn netns(pid: u32) -> Option<u32> {
    let link = std::fs::read_link(format!("/proc/{pid}/ns/net")).ok()?;
    link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

/// Whether this process is in a pid namespace of its own, as in a container: the numbers that it knows processes
/// by are not those that the kernel programs tell.
#[must_use]
pub fn is_apart() -> bool {
    // A process's status (`NSpid`) lists the namespaces below that of the mounted /proc alone, which may be the
    // container's. That of the machine has a number that the kernel gives no other: PROC_PID_INIT_INO,
    // include/linux/proc_ns.h.
    const OF_THE_MACHINE: &str = "pid:[4026531836]";
    std::fs::read_link("/proc/self/ns/pid").is_ok_and(|own| own != Path::new(OF_THE_MACHINE))
}

/// Inodes of the sockets that a process has open.
#[must_use]
pub fn open_sockets(pid: u32) -> Vec<u32> {
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

/// Whether a process runs a 32-bit program. Its calls are others than those that are hooked.
#[must_use]
pub fn is_32_bit(pid: u32) -> bool {
    // The magic number and the class (elf(5)).
    const ELFCLASS32: [u8; 5] = *b"\x7fELF\x01";
    let mut head = [0; ELFCLASS32.len()];
    std::fs::File::open(format!("/proc/{pid}/exe"))
        .and_then(|mut file| file.read_exact(&mut head))
        .is_ok_and(|()| head == ELFCLASS32)
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

/// The process that a thread, by its id, is one of.
pub(crate) fn process_of(thread: u32) -> Option<u32> {
    let status = Process::new(thread.cast_signed()).ok()?.status().ok()?;
    Some(status.tgid.unsigned_abs())
}

/// Whether a process exists (and is no zombie).
pub(crate) fn is_alive(pid: u32) -> bool {
    Process::new(pid.cast_signed()).is_ok_and(|process| process.is_alive())
}

#[cfg(test)]
mod tests {
    use super::{container_id, inspect, split_arguments};
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::process::{Command, Stdio};

    #[test]
    fn one_argument_that_is_no_text_hides_no_other() {
        assert_eq!(
            split_arguments(b"java\0-Dname=M\xfcller\0-jar\0/srv/shop.jar\0"),
            ["java", "-Dname=M\u{fffd}ller", "-jar", "/srv/shop.jar"]
        );
        assert_eq!(split_arguments(b""), [""; 0]);
        let mut child = Command::new("cat")
            .args([OsStr::new("-"), OsStr::from_bytes(b"M\xfcller")])
            .stdin(Stdio::piped())
            .spawn()
            .expect("cat");
        assert_eq!(inspect(child.id()).cmdline, ["cat", "-", "M\u{fffd}ller"]);
        drop(child.stdin.take());
        child.wait().expect("its end");
    }

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
            // Podman makes a group of its own for what runs in it, as does systemd within a container.
            format!("/machine.slice/libpod-{id}.scope/container"),
            format!("/docker/{id}/system.slice/nginx.service"),
            // The inner one of two: a node of kind(1) is a container itself.
            format!("/docker/{}/kubelet.slice/cri-containerd-{id}.scope", "f".repeat(64)),
        ] {
            assert_eq!(container_id(&path), Some(&*id), "{path}");
        }
        assert_eq!(container_id("/user.slice/user-0.slice/session-1.scope"), None);
        assert_eq!(container_id("/"), None);
    }
}
