//! Small services of `tests/workloads`: one file each, written as a stranger would write them.

use std::ffi::OsStr;
use std::process::Command;

use crate::process::{Streams, command};
use crate::{Process, free_port, node_modules, python, wait_for_tcp, workload};

/// A running service that listens on a TCP port.
#[derive(Debug)]
pub struct Service {
    /// Where it listens.
    pub port: u16,
    process: Process,
}

impl Service {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Starts a command that listens on the port, and waits until it does.
    #[must_use]
    pub fn start(command: Command, port: u16) -> Self {
        let mut process = Process::spawn(command, Streams::Log);
        wait_for_tcp(&mut process, port);
        Self { port, process }
    }
}

/// A Python script: `SCRIPT PORT ARGUMENTS…`.
#[must_use]
pub fn python_service<A: AsRef<OsStr>>(script: &str, arguments: &[A]) -> Service {
    python_service_with(script, arguments, &[])
}

/// A Python script with an environment.
#[must_use]
pub fn python_service_with<A: AsRef<OsStr>>(
    script: &str,
    arguments: &[A],
    environment: &[(&str, &str)],
) -> Service {
    interpreted(python(), script, arguments, environment)
}

/// A Node script: `SCRIPT PORT ARGUMENTS…`.
#[must_use]
pub fn node_service<A: AsRef<OsStr>>(script: &str, arguments: &[A]) -> Service {
    interpreted("node", script, arguments, &[])
}

/// A Ruby script: `SCRIPT PORT ARGUMENTS…`.
#[must_use]
pub fn ruby_service<A: AsRef<OsStr>>(script: &str, arguments: &[A]) -> Service {
    interpreted("ruby", script, arguments, &[])
}

/// A WSGI application `MODULE:app` of the workloads under gunicorn, with its worker processes.
#[must_use]
pub fn gunicorn(module: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Service {
    let port = free_port();
    let mut server = command(python());
    server
        .args(["-m", "gunicorn", "--bind", &format!("127.0.0.1:{port}"), "--chdir"])
        .arg(workload(""))
        .args(arguments)
        .arg(format!("{module}:app"))
        .envs(environment.iter().copied())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Service::start(server, port)
}

fn interpreted<A: AsRef<OsStr>>(
    interpreter: impl AsRef<OsStr>,
    script: &str,
    arguments: &[A],
    environment: &[(&str, &str)],
) -> Service {
    let port = free_port();
    let mut service = command(interpreter);
    service
        .arg(workload(script))
        .arg(port.to_string())
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NODE_PATH", node_modules())
        .envs(environment.iter().copied());
    Service::start(service, port)
}
