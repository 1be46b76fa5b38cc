//! Which processes are targets.

use std::path::{Path, PathBuf};

use glob::Pattern;

use super::inspect;
use super::listeners::{Listeners, Listening};
use crate::config::Targets;

/// What is wrong with a choice of targets.
#[derive(Debug, thiserror::Error)]
pub enum SelectorError {
    /// Nothing was chosen.
    #[error(
        "nothing to trace: choose with --pid, --port, --exe or --all, or give a command after --"
    )]
    Nothing,
    /// A process that does not exist.
    #[error("there is no process {0}: `ps -e` lists those that run{1}")]
    NoProcess(u32, &'static str),
    /// A thread's id, by which /proc can be asked about its process.
    #[error("{0} is a thread of process {1}: choose that")]
    Thread(u32, u32),
    /// A glob that is none.
    #[error("{glob:?} is no glob: {why}")]
    Glob {
        /// As it was given.
        glob: String,
        /// What is wrong.
        why: String,
    },
    /// A glob that no executable's path can match.
    #[error(
        "{0:?} matches no executable, as their paths begin with a slash: give the whole path, only \
         the file's name, or a glob as '*/name' (in quotes, so that the shell leaves it alone)"
    )]
    Relative(String),
}

/// Programs that listen for others, and start them with the socket (systemd.socket(5)). Who listens there is not
/// who serves there, and their children are all that runs.
const LISTEN_FOR_OTHERS: &[&str] = &["systemd"];

/// The rules that make a process a target.
#[derive(Debug)]
pub struct Selector {
    targets: Targets,
    exes: Vec<Pattern>,
    exclude: Vec<Pattern>,
}

impl Selector {
    /// Checks the rules.
    ///
    /// # Errors
    ///
    /// There are none, a process id does not exist, or a glob is malformed. `command` says that
    /// a command will be started as well.
    pub fn new(targets: &Targets, command: bool) -> Result<Self, SelectorError> {
        let Targets { pids, ports, exes, all, exclude, children: _ } = targets;
        if pids.is_empty() && ports.is_empty() && exes.is_empty() && !all && !command {
            return Err(SelectorError::Nothing);
        }
        for &pid in pids {
            if !inspect::is_alive(pid) {
                return Err(SelectorError::NoProcess(pid, why_hidden(pid)));
            }
            if let Some(process) = inspect::process_of(pid).filter(|&process| process != pid) {
                return Err(SelectorError::Thread(pid, process));
            }
        }
        Ok(Self { targets: targets.clone(), exes: patterns(exes)?, exclude: patterns(exclude)? })
    }

    /// Whether processes that start later can be targets by their executable.
    #[must_use]
    pub fn watches_programs(&self) -> bool {
        self.targets.all || !self.exes.is_empty()
    }

    /// The ports whose listeners are targets.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        &self.targets.ports
    }

    /// Whether a process is chosen when it listens on a port, if it does so [for
    /// itself](listens_for_others).
    #[must_use]
    pub fn takes_port(&self, port: u32) -> bool {
        self.targets.ports.iter().any(|&chosen| u32::from(chosen) == port)
    }

    /// Whether children of targets are targets.
    #[must_use]
    pub fn follows_children(&self) -> bool {
        self.targets.children
    }

    /// Whether everything is chosen that is not excluded.
    #[must_use]
    pub fn takes_all(&self) -> bool {
        self.targets.all
    }

    /// Whether a process is chosen by its executable, which can have several names: a glob for any of
    /// them takes it. None is known of a process that has ended.
    #[must_use]
    pub fn takes_exe<'a>(&self, names: impl IntoIterator<Item = &'a Path>) -> bool {
        let mut taken = self.targets.all;
        for name in names {
            if self.excludes_any([name]) {
                return false;
            }
            taken |= self.exes.iter().any(|glob| matches(glob, name));
        }
        taken
    }

    /// Whether a process is excluded by any of its executable's names, whatever rule takes it.
    #[must_use]
    pub fn excludes_any<'a>(&self, names: impl IntoIterator<Item = &'a Path>) -> bool {
        names.into_iter().any(|name| self.exclude.iter().any(|glob| matches(glob, name)))
    }

    /// The processes that run already and are excluded.
    #[must_use]
    pub fn excluded(&self) -> Vec<u32> {
        if self.exclude.is_empty() {
            return Vec::new();
        }
        let all = inspect::all();
        all.into_iter().map(|(pid, _)| pid).filter(|&pid| self.excludes_running(pid)).collect()
    }

    /// Processes that were chosen by their id and are excluded.
    #[must_use]
    pub fn chosen_and_excluded(&self) -> Vec<u32> {
        self.targets.pids.iter().copied().filter(|&pid| self.excludes_running(pid)).collect()
    }

    fn excludes_running(&self, pid: u32) -> bool {
        // A look at each process costs system calls.
        !self.exclude.is_empty()
            && self
                .excludes_any(inspect::executables_of(pid).iter().flatten().map(PathBuf::as_path))
    }

    /// The processes that run already and are chosen, without the agent itself.
    #[must_use]
    pub fn running(&self) -> Vec<u32> {
        let all = inspect::all();
        let me = std::process::id();
        let mut chosen: Vec<u32> = self.targets.pids.clone();
        for &(pid, _) in &all {
            if self.watches_programs() {
                let [exe, file] = inspect::executables_of(pid);
                // What has no executable is a thread of the kernel.
                if exe.is_some()
                    && self.takes_exe([&exe, &file].into_iter().flatten().map(PathBuf::as_path))
                {
                    chosen.push(pid);
                }
            }
        }
        if !self.targets.ports.is_empty() {
            let mut listeners = Listeners::default();
            let listens = |&pid: &u32| {
                self.listens(pid, &mut listeners)
                    && !listens_for_others(inspect::executables_of(pid).iter().flatten())
            };
            chosen.extend(all.iter().map(|&(pid, _)| pid).filter(listens));
        }
        chosen.retain(|&pid| !self.excludes_running(pid));
        if self.targets.children {
            self.add_descendants(&mut chosen, &all);
        }
        chosen.sort_unstable();
        chosen.dedup();
        chosen.retain(|&pid| pid != me);
        chosen
    }

    /// Children of the chosen, and theirs.
    fn add_descendants(&self, chosen: &mut Vec<u32>, all: &[(u32, u32)]) {
        let mut excluded = Vec::new();
        loop {
            let (out, more): (Vec<_>, Vec<_>) = all
                .iter()
                .filter(|(pid, parent)| {
                    chosen.contains(parent) && !chosen.contains(pid) && !excluded.contains(pid)
                })
                .map(|&(pid, _)| pid)
                .partition(|&pid| self.excludes_running(pid));
            if more.is_empty() {
                return;
            }
            excluded.extend(out);
            chosen.extend(more);
        }
    }

    /// Whether a process has a listening socket on one of the chosen ports.
    fn listens(&self, pid: u32, listeners: &mut Listeners) -> bool {
        let wanted: Vec<_> = listeners
            .of(pid)
            .iter()
            .filter(|Listening { listener, .. }| self.takes_port(listener.port))
            .map(|listening| listening.inode as u32)
            .collect();
        if wanted.is_empty() {
            return false;
        }
        inspect::open_sockets(pid).iter().any(|inode| wanted.contains(inode))
    }
}

/// Whether a program, by any of its names, listens for those that it starts.
pub(crate) fn listens_for_others<'a>(names: impl IntoIterator<Item = &'a PathBuf>) -> bool {
    let mut files = names.into_iter().filter_map(|name| name.file_name()?.to_str());
    files.any(|file| LISTEN_FOR_OTHERS.contains(&file))
}

fn patterns(globs: &[String]) -> Result<Vec<Pattern>, SelectorError> {
    globs
        .iter()
        .map(|glob| {
            if glob.contains('/') && !glob.starts_with(['/', '*', '?', '[']) {
                return Err(SelectorError::Relative(glob.clone()));
            }
            Pattern::new(glob)
                .map_err(|error| SelectorError::Glob { glob: glob.clone(), why: error.to_string() })
        })
        .collect()
}

/// Whether a glob matches an executable: its path, or its file's name if the glob has no slash.
fn matches(glob: &Pattern, exe: &Path) -> bool {
    glob.matches_path(exe)
        || !glob.as_str().contains('/')
            && exe.file_name().is_some_and(|name| glob.matches_path(Path::new(name)))
}

fn why_hidden(pid: u32) -> &'static str {
    match std::fs::metadata(format!("/proc/{pid}")) {
        Ok(_) => " (it has just ended)",
        Err(_) if std::fs::read_link("/proc/self").is_err() => " (/proc is not mounted)",
        Err(_) => "; in a container, run the agent with the host's pid namespace",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Selector, SelectorError};
    use crate::config::Targets;

    fn selector(exe: &str) -> Result<Selector, SelectorError> {
        Selector::new(&Targets { exes: vec![exe.to_owned()], ..Targets::default() }, false)
    }

    #[test]
    fn a_glob_without_slash_is_one_for_the_name() {
        let nginx = Path::new("/usr/sbin/nginx");
        for (glob, takes) in [
            ("nginx", true),
            ("ng*", true),
            ("*nginx", true),
            ("*/nginx", true),
            ("/usr/sbin/nginx", true),
            ("sbin", false),
            ("/usr/*", true),
            ("ginx", false),
        ] {
            let selector = selector(glob).expect(glob);
            assert_eq!(selector.takes_exe([nginx]), takes, "{glob}");
        }
    }

    /// Of a virtual environment: /proc/PID/exe is the interpreter's file.
    #[test]
    fn a_program_is_known_by_its_file_and_by_what_it_is_called() {
        let names = ["/usr/bin/python", "/usr/bin/python3.11"].map(Path::new);
        for glob in ["python", "python3*", "/usr/bin/python3.11"] {
            assert!(selector(glob).expect(glob).takes_exe(names), "{glob}");
            let targets =
                Targets { all: true, exclude: vec![glob.to_owned()], ..Targets::default() };
            let excluded = Selector::new(&targets, false).expect(glob);
            assert!(!excluded.takes_exe(names), "{glob}");
        }
        assert!(!selector("ruby").expect("a glob").takes_exe(names));
    }

    /// The kernel programs know processes by the id of their first thread.
    #[test]
    fn a_thread_is_no_process() {
        let (id, end) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
        let thread = std::thread::spawn(move || {
            id.0.send(rustix::thread::gettid().as_raw_pid().unsigned_abs()).expect("a listener");
            end.1.recv().expect_err("the end");
        });
        let thread_id = id.1.recv().expect("its id");
        let by_id = |pid| {
            let targets = Targets { pids: vec![pid], ..Targets::default() };
            Selector::new(&targets, false).map(drop)
        };
        let process = std::process::id();
        let error = by_id(thread_id).expect_err("it is a thread");
        assert!(
            matches!(error, SelectorError::Thread(of, is) if (of, is) == (thread_id, process)),
            "{error}"
        );
        by_id(process).expect("it is a process");
        drop(end.0);
        thread.join().expect("a thread");
    }

    /// What a shell makes of `*/nginx` in a directory that has one below.
    #[test]
    fn a_relative_path_is_an_error() {
        let error = selector("sbin/nginx").expect_err("it matches nothing");
        assert!(matches!(error, SelectorError::Relative(_)), "{error}");
        assert!(error.to_string().contains("sbin/nginx"), "{error}");
    }
}
