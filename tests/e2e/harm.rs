//! Do no harm: clients and servers exchange the same bytes with and without the agent.

use std::thread;
use std::time::Instant;

use onlooker_e2e::http::Connection;
use onlooker_e2e::process::command;
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::services::{Service, python_service};
use onlooker_e2e::{Agent, agent_binary, skipped};

const CLIENTS: u64 = 8;
/// A response body that is larger than any socket buffer takes part, too.
const LARGEST: u64 = 200_000;

/// How many requests: 100,000, or `ONLOOKER_HARM_REQUESTS` for a shorter look.
fn requests() -> u64 {
    let count = std::env::var("ONLOOKER_HARM_REQUESTS").ok().and_then(|count| count.parse().ok());
    count.unwrap_or(100_000)
}

#[test]
fn the_same_bytes_with_and_without_the_agent() {
    if skipped() {
        return;
    }
    let echo = python_service("echo.py", &[] as &[&str]);
    let nginx = Nginx::start_with(
        &format!("upstream echo {{ server 127.0.0.1:{}; keepalive 32; }}", echo.port),
        "client_max_body_size 10m; client_body_buffer_size 1m; \
         location / { proxy_pass http://echo; proxy_http_version 1.1; \
         proxy_set_header Connection ''; }",
        2,
    );
    let without = digests(&nginx);
    let agent = traced(&[nginx.pid(), echo.pid()]);
    let with = digests(&nginx);
    assert_eq!(without.len() as u64, requests() / CLIENTS * CLIENTS);
    assert!(without == with, "clients saw other bytes while they were watched");

    // The agent did watch: a server span at each server and a client span between them.
    let expected = with.len() * 3;
    agent.settle(expected);
    let finished = agent.finish().successful();
    assert_eq!(finished.spans.len(), expected, "{}", finished.messages);
    assert_service_alive(&echo);
}

/// An agent whose output may lag behind its work: a machine that runs clients, servers and the
/// agent leaves it little time to print, and what its queue cannot hold is dropped by design.
fn traced(pids: &[u32]) -> Agent {
    let mut command = command(agent_binary());
    command.env("OTEL_BSP_MAX_QUEUE_SIZE", "400000").args(["trace", "--format", "json"]);
    for pid in pids {
        command.args(["--pid", &pid.to_string()]);
    }
    let agent = Agent::spawn(command);
    agent.wait_until_ready();
    agent
}

fn assert_service_alive(service: &Service) {
    assert_eq!(Connection::to(service.port).get("/alive").status, 200);
}

/// A digest of each response, in the order of clients and requests.
fn digests(nginx: &Nginx) -> Vec<u64> {
    let started = Instant::now();
    let port = nginx.port;
    let clients: Vec<_> =
        (0..CLIENTS).map(|client| thread::spawn(move || client_digests(port, client))).collect();
    let digests: Vec<u64> =
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect();
    println!("{} requests in {:?}", digests.len(), started.elapsed());
    digests
}

/// Sends the same requests whenever it is called with the same number.
fn client_digests(port: u16, client: u64) -> Vec<u64> {
    let mut random = Random(client + 1);
    let mut connection = Connection::to(port);
    (0..requests() / CLIENTS)
        .map(|number| {
            // Small ones are common, large ones are not.
            let largest = match random.next() % 100 {
                0 => LARGEST,
                1..10 => 20_000,
                10..40 => 2_000,
                _ => 100,
            };
            let size = random.next() % largest;
            let target = format!("/{client}/{number}?size={}", random.next() % largest);
            match random.next() % 3 {
                0 => connection.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")),
                1 => {
                    let mut request = format!(
                        "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
                    )
                    .into_bytes();
                    request.extend(random.bytes(size));
                    connection.send(request);
                }
                _ => {
                    let mut request = format!(
                        "PUT {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{}",
                        if size > 0 { format!("{size:x}\r\n") } else { String::new() }
                    )
                    .into_bytes();
                    if size > 0 {
                        request.extend(random.bytes(size));
                        request.extend(b"\r\n");
                    }
                    request.extend(b"0\r\n\r\n");
                    connection.send(request);
                }
            }
            let response = connection.response();
            let head = response.head.lines().filter(|line| !line.starts_with("Date:"));
            let mut digest = Digest::default();
            head.for_each(|line| digest.take(line.as_bytes()));
            digest.take(&response.body);
            digest.0
        })
        .collect()
}

/// FNV-1a: what it must notice is an accident, not an attack.
struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Xorshift, so that two runs are the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, count: u64) -> Vec<u8> {
        (0..count).map(|_| self.next().to_be_bytes()[0]).collect()
    }
}
