//! PHP-FPM: a fixed number of processes behind a Unix socket, each serving one request at a time.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{Streams, command};
use crate::{Process, Scratch, wait_for_socket};

/// A running PHP-FPM.
#[derive(Debug)]
pub struct PhpFpm {
    process: Process,
    directory: Scratch,
}

impl PhpFpm {
    /// Starts it with a number of workers and environment variables for the scripts.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    #[must_use]
    pub fn start(workers: u32, environment: &[(&str, &str)]) -> Self {
        let directory = Scratch::new("php");
        let mut text = format!(
            "[global]\nerror_log = /dev/stderr\ndaemonize = no\n\
             [www]\nuser = nobody\ngroup = nogroup\nlisten = DIR/socket\nlisten.mode = 0666\n\
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
        wait_for_socket(&mut process, &directory.join("socket"));
        Self { process, directory }
    }

    /// The master's process id; the workers are its children.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// nginx directives that serve a script for every path of a location.
    #[must_use]
    pub fn location(&self, location: &str, script: &Path) -> String {
        format!(
            "location {location} {{ include /etc/nginx/fastcgi_params; \
             fastcgi_param SCRIPT_FILENAME {}; fastcgi_pass unix:{}; }}",
            script.display(),
            self.socket().display()
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
