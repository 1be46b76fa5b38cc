//! RabbitMQ, with a name server of its own.

use std::path::PathBuf;
use std::time::Duration;

use crate::ports::wait_for_tcp_within;
use crate::process::{Streams, command};
use crate::{Process, Scratch, free_port, wait_for_tcp, workload};

const START: Duration = Duration::from_secs(120);

/// A running broker.
#[derive(Debug)]
pub struct RabbitMq {
    /// Where it listens.
    pub port: u16,
    _process: Process,
    _names: Process,
    _directory: Scratch,
}

impl RabbitMq {
    /// What it takes to start one.
    #[must_use]
    pub fn needs() -> PathBuf {
        PathBuf::from("/usr/lib/rabbitmq/bin/rabbitmq-server")
    }

    /// Starts it empty, and waits until it listens.
    #[must_use]
    pub fn start() -> Self {
        let directory = Scratch::new("rabbitmq");
        let (names, port, distribution) = (free_port(), free_port(), free_port());
        let mut epmd = Process::start("epmd", ["-port", &names.to_string()]);
        wait_for_tcp(&mut epmd, names);
        let mut broker = command("sh");
        broker
            .arg(workload("rabbitmq/broker.sh"))
            .arg(directory.join("broker"))
            .args([port, distribution].map(|port| port.to_string()))
            .env("ERL_EPMD_PORT", names.to_string());
        let mut process = Process::spawn(broker, Streams::Log);
        wait_for_tcp_within(&mut process, port, START);
        Self { port, _process: process, _names: epmd, _directory: directory }
    }
}
