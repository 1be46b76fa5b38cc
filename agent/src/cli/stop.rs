//! What ends a running capture from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use procfs::process::Process;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A signal that comes again this soon is the same one: sudo(8) and timeout(1) pass on what the whole
/// process group has got already.
const SAME_SIGNAL: Duration = Duration::from_secs(1);

/// SIGINT and SIGTERM ask for the end, and so does the end of the terminal (SIGHUP), unless we were started to
/// outlive it, as nohup(1) does; a second one, some time later, ends at once.
pub(super) fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen to signals")?;
    if !is_ignored(SIGHUP) {
        signals.add_signal(SIGHUP).context("cannot listen to signals")?;
    }
    let asked = Arc::clone(&stop);
    let listen = move || {
        let mut first: Option<Instant> = None;
        for _ in signals.forever() {
            if first.get_or_insert_with(Instant::now).elapsed() >= SAME_SIGNAL {
                std::process::exit(130);
            }
            asked.store(true, Relaxed);
        }
    };
    std::thread::Builder::new()
        .name("onlooker-signal".to_owned())
        .spawn(listen)
        .context("cannot start a thread")?;
    Ok(stop)
}

/// Whether our starter wants us to ignore a signal.
fn is_ignored(signal: i32) -> bool {
    let status = Process::myself().and_then(|process| process.status());
    status.is_ok_and(|status| status.sigign & 1 << (signal - 1) != 0)
}
