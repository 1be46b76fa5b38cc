//! A client that does what it is told, line by line, and says when it is done.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Command};

use crate::process::{Streams, command};
use crate::{Process, node_modules, python, workload};

/// A running client; its connection stays open between lines.
#[derive(Debug)]
pub struct Session {
    /// Before the process, which ends when its input does.
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    process: Process,
}

impl Session {
    /// Starts a Python script of the workloads.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn python<A: AsRef<OsStr>>(script: &str, arguments: &[A]) -> Self {
        Self::start(python(), script, arguments)
    }

    /// Starts a Node script of the workloads.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn node<A: AsRef<OsStr>>(script: &str, arguments: &[A]) -> Self {
        Self::start("node", script, arguments)
    }

    fn start<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, script: &str, arguments: &[A]) -> Self {
        let mut client = command(program);
        client.arg(workload(script)).args(arguments);
        Self::spawn(client)
    }

    /// Starts a command made with [`command`].
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn spawn(mut client: Command) -> Self {
        client.env("PYTHONDONTWRITEBYTECODE", "1").env("NODE_PATH", node_modules());
        let mut process = Process::spawn(client, Streams::Dialogue);
        let input = process.take_stdin().expect("piped input");
        let output = BufReader::new(process.take_stdout().expect("piped output"));
        Self { input, output, process }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Has it do something; its answer.
    ///
    /// # Panics
    /// If it has ended.
    pub fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.answer()
    }

    /// Has it do something, and does not wait.
    ///
    /// # Panics
    /// If it has ended.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("a session that listens");
    }

    /// Its answer to what it was told.
    ///
    /// # Panics
    /// If it has ended.
    pub fn answer(&mut self) -> String {
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("a session that answers");
        assert!(!answer.is_empty(), "the session ended instead of answering");
        answer.trim_end().to_owned()
    }
}
