//! PostgreSQL, with a cluster of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;

use crate::process::{Streams, command_as};
use crate::{PATIENCE, POLL, Process, Scratch, free_port, wait_for_tcp};

/// The user that the distribution's package makes; PostgreSQL refuses to run as root.
const USER: &str = "postgres";

/// A running PostgreSQL. Every local user is trusted; the superuser is `postgres`.
#[derive(Debug)]
pub struct Postgres {
    /// Where it listens.
    pub port: u16,
    process: Process,
    directory: Scratch,
}

impl Postgres {
    /// Makes a cluster, starts the server on TCP and on a Unix socket, and waits until it answers.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        let directory = Scratch::new("postgres");
        run(Command::new("chown").arg(USER).arg(directory.path()));
        let data = directory.join("data");
        let initdb = program("initdb");
        run(command_as(USER, initdb).args(["-A", "trust", "-N", "-U", USER, "-D"]).arg(&data));
        let port = free_port();
        let mut server = command_as(USER, program("postgres"));
        server
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(directory.path())
            .args(["-p", &port.to_string(), "-c", "listen_addresses=localhost"])
            .args(["-c", "fsync=off", "-c", "log_min_messages=fatal"]);
        // SIGINT is the fast shutdown: it does not wait for clients.
        let mut process = Process::spawn(server, Streams::Log).ended_by(Signal::INT);
        wait_for_tcp(&mut process, port);
        let postgres = Self { port, process, directory };
        // It listens before it is ready to answer.
        let deadline = Instant::now() + PATIENCE;
        while postgres.psql(&["SELECT 'ready'"]) != "ready\n" {
            assert!(Instant::now() < deadline, "PostgreSQL does not answer");
            std::thread::sleep(POLL);
        }
        postgres
    }

    /// The postmaster's process id; a child serves each connection.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The directory of its Unix socket.
    #[must_use]
    pub fn socket_directory(&self) -> &Path {
        self.directory.path()
    }

    /// A `postgresql://` URL over TCP.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgresql://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs statements with `psql`, each as a query of its own; what it printed.
    ///
    /// # Panics
    /// If `psql` cannot be started.
    pub fn psql(&self, statements: &[&str]) -> String {
        let mut psql = Command::new(program("psql"));
        psql.args(["-X", "-q", "-At", "-d", &self.url()]);
        statements.iter().for_each(|statement| {
            psql.args(["-c", statement]);
        });
        let output = psql.output().expect("psql");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}

/// A program of the newest PostgreSQL there is (they are not in the path).
fn program(name: &str) -> PathBuf {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin").join(name)))
        })
        .filter(|(_, path)| path.exists())
        .collect();
    versions.sort();
    versions.pop().map_or_else(|| PathBuf::from(name), |(_, path)| path)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
}
