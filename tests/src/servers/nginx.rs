//! nginx, with a master and workers.

use std::path::Path;

use crate::{Process, Scratch, free_port, wait_for_tcp};

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    /// The port of the configuration's first server.
    pub port: u16,
    /// Before the directory: it goes first.
    process: Process,
    directory: Scratch,
}

impl Nginx {
    /// Starts nginx with the directives of a `server` block that listens on [`Self::port`], and
    /// waits until it does. In `server`, `DIR` stands for its directory.
    #[must_use]
    pub fn start(server: &str) -> Self {
        Self::start_with("", server, 2)
    }

    /// The same with directives of the `http` block before, and a number of workers.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_with(http: &str, server: &str, workers: u32) -> Self {
        let directory = Scratch::new("nginx");
        let port = free_port();
        let text = format!(
            "daemon off;\n\
             worker_processes {workers};\n\
             user nobody nogroup;\n\
             pid DIR/pid;\n\
             error_log DIR/error.log;\n\
             events {{ worker_connections 4096; }}\n\
             http {{\n\
                 access_log off;\n\
                 default_type text/plain;\n\
                 keepalive_requests 1000000;\n\
                 client_body_temp_path DIR/body;\n\
                 proxy_temp_path DIR/proxy;\n\
                 fastcgi_temp_path DIR/fastcgi;\n\
                 uwsgi_temp_path DIR/uwsgi;\n\
                 scgi_temp_path DIR/scgi;\n\
                 {http}\n\
                 server {{ listen 127.0.0.1:{port}; root DIR/www; {server} }}\n\
             }}\n"
        );
        let text = text.replace("DIR", &directory.path().to_string_lossy());
        let configuration = directory.write("nginx.conf", text);
        directory.write("www/index.html", "welcome\n");
        let arguments = [Path::new("-e"), Path::new("stderr"), Path::new("-c"), &configuration];
        let mut process = Process::start("nginx", arguments);
        wait_for_tcp(&mut process, port);
        Self { port, process, directory }
    }

    /// The master's process id; the workers are its children.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its directory (`www` below it is served).
    #[must_use]
    pub fn directory(&self) -> &Scratch {
        &self.directory
    }
}
