//! etcd: a gRPC server in Go, of one member.

use std::path::PathBuf;

use crate::process::{Streams, command};
use crate::{Process, Scratch, free_port, wait_for_tcp};

/// A running etcd.
#[derive(Debug)]
pub struct Etcd {
    /// Where clients connect.
    pub port: u16,
    process: Process,
    _directory: Scratch,
}

impl Etcd {
    /// What it takes to start one.
    #[must_use]
    pub fn needs() -> PathBuf {
        PathBuf::from("/usr/bin/etcd")
    }

    /// Starts it empty, and waits until it serves.
    #[must_use]
    pub fn start() -> Self {
        let directory = Scratch::new("etcd");
        let (port, peers) = (free_port(), free_port());
        let [client, peer] = [port, peers].map(|port| format!("http://127.0.0.1:{port}"));
        let mut server = command("etcd");
        server
            .arg("--data-dir")
            .arg(directory.join("data"))
            .args(["--name", "only", "--initial-cluster", &format!("only={peer}")])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        let mut process = Process::spawn(server, Streams::Log);
        // It listens before it has elected itself.
        process.wait_for_log("ready to serve client requests");
        wait_for_tcp(&mut process, port);
        Self { port, process, _directory: directory }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// An `etcdctl` that is told what to do.
    #[must_use]
    pub fn client(&self, arguments: &[&str]) -> std::process::Command {
        let mut client = command("etcdctl");
        client
            .env("ETCDCTL_API", "3")
            .arg(format!("--endpoints=127.0.0.1:{}", self.port))
            .args(arguments);
        client
    }
}
