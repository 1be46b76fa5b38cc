//! Apache Kafka: one broker that is its own controller.

use std::path::PathBuf;
use std::time::Duration;

use crate::ports::wait_for_tcp_within;
use crate::process::{Streams, command};
use crate::{Process, Scratch, free_port, kafka_jars, workload};

/// Two Java virtual machines start one after the other.
const START: Duration = Duration::from_secs(180);

/// A running broker.
#[derive(Debug)]
pub struct Kafka {
    /// Where it listens.
    pub port: u16,
    process: Process,
    _directory: Scratch,
}

impl Kafka {
    /// What it takes to start one.
    #[must_use]
    pub fn needs() -> PathBuf {
        kafka_jars()
    }

    /// Starts it without any topic, and waits until it listens.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn start() -> Self {
        let directory = Scratch::new("kafka");
        std::os::unix::fs::symlink(kafka_jars(), directory.join("libs")).expect("a link");
        let (port, controller) = (free_port(), free_port());
        let mut broker = command("sh");
        broker
            .arg(workload("kafka/broker.sh"))
            .arg(directory.path())
            .args([port, port, controller].map(|port| port.to_string()));
        let mut process = Process::spawn(broker, Streams::Log);
        wait_for_tcp_within(&mut process, port, START);
        Self { port, process, _directory: directory }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}
