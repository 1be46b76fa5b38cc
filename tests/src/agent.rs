//! The agent under test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::{Streams, command};
use crate::{PATIENCE, Process, Span, agent_binary};

/// What the agent prints on standard error once capture is live.
const READY: &str = "onlooker: tracing";

/// How long no span comes before [`Agent::settle`] gives up.
const SETTLED: Duration = Duration::from_secs(5);

/// A running `onlooker trace --format json`.
#[derive(Debug)]
pub struct Agent {
    process: Process,
    output: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
}

/// What an agent that has ended leaves.
#[derive(Debug)]
pub struct Finished {
    /// All spans it printed, in order.
    pub spans: Vec<Span>,
    /// Its standard error.
    pub messages: String,
    /// How it ended; `None` if it had to be killed.
    pub status: Option<ExitStatus>,
}

#[derive(Debug, Default)]
struct Output {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    spans: Vec<Span>,
    /// Lines of standard output that are no span.
    refused: Vec<String>,
    messages: String,
    closed: usize,
}

impl Agent {
    /// Starts tracing and waits until capture is live.
    ///
    /// # Panics
    /// If the agent ends, or is not ready within [`PATIENCE`].
    #[must_use]
    pub fn trace<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Self {
        let agent = Self::start(arguments);
        agent.wait_until_ready();
        agent
    }

    /// Waits until capture is live.
    ///
    /// # Panics
    /// If the agent ends, or is not ready within [`PATIENCE`].
    pub fn wait_until_ready(&self) {
        self.wait("its ready line", |state| state.messages.contains(READY));
    }

    /// Traces the process with the id.
    #[must_use]
    pub fn trace_pid(pid: u32) -> Self {
        Self::trace(["--pid", &pid.to_string()])
    }

    /// Traces several processes.
    #[must_use]
    pub fn trace_pids(pids: &[u32]) -> Self {
        Self::trace(pids.iter().flat_map(|pid| ["--pid".to_owned(), pid.to_string()]))
    }

    /// Starts `onlooker trace --format json` and does not wait.
    #[must_use]
    pub fn start<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Self {
        let mut command = command(agent_binary());
        command.args(["trace", "--format", "json"]).args(arguments);
        Self::spawn(command)
    }

    /// Starts a command that runs the agent, and does not wait.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn spawn(command: Command) -> Self {
        let mut process = Process::spawn(command, Streams::Output);
        let output = Arc::new(Output::default());
        let stdout = process.take_stdout().expect("piped output");
        let stderr = process.take_stderr().expect("piped error");
        let readers = vec![
            read(stdout, &output, |state, line| match Span::parse(line) {
                Ok(span) => state.spans.push(span),
                Err(why) => state.refused.push(format!("{why}: {line}")),
            }),
            read(stderr, &output, |state, line| {
                state.messages.push_str(line);
                state.messages.push('\n');
            }),
        ];
        Self { process, output, readers }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Waits until the spans seen satisfy the condition.
    ///
    /// # Panics
    /// If they do not within [`PATIENCE`], or the agent ends before.
    pub fn wait_for(&self, what: &str, mut done: impl FnMut(&[Span]) -> bool) {
        self.wait(what, |state| done(&state.spans));
    }

    /// Waits until what it said on standard error satisfies the condition.
    ///
    /// # Panics
    /// If it does not within [`PATIENCE`], or the agent ends before.
    pub fn wait_for_message(&self, what: &str, mut done: impl FnMut(&str) -> bool) {
        self.wait(what, |state| done(&state.messages));
    }

    /// Waits until so many spans were seen, or none came for [`SETTLED`]: for measures, which count
    /// what is missing.
    pub fn settle(&self, expected: usize) {
        let mut state = self.output.lock();
        let mut seen = state.spans.len();
        let mut since = Instant::now();
        while state.spans.len() < expected && since.elapsed() < SETTLED {
            state = self.output.wait(state, SETTLED);
            if state.spans.len() > seen {
                seen = state.spans.len();
                since = Instant::now();
            }
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Ends it as Ctrl-C does, and collects what it printed.
    #[must_use]
    pub fn finish(self) -> Finished {
        self.signal(Signal::INT);
        self.collect()
    }

    /// Waits until it ends by itself, and collects what it printed.
    ///
    /// # Panics
    /// If it printed something on standard output that is not a span.
    #[must_use]
    pub fn collect(mut self) -> Finished {
        let status = self.process.wait(PATIENCE);
        self.process.end();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let mut state = self.output.lock();
        assert!(state.refused.is_empty(), "not a span: {}", state.refused.join("\n"));
        let state = std::mem::take(&mut *state);
        Finished { spans: state.spans, messages: state.messages, status }
    }

    /// Ends it and takes all that it has printed, its summary included.
    fn last_words(&self) -> (Vec<Span>, String) {
        self.signal(Signal::INT);
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.output.lock();
        while state.closed < self.readers.len() && Instant::now() < deadline {
            state = self.output.wait(state, PATIENCE);
        }
        (state.spans.clone(), state.messages.clone())
    }

    fn wait(&self, what: &str, mut done: impl FnMut(&State) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.output.lock();
        while !done(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            let ended = state.closed == self.readers.len();
            if ended || left.is_zero() {
                drop(state);
                let why = if ended { "the agent ended before" } else { "waited in vain for" };
                let (spans, messages) = self.last_words();
                panic!("{why} {what}; it printed {spans:#?}\nand said:\n{messages}");
            }
            state = self.output.wait(state, left);
        }
    }
}

impl Finished {
    /// # Panics
    /// If the agent did not end with success.
    #[must_use]
    pub fn successful(self) -> Self {
        let success = self.status.is_some_and(|status| status.success());
        assert!(success, "the agent ended with {:?}:\n{}", self.status, self.messages);
        self
    }
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }
}

fn read(
    stream: impl Read + Send + 'static,
    output: &Arc<Output>,
    take: fn(&mut State, &str),
) -> JoinHandle<()> {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            take(&mut output.lock(), String::from_utf8_lossy(&line).trim_end());
            output.changed.notify_all();
            line.clear();
        }
        output.lock().closed += 1;
        output.changed.notify_all();
    })
}
