//! A process that ends with its owner.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{PATIENCE, POLL, Scratch};

/// How long a process gets to end by itself after it was asked to.
const GRACE: Duration = Duration::from_secs(10);
/// Lines of a log that are shown when the test that owns the process panics.
const LOG_LINES: usize = 40;

/// A started process: leader of a group of its own, asked to end if its starter dies, and ended
/// when it is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    /// Asks it to end.
    stop: Signal,
    log: PathBuf,
    _scratch: Scratch,
}

/// Where a process reads and writes.
#[derive(Clone, Copy, Debug)]
pub enum Streams {
    /// It reads nothing, and writes a log that is shown if a test fails.
    Log,
    /// It reads nothing; its output is thrown away, its errors are its log.
    Errors,
    /// It reads nothing; its output and errors are the caller's to read.
    Output,
    /// Its input and output are the caller's; errors are its log.
    Dialogue,
}

impl Process {
    /// Starts `program` with standard output and error in a log that is shown if a test fails.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start<A: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut command = command(program);
        command.args(arguments);
        Self::spawn(command, Streams::Log)
    }

    /// Starts a command made with [`command`].
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn spawn(mut command: Command, streams: Streams) -> Self {
        let name = describe(&command);
        let scratch = Scratch::new("log");
        let log = scratch.join("log");
        let file = || File::options().create(true).append(true).open(&log).expect("a log file");
        match streams {
            Streams::Log => command.stdin(Stdio::null()).stdout(file()).stderr(file()),
            Streams::Errors => command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file()),
            Streams::Output => {
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped())
            }
            Streams::Dialogue => {
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file())
            }
        };
        let child =
            command.process_group(0).spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name, child, stop: Signal::TERM, log, _scratch: scratch }
    }

    /// The same process, to be ended by another signal than SIGTERM.
    #[must_use]
    pub fn ended_by(mut self, signal: Signal) -> Self {
        self.stop = signal;
        self
    }

    /// Its command, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its piped standard input, once.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Its piped standard output, once.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Its piped standard error, once.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// What it has written to its log.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits until it has written a text to its log.
    ///
    /// # Panics
    /// If it has not within [`PATIENCE`], or ends before.
    pub fn wait_for_log(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            let ended = self.try_wait().is_some();
            assert!(!ended && Instant::now() < deadline, "{} did not write: {text}", self.name);
            std::thread::sleep(POLL);
        }
    }

    /// How it ended, if it has.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// How it ended, if it does before the time is over.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            let status = self.try_wait();
            if status.is_some() || Instant::now() >= deadline {
                return status;
            }
            std::thread::sleep(POLL);
        }
    }

    /// Sends it (not its children) a signal.
    pub fn signal(&self, signal: Signal) {
        // It may have ended by itself: nothing to do then.
        let _ = kill_process(self.process(), signal);
    }

    /// Asks it to end, and waits; kills what is left of its group. How it ended.
    pub fn end(&mut self) -> Option<ExitStatus> {
        self.signal(self.stop);
        let status = self.wait(GRACE);
        let _ = kill_process_group(self.process(), Signal::KILL);
        status.or_else(|| self.wait(GRACE))
    }

    fn process(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            let log = self.log();
            let skipped = log.lines().count().saturating_sub(LOG_LINES);
            eprintln!("--- {} wrote:", self.name);
            log.lines().skip(skipped).for_each(|line| eprintln!("    {line}"));
        }
    }
}

/// A command whose process is asked to end when the thread that started it is gone, however that
/// came (`setpriv` becomes the program, so the process id stays).
#[must_use]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

/// The same, as another user.
#[must_use]
pub fn command_as(user: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--init-groups", "--pdeathsig", "TERM", "--"]);
    command.arg(program);
    command
}

/// The command as a line, without the words that [`command`] puts before it.
fn describe(command: &Command) -> String {
    let words: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    let start = words.iter().position(|word| word == "--").map_or(0, |at| at + 1);
    words[start..].join(" ")
}
