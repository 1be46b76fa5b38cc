//! An agent that traces and exports while something is measured.

use std::fs;
use std::time::{Duration, Instant};

use onlooker_e2e::agent_binary;
use onlooker_e2e::process::{Process, Streams, command};

use super::receiver::Receiver;
use crate::shell::Result;

/// A running agent, and the receiver of its spans.
pub(super) struct Traced {
    process: Process,
    pub(super) receiver: Receiver,
}

/// What an agent has cost.
#[derive(Clone, Debug, Default)]
pub(super) struct Cost {
    /// CPU time in its own code.
    pub(super) user: Duration,
    /// CPU time in the kernel on its behalf.
    pub(super) system: Duration,
    /// The most memory it had resident, in KiB.
    pub(super) peak_kib: u64,
    /// Spans that arrived.
    pub(super) spans: u64,
    /// Its closing summary.
    pub(super) summary: String,
}

/// `USER_HZ`, which is 100 on every architecture the agent runs on.
const TICKS_PER_SECOND: u64 = 100;

impl Traced {
    /// Traces processes with default settings, every span exported over OTLP/HTTP.
    pub(super) fn start(pids: &[u32]) -> Result<Self> {
        let receiver = Receiver::start()?;
        let mut agent = command(agent_binary());
        agent.args(["trace", "--format", "none"]);
        agent.args(["--otlp", &format!("http://127.0.0.1:{}", receiver.port)]);
        for pid in pids {
            agent.args(["--pid", &pid.to_string()]);
        }
        agent.env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        let mut process = Process::spawn(agent, Streams::Errors);
        process.wait_for_log("onlooker: tracing");
        Ok(Self { process, receiver })
    }

    /// Waits until so many spans have arrived, or none has for a while.
    pub(super) fn settle(&self, expected: u64) {
        const QUIET: Duration = Duration::from_secs(8);
        let (mut seen, mut since) = (self.receiver.spans(), Instant::now());
        while self.receiver.spans() < expected && since.elapsed() < QUIET {
            std::thread::sleep(Duration::from_millis(20));
            if self.receiver.spans() > seen {
                (seen, since) = (self.receiver.spans(), Instant::now());
            }
        }
    }

    /// Ends the agent, everything flushed; what it cost from start to end.
    pub(super) fn finish(mut self) -> Result<(Cost, Receiver)> {
        let pid = self.process.pid();
        let status = fs::read_to_string(format!("/proc/{pid}/status"));
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        let status = status.map_err(|why| format!("the agent has ended: {why}"))?;
        let stat = stat.map_err(|why| format!("the agent has ended: {why}"))?;
        let ended = self.process.end();
        let summary = self.process.log();
        if !ended.is_some_and(|status| status.success()) {
            return Err(format!("the agent ended with {ended:?}:\n{summary}"));
        }
        let (user, system) = times(&stat).ok_or(format!("what is this? {stat}"))?;
        let peak_kib = peak(&status).ok_or(format!("what is this? {status}"))?;
        let spans = self.receiver.spans();
        Ok((Cost { user, system, peak_kib, spans, summary }, self.receiver))
    }
}

/// Fields 14 and 15 of `/proc/PID/stat`, in ticks.
fn times(stat: &str) -> Option<(Duration, Duration)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut time = || {
        let ticks: u64 = fields.next()?.parse().ok()?;
        Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
    };
    Some((time()?, time()?))
}

/// `VmHWM` of `/proc/PID/status`, in KiB.
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{peak, times};
    use std::time::Duration;

    #[test]
    fn cpu_and_memory_are_read_as_proc_5_says() {
        let stat = "7 (a b) S 1 7 7 0 -1 4194304 90 0 0 0 250 75 0 0 20 0 4 0 12 1 2";
        assert_eq!(times(stat), Some((Duration::from_millis(2_500), Duration::from_millis(750))));
        assert_eq!(peak("VmPeak:\t 9 kB\nVmHWM:\t   6244 kB\n"), Some(6_244));
    }
}
