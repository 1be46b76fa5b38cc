//! The agent gives way: while it keeps up, its threads run only where nobody else wants to
//! (`SCHED_IDLE`, sched(7)), so that no request of a service waits for it to finish a burst.
//!
//! A thread of the idle class is starved where all processors are busy. So one small thread of the
//! usual class watches: when the ring buffer is a quarter full, which is when the kernel programs
//! wake its readers, or the loop that empties it has not come round for a while, all of them hurry
//! until they have caught up. So they do when spans wait for a thread that is starved; where they wait
//! for a collector, hurrying would help nobody and harm the services.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::thread::gettid;

/// How long the threads stay in the usual class when they have hurried: those who are behind again
/// and again would else pay for every change.
const HURRY: Duration = Duration::from_millis(50);
/// How long the loop may take to come round; with nothing to do it sleeps less than half of it.
const ROUND: Timespec = Timespec { tv_sec: 0, tv_nsec: 25_000_000 };
/// What the watcher is called by.
const CALLED: u64 = 1;

/// Lets the agent's threads give way. Without the right to take it back (`CAP_SYS_NICE`, or a
/// suitable `RLIMIT_NICE`), or if somebody started the agent in a class of their choice, they never do.
#[derive(Debug)]
pub struct Courtesy {
    shared: Arc<Shared>,
    watcher: Option<JoinHandle<()>>,
}

/// Without a lock: a thread of the idle class that holds one may not run for long.
#[derive(Debug)]
struct Shared {
    /// They run in the usual class.
    hurried: AtomicBool,
    /// The loop has said that it is behind, not that it keeps up.
    behind: AtomicBool,
    /// Rounds of the loop that empties the ring.
    rounds: AtomicU64,
    over: AtomicBool,
    /// Calls the watcher.
    bell: OwnedFd,
}

impl Courtesy {
    /// Starts watching a ring buffer. Until the first [round](Self::round) nothing changes.
    ///
    /// # Errors
    ///
    /// The system refuses to change the scheduling of threads, or has no more files or threads.
    pub fn start(ring: impl AsFd) -> io::Result<Self> {
        Self::is_possible()?;
        let queue = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Of the ring buffer only the wake-ups count, not that there is something in it.
        let woken = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&queue, ring, epoll::EventData::new_u64(0), woken)?;
        epoll::add(&queue, &bell, epoll::EventData::new_u64(CALLED), woken)?;
        let shared = Arc::new(Shared {
            hurried: AtomicBool::new(true),
            behind: AtomicBool::new(true),
            rounds: AtomicU64::new(0),
            over: AtomicBool::new(false),
            bell,
        });
        let theirs = Arc::clone(&shared);
        let watcher = std::thread::Builder::new()
            .name("onlooker-watch".to_owned())
            .spawn(move || theirs.watch(&queue))?;
        Ok(Self { shared, watcher: Some(watcher) })
    }

    /// Whether a thread can go to the idle class and come back to the usual one: tried with one that
    /// is of no use else.
    ///
    /// # Errors
    ///
    /// The system refuses it, or the usual class is not where the caller is.
    pub fn is_possible() -> io::Result<()> {
        let trial = || {
            let this = gettid().as_raw_nonzero().get();
            if get(this)? != libc::SCHED_OTHER {
                return Err(io::Error::other("it was started in another scheduling class"));
            }
            set(this, libc::SCHED_IDLE)?;
            set(this, libc::SCHED_OTHER)
        };
        std::thread::Builder::new()
            .spawn(trial)?
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the trial ended early")))
    }

    /// The loop that empties the ring buffer has come round. If it is not `behind`, nor was
    /// lately, all threads give way.
    pub fn round(&self, behind: bool) {
        let Shared { hurried, behind: said, rounds, .. } = &*self.shared;
        rounds.fetch_add(1, Relaxed);
        said.store(behind, Relaxed);
        if behind != hurried.load(Relaxed) {
            self.shared.ring_bell();
        }
    }
}

/// Whether another thread of this process has something to do, or does it. Where a queue is full that tells who is
/// starved of processors from who waits for a collector, a disk or a terminal, which hurrying does not help.
/// `true` also if the system does not tell.
#[must_use]
pub fn others_would_run() -> bool {
    let this = gettid().as_raw_nonzero().get().to_string();
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return true };
    threads.flatten().filter(|thread| thread.file_name().to_str() != Some(&this)).any(|thread| {
        let told = std::fs::read(thread.path().join("stat"));
        told.is_ok_and(|told| would_run(&told))
    })
}

/// Whether the line of `/proc/PID/task/TID/stat` is of a thread that runs or waits for a processor: the state is
/// behind the name, which may have any characters (proc_pid_stat(5)).
fn would_run(stat: &[u8]) -> bool {
    let name_end = stat.iter().rposition(|&byte| byte == b')');
    name_end.is_some_and(|end| stat.get(end + 1..).is_some_and(|rest| rest.starts_with(b" R")))
}

impl Drop for Courtesy {
    fn drop(&mut self) {
        self.shared.over.store(true, Relaxed);
        self.shared.ring_bell();
        if let Some(watcher) = self.watcher.take() {
            // It does nothing that could panic.
            let _ = watcher.join();
        }
    }
}

impl Shared {
    fn ring_bell(&self) {
        // Only a counter that is full could refuse it, and then it was rung.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    fn watch(&self, queue: &OwnedFd) {
        // The one that must not be starved. Who started it may give way already.
        let _ = set(gettid().as_raw_nonzero().get(), libc::SCHED_OTHER);
        while !self.over.load(Relaxed) {
            self.until_calm(queue);
            if self.over.load(Relaxed) {
                break;
            }
            set_all(libc::SCHED_IDLE);
            self.hurried.store(false, Relaxed);
            self.until_behind(queue);
            set_all(libc::SCHED_OTHER);
            self.hurried.store(true, Relaxed);
        }
    }

    /// Waits for the loop to keep up.
    fn until_calm(&self, queue: &OwnedFd) {
        let since = Instant::now();
        while !self.over.load(Relaxed) {
            wait(queue, None);
            if !self.behind.load(Relaxed) && since.elapsed() >= HURRY {
                return;
            }
        }
    }

    /// Waits until somebody has to hurry: the ring fills, the loop says so, or it does not come
    /// round. A wake-up that is left from before only makes them hurry once more.
    fn until_behind(&self, queue: &OwnedFd) {
        let mut seen = self.rounds.load(Relaxed);
        while !self.over.load(Relaxed) && !self.behind.load(Relaxed) {
            let rung = match wait(queue, Some(&ROUND)) {
                Wait::Woken => return,
                Wait::Called => true,
                Wait::TimedOut => false,
            };
            let rounds = self.rounds.load(Relaxed);
            if rounds == seen && !rung {
                return;
            }
            seen = rounds;
        }
    }
}

/// How a wait ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// With a wake-up of the ring's readers.
    Woken,
    /// With the bell.
    Called,
    TimedOut,
}

fn wait(queue: &OwnedFd, timeout: Option<&Timespec>) -> Wait {
    let mut events = Vec::with_capacity(2);
    // An interrupted wait is as good as one that took its time.
    let _ = epoll::wait(queue, rustix::buffer::spare_capacity(&mut events), timeout);
    if events.iter().any(|event: &epoll::Event| event.data.u64() != CALLED) {
        Wait::Woken
    } else if events.is_empty() {
        Wait::TimedOut
    } else {
        Wait::Called
    }
}

/// Sets the policy of all threads of this process but the watcher.
fn set_all(policy: libc::c_int) {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return };
    for thread in threads.flatten() {
        let name = std::fs::read(thread.path().join("comm")).unwrap_or_default();
        let id = thread.file_name().to_str().and_then(|id| id.parse().ok());
        if let Some(id) = id
            && !name.starts_with(b"onlooker-watch")
        {
            // It may have ended meanwhile.
            let _ = set(id, policy);
        }
    }
}

fn get(thread: i32) -> io::Result<libc::c_int> {
    // SAFETY: numbers go in and come out (sched_getscheduler(2)).
    let policy = unsafe { libc::sched_getscheduler(thread) };
    if policy >= 0 { Ok(policy) } else { Err(io::Error::last_os_error()) }
}

fn set(thread: i32, policy: libc::c_int) -> io::Result<()> {
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: `param` is valid for reads for as long as the call takes, and nothing else of this
    // process's memory is touched (sched_setscheduler(2)).
    let result = unsafe { libc::sched_setscheduler(thread, policy, &raw const param) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use rustix::event::{EventfdFlags, eventfd};

    use super::{Courtesy, Relaxed, gettid, set, would_run};

    /// Classes are changed for all threads of the process, those of other tests among them.
    static ALONE: Mutex<()> = Mutex::new(());

    #[test]
    fn the_state_is_behind_the_name() {
        assert!(would_run(b"4242 (a thread) R 1 2 3"));
        assert!(would_run(b"4242 (a) S (b)) R 1 2 3"));
        assert!(!would_run(b"4242 (of ) R 1) S 1 2 3"));
        assert!(!would_run(b"4242 (writes) D 1 2 3"));
        assert!(!would_run(b"4242 (cut"));
        assert!(!would_run(b""));
    }

    /// `chrt --batch 0 onlooker …`: whoever chose a class has reasons.
    #[test]
    fn a_class_that_was_chosen_stays() {
        let _alone = ALONE.lock();
        let chosen = std::thread::spawn(|| {
            set(gettid().as_raw_nonzero().get(), libc::SCHED_BATCH).expect("a class for batches");
            let ring = eventfd(0, EventfdFlags::NONBLOCK).expect("an eventfd");
            (Courtesy::start(&ring).is_ok(), policy())
        });
        assert_eq!(chosen.join().expect("a policy"), (false, libc::SCHED_BATCH));
    }

    /// Field 41 of /proc/PID/stat (proc(5)): the scheduling policy.
    fn policy() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("procfs");
        let after_name = stat.rsplit_once(')').expect("a name").1;
        after_name.split_whitespace().nth(38).expect("a policy").parse().expect("a number")
    }

    #[test]
    fn threads_give_way_until_the_ring_fills() {
        let _alone = ALONE.lock();
        let ring = eventfd(0, EventfdFlags::NONBLOCK).expect("an eventfd");
        let Ok(courtesy) = Courtesy::start(&ring) else {
            println!("skipped: the scheduling of threads cannot be changed here");
            return;
        };
        assert_eq!(policy(), libc::SCHED_OTHER);
        let comes = |wanted: i32, meanwhile: &dyn Fn()| {
            (0..1000).any(|_| {
                meanwhile();
                std::thread::sleep(Duration::from_millis(5));
                policy() == wanted
            })
        };
        assert!(comes(libc::SCHED_IDLE, &|| courtesy.round(false)), "it does not give way");
        let wake = || {
            courtesy.shared.rounds.fetch_add(1, Relaxed);
            rustix::io::write(&ring, &1_u64.to_ne_bytes()).expect("a wake-up");
        };
        assert!(comes(libc::SCHED_OTHER, &wake), "the ring fills");
        assert!(comes(libc::SCHED_IDLE, &|| courtesy.round(false)), "it has caught up");
        assert!(comes(libc::SCHED_OTHER, &|| ()), "the loop does not come round");
        drop(courtesy);
        assert_eq!(policy(), libc::SCHED_OTHER);
    }
}
