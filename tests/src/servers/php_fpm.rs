//! PHP-FPM: a fixed number of processes behind a socket, each serving one request at a time.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{Streams, command};
use crate::{Process, Scratch, free_port, wait_for_socket, wait_for_tcp};

/// A running PHP-FPM.
#[derive(Debug)]
pub struct PhpFpm {
    /// The port that it listens on; `None` behind a Unix socket.
    pub port: Option<u16>,
    process: Process,
    directory: Scratch,
}

impl PhpFpm {
    /// Starts it behind a Unix socket, with a number of workers and environment variables for the
    /// scripts.
    #[must_use]
    pub fn start(workers: u32, environment: &[(&str, &str)]) -> Self {
        Self::start_at(None, workers, environment)
    }

    /// The same behind a TCP port.
    #[must_use]
    pub fn start_tcp(workers: u32, environment: &[(&str, &str)]) -> Self {
        Self::start_at(Some(free_port()), workers, environment)
    }

    fn start_at(port: Option<u16>, workers: u32, environment: &[(&str, &str)]) -> Self {
        let directory = Scratch::new("php");
        let listen = port.map_or("DIR/socket".to_owned(), |port| format!("127.0.0.1:{port}"));
        let mut text = format!(
            "[global]\nerror_log = /dev/stderr\ndaemonize = no\n\
             [www]\nuser = nobody\ngroup = nogroup\nlisten = {listen}\nlisten.mode = 0666\n\
             listen.backlog = 4096\npm = static\npm.max_children = {workers}\ncatch_workers_output = yes\n"
        );
        for (name, value) in environment {
            text.push_str(&format!("env[{name}] = {value}\n"));
        }
        let text = text.replace("DIR", &directory.path().to_string_lossy());
        let configuration = directory.write("fpm.conf", text);
        let mut server = command(program());
        server.args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config"]).arg(configuration);
        let mut process = Process::spawn(server, Streams::Log);
        match port {
            Some(port) => wait_for_tcp(&mut process, port),
            None => wait_for_socket(&mut process, &directory.join("socket")),
        }
        Self { port, process, directory }
    }

    /// The master's process id; the workers are its children.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where it listens, as nginx writes it.
    #[must_use]
    pub fn address(&self) -> String {
        match self.port {
            Some(port) => format!("127.0.0.1:{port}"),
            None => format!("unix:{}", self.directory.join("socket").display()),
        }
    }

    /// nginx directives that serve a script for every path of a location.
    #[must_use]
    pub fn location(&self, location: &str, script: &Path) -> String {
        let script = script.display();
        format!(
            "location {location} {{ include /etc/nginx/fastcgi_params; \
             fastcgi_param SCRIPT_FILENAME {script}; fastcgi_pass {}; }}",
            self.address()
        )
    }
}

/// The program: Debian puts the version into its name.
fn program() -> PathBuf {
    let named = |directory: &str| {
        fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).find(
            |path| {
                path.file_name()
                    .and_then(|name| name.to_str())
                    .is_some_and(|name| name.starts_with("php-fpm"))
            },
        )
    };
    named("/usr/sbin").unwrap_or_else(|| PathBuf::from("php-fpm"))
}
