//! The processes that were seen, and what their spans belong to.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use onlooker_pipeline::process::{Handlers, Processes};
use onlooker_pipeline::span::Resource;

use super::{inspect, resource, runtime};

/// Ended processes whose resource is kept, for exchanges that are finished late.
const MOST_ENDED: usize = 1024;

/// A process.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What its spans belong to.
    pub resource: Arc<Resource>,
    /// Path of its executable, if it could be read.
    pub exe: Option<PathBuf>,
    /// The same without the name that it was called by: what `/proc/PID/exe` says.
    pub file: Option<PathBuf>,
    handlers: Handlers,
    /// When it started, in clock ticks since boot; zero if it could not be read.
    started: u64,
}

/// All processes that spans or targets concern.
#[derive(Debug, Default)]
pub struct ProcessTable {
    seen: HashMap<u32, Seen>,
    ended: std::collections::VecDeque<u32>,
}

impl ProcessTable {
    /// Looks at a process (again): it was chosen, or it has executed another program. `comm` is
    /// the kernel's short name, for when it is gone already.
    pub fn look(&mut self, pid: u32, comm: &str) -> &Seen {
        let seen = see(pid, comm);
        self.seen.insert(pid, seen);
        &self.seen[&pid]
    }

    /// A process forked a child, which until it executes something runs what its parent runs. That is
    /// taken for it if it is gone already.
    pub fn forked(&mut self, child: u32, parent: u32) {
        if self.look(child, "").exe.is_some() {
            return;
        }
        if let Some(of) = self.seen.get(&parent) {
            let resource = resource::of_child(child, parent, of.started, &of.resource);
            let child_of = Seen { resource, ..of.clone() };
            self.seen.insert(child, child_of);
        }
    }

    /// A process ended, or nothing further will be heard of it.
    pub fn ended(&mut self, pid: u32) {
        self.ended.push_back(pid);
        if self.ended.len() > MOST_ENDED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.seen.remove(&oldest);
        }
    }

    /// A process, looked at if it has not been.
    pub fn get(&mut self, pid: u32) -> &Seen {
        if !self.seen.contains_key(&pid) {
            let seen = see(pid, "");
            // Of one that has ended no end will be told again.
            if seen.started == 0 {
                self.ended(pid);
            }
            self.seen.insert(pid, seen);
        }
        &self.seen[&pid]
    }
}

fn see(pid: u32, comm: &str) -> Seen {
    let inspection = inspect::inspect(pid);
    Seen {
        resource: resource::resource(pid, &inspection, comm),
        handlers: runtime::handlers(pid, inspection.exe.as_deref()),
        exe: inspection.exe.or_else(|| gone(comm)),
        file: inspection.file,
        started: inspection.started,
    }
}

/// Where the executable of a process that is gone already probably was: what the kernel called it,
/// in the folder that has a program of the name.
fn gone(comm: &str) -> Option<PathBuf> {
    const FOLDERS: [&str; 5] = ["/usr/bin", "/usr/local/bin", "/bin", "/usr/sbin", "/sbin"];
    if comm.is_empty() {
        return None;
    }
    let mut places = FOLDERS.iter().map(|folder| Path::new(folder).join(comm));
    Some(places.find(|place| place.exists()).unwrap_or_else(|| Path::new("/").join(comm)))
}

impl Processes for ProcessTable {
    fn resource(&mut self, process: u32) -> Arc<Resource> {
        Arc::clone(&self.get(process).resource)
    }

    fn handlers(&mut self, process: u32) -> Handlers {
        self.get(process).handlers
    }
}
