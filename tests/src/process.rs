//! A process that ends with its owner.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{POLL, Scratch};

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
        Self::spawn(command, false)
    }

    /// Starts a command made with [`command`]; with `piped`, its output is left to the caller.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn spawn(mut command: Command, piped: bool) -> Self {
        let name = describe(&command);
        let scratch = Scratch::new("log");
        let log = scratch.join("log");
        if piped {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        } else {
            let file = File::create(&log).expect("a log file");
            command.stdout(file.try_clone().expect("a second handle of the log")).stderr(file);
        }
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
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

    /// Its piped standard output, once.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Its piped standard error, once.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// What it has written, if its output was not piped.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
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
