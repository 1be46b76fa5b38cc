//! Who goes first: the services, for as long as the agent keeps up.
//!
//! The agent works in bursts of a millisecond or two, and a service that wants the processor in one of them
//! waits for it. So its threads have a lower priority than theirs by default. When they fall behind,
//! which would end in lost records, they have the priority that the agent was started with until
//! they have kept up for a while. Across control groups the groups' shares decide, not this.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, getpriority_process, setpriority_process};

/// How much nicer than it was started the agent is (`nice(2)`): a service's thread that wakes up gets
/// the processor at once, and about nine times as much of it.
const NICER: i32 = 10;
/// A record that waited for so long when it was taken says that the agent is behind. The ring buffer
/// holds what the fastest services tell in 100 milliseconds.
const BEHIND: Duration = Duration::from_millis(20);
/// How long the agent must have kept up before it yields again.
const RECOVERED: Duration = Duration::from_secs(2);
/// The greatest niceness there is.
const NICEST: i32 = 19;

/// The priority of the agent's threads. It is what it was at the start again when this is dropped.
#[derive(Debug)]
pub(super) struct Courtesy {
    /// The niceness that the agent was started with; `None` if it may not be had back once given up.
    own: Option<i32>,
    /// Since when it hurries; `None` while it yields.
    hurried: Option<Instant>,
}

impl Courtesy {
    /// Yields to the services from here on, if the way back is open: that takes `CAP_SYS_NICE` or
    /// `RLIMIT_NICE`.
    pub(super) fn begin() -> Self {
        let own = getpriority_process(None).ok().filter(|&own| may_return_to(own));
        if let Some(own) = own {
            set_all(own + NICER);
        }
        Self { own, hurried: None }
    }

    /// Looks at how the agent keeps up: how long the oldest record of a turn had `waited`, and
    /// whether the spans that wait for export are `crowded`.
    pub(super) fn review(&mut self, waited: Duration, crowded: bool) {
        let Some(own) = self.own else { return };
        let behind = waited >= BEHIND || crowded;
        match self.hurried {
            None if behind => {
                set_all(own);
                self.hurried = Some(Instant::now());
            }
            Some(_) if behind => self.hurried = Some(Instant::now()),
            Some(since) if since.elapsed() >= RECOVERED => {
                set_all(own + NICER);
                self.hurried = None;
            }
            _ => {}
        }
    }
}

impl Drop for Courtesy {
    fn drop(&mut self) {
        if let (Some(own), None) = (self.own, self.hurried) {
            set_all(own);
        }
    }
}

/// Whether a thread that gives up some of its priority may take it back. Who may take one step more
/// than it has may.
fn may_return_to(own: i32) -> bool {
    own > -NICEST && setpriority_process(None, own - 1).is_ok() && set(None, own)
}

/// Sets the niceness of every thread: on Linux it is a thread's, not a process's (setpriority(2)).
fn set_all(niceness: i32) {
    for thread in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let id = thread.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(id) = id.and_then(Pid::from_raw) {
            // One that has ended meanwhile needs none.
            set(Some(id), niceness);
        }
    }
}

fn set(thread: Option<Pid>, niceness: i32) -> bool {
    setpriority_process(thread, niceness.min(NICEST)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yields_hurries_and_goes_back() {
        let own = getpriority_process(None).expect("a niceness");
        let mut courtesy = Courtesy::begin();
        if courtesy.own.is_none() {
            println!("skipped: this needs CAP_SYS_NICE");
            return;
        }
        let niceness = || getpriority_process(None).expect("a niceness");
        assert_eq!(niceness(), (own + NICER).min(NICEST));
        courtesy.review(BEHIND / 2, false);
        assert_eq!(niceness(), (own + NICER).min(NICEST));
        courtesy.review(BEHIND, false);
        assert_eq!(niceness(), own);
        courtesy.review(Duration::ZERO, false);
        assert_eq!(niceness(), own, "it has not kept up for long");
        courtesy.hurried = Instant::now().checked_sub(RECOVERED);
        courtesy.review(Duration::ZERO, false);
        assert_eq!(niceness(), (own + NICER).min(NICEST));
        courtesy.review(Duration::ZERO, true);
        assert_eq!(niceness(), own);
        drop(courtesy);
        assert_eq!(niceness(), own);
    }
}
