//! Redis, without persistence.

use crate::{Process, Scratch, free_port, wait_for_tcp};

/// A running Redis.
#[derive(Debug)]
pub struct Redis {
    /// Where it listens.
    pub port: u16,
    process: Process,
    directory: Scratch,
}

impl Redis {
    /// Starts it, on TCP and on a Unix socket, and waits until it listens.
    #[must_use]
    pub fn start() -> Self {
        let directory = Scratch::new("redis");
        let port = free_port();
        let path = |name: &str| directory.join(name).to_string_lossy().into_owned();
        let mut process = Process::start(
            "redis-server",
            [
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1 ::1",
                "--save",
                "",
                "--dir",
                &path("."),
                "--unixsocket",
                &path("socket"),
            ],
        );
        wait_for_tcp(&mut process, port);
        Self { port, process, directory }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its Unix socket.
    #[must_use]
    pub fn socket(&self) -> String {
        self.directory.join("socket").to_string_lossy().into_owned()
    }
}
