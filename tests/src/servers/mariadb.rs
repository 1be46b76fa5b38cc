//! MariaDB, with a data directory of its own.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{Streams, command};
use crate::{Process, Scratch, free_port, wait_for_socket, wait_for_tcp};

/// A running MariaDB with an empty database `shop`; `root` needs no password.
#[derive(Debug)]
pub struct MariaDb {
    /// Where it listens.
    pub port: u16,
    process: Process,
    directory: Scratch,
}

impl MariaDb {
    /// What it takes to start one.
    #[must_use]
    pub fn needs() -> PathBuf {
        PathBuf::from("/usr/sbin/mariadbd")
    }

    /// Makes a data directory, starts the server on TCP and on a Unix socket, and waits until it
    /// listens.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        let directory = Scratch::new("mariadb");
        let data = directory.join("data");
        let mut install = Command::new("mariadb-install-db");
        install
            .args(["--no-defaults", "--user=root", "--skip-test-db"])
            .arg("--auth-root-authentication-method=normal")
            .arg(format!("--datadir={}", data.display()))
            // Its temporary tables have names that another one at work would take, too.
            .env("TMPDIR", directory.path());
        let output = install.output().expect("mariadb-install-db");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "mariadb-install-db: {said}");
        let port = free_port();
        let socket = directory.join("socket");
        let mut server = command(Self::needs());
        server
            .args(["--no-defaults", "--user=root", "--bind-address=127.0.0.1"])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", socket.display()))
            .arg(format!("--pid-file={}", directory.join("pid").display()))
            .arg(format!("--port={port}"))
            .arg(format!("--tmpdir={}", directory.path().display()))
            .args(["--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"])
            // With one it would take half a gigabyte of memory for what is a test.
            .arg("--performance-schema=OFF");
        let mut process = Process::spawn(server, Streams::Log);
        wait_for_tcp(&mut process, port);
        wait_for_socket(&mut process, &socket);
        let mariadb = Self { port, process, directory };
        let made =
            mariadb.client("").args(["-e", "CREATE DATABASE shop"]).output().expect("mariadb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        mariadb
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// A `mariadb` client over TCP, in a database or none.
    #[must_use]
    pub fn client(&self, database: &str) -> Command {
        let mut client = Command::new("mariadb");
        client
            .args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--user=root", "-N"])
            .arg(format!("--port={}", self.port));
        if !database.is_empty() {
            client.arg(format!("--database={database}"));
        }
        client
    }
}
