//! AWS' services as moto imitates them.

use crate::process::{Streams, command};
use crate::{Process, free_port, python, wait_for_tcp};

/// A running server of all of moto's services.
#[derive(Debug)]
pub struct Moto {
    /// Where it listens.
    pub port: u16,
    _process: Process,
}

impl Moto {
    /// Starts it empty, and waits until it listens.
    #[must_use]
    pub fn start() -> Self {
        let port = free_port();
        let mut server = command(python());
        server.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
        let mut process = Process::spawn(server, Streams::Log);
        wait_for_tcp(&mut process, port);
        Self { port, _process: process }
    }
}
