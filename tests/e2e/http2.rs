//! HTTP/2 with a hundred streams at once on a connection, and bodies that are longer than what is copied
//! of a call. Client and server, h2load and nginx, are not ours, and share no code.

use std::path::PathBuf;
use std::process::Stdio;
use std::{env, fs};

use onlooker_e2e::process::command;
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::{Agent, Span, Spans as _, free_port, skipped_without};

const STREAMS: usize = 100;
/// Of a body, in bytes.
const SIZES: [usize; 4] = [1_000, 20_000, 200_000, 1_000_000];

/// An nginx that speaks HTTP/2 on the second port, and an h2load that no other test starts.
struct Server {
    nginx: Nginx,
    port: u16,
    client: PathBuf,
}

/// Where h2load is, if it is installed.
fn h2load() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found = env::split_paths(&path).map(|folder| folder.join("h2load"));
    found.find(|file| file.exists()).unwrap_or_else(|| "h2load".into())
}

impl Server {
    fn start() -> Self {
        let (port, sink) = (free_port(), free_port());
        let http = format!(
            "client_max_body_size 10m; http2_max_concurrent_streams {STREAMS};
             server {{ listen 127.0.0.1:{sink}; location / {{ return 200 got; }} }}"
        );
        let locations: String = SIZES
            .map(|size| format!("location /{size}/ {{ try_files /{size}.txt =404; }}"))
            .concat();
        let server = format!(
            "listen 127.0.0.1:{port} http2; {locations}
             location /sent/ {{ proxy_pass http://127.0.0.1:{sink}; }}"
        );
        let nginx = Nginx::start_with(&http, &server, 1);
        for size in SIZES {
            nginx.directory().write(&format!("www/{size}.txt"), "x".repeat(size));
        }
        let client = nginx.directory().join("h2load");
        fs::copy(h2load(), &client).expect("a copy of h2load");
        Self { nginx, port, client }
    }

    /// Traces both ends.
    fn trace(&self) -> Agent {
        let client = self.client.to_str().expect("a plain path");
        Agent::trace(["--pid", &self.nginx.pid().to_string(), "--exe", client])
    }

    /// Asks for each path once, on one connection, so many at a time; with a body of so many bytes, if any.
    fn load(&self, paths: &[String], body: Option<usize>) {
        let uris: String =
            paths.iter().map(|path| format!("http://127.0.0.1:{}{path}\n", self.port)).collect();
        let uris = self.nginx.directory().write("uris", uris);
        let mut client = command(&self.client);
        client.args(["--clients", "1", "--max-concurrent-streams", &STREAMS.to_string()]);
        client.args(["--requests", &paths.len().to_string(), "--input-file"]).arg(uris);
        if let Some(size) = body {
            client.arg("--data").arg(self.nginx.directory().write("upload", "y".repeat(size)));
        }
        let output = client.stdin(Stdio::null()).output().expect("h2load runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let all = format!("{} succeeded, 0 failed", paths.len());
        assert!(said.contains(&all), "{said}");
    }
}

fn paths(prefix: &str, size: usize) -> Vec<String> {
    let requests = if size < 1_000_000 { 3 * STREAMS } else { STREAMS };
    (0..requests).map(|number| format!("{prefix}/{size}/{number}")).collect()
}

fn is_http2(span: &Span) -> bool {
    span.text("network.protocol.version") == Some("2")
}

/// Each path was asked for once, as both ends saw, and nothing was lost.
fn assert_exact(agent: Agent, paths: &[String]) {
    let all = 2 * paths.len();
    agent.wait_for("both ends of all requests", |spans| spans.all(is_http2).len() >= all);
    let finished = agent.finish().successful();
    let spans: Vec<Span> = finished.spans.into_iter().filter(is_http2).collect();
    assert_eq!(spans.len(), all, "{}", finished.messages);
    for path in paths {
        let of = |kind: &'static str| {
            let fits = |span: &Span| span.kind == kind && span.path() == Some(path);
            spans.one(path, fits)
        };
        let (asked, served) = (of("CLIENT"), of("SERVER"));
        assert_eq!(served.parent.as_deref(), Some(&*asked.span_id), "{path}");
        for span in [asked, served] {
            assert_eq!(span.int("http.response.status_code"), Some(200), "{path}");
            assert_eq!((&*span.status, span.text("error.type")), ("UNSET", None), "{path}");
        }
    }
    assert!(!finished.messages.contains("lost:"), "{}", finished.messages);
}

#[test]
fn a_hundred_streams_with_large_responses_lose_nothing() {
    lose_nothing("", |_| None);
}

#[test]
fn a_hundred_streams_with_large_requests_lose_nothing() {
    lose_nothing("/sent", Some);
}

/// Asks for paths below a prefix, of each size in turn, with bodies of the length that `body` says.
fn lose_nothing(prefix: &str, body: impl Fn(usize) -> Option<usize>) {
    if skipped_without(&h2load()) {
        return;
    }
    let server = Server::start();
    let agent = server.trace();
    let mut all = Vec::new();
    for size in SIZES {
        let paths = paths(prefix, size);
        server.load(&paths, body(size));
        all.extend(paths);
    }
    assert_exact(agent, &all);
}
