//! The agent gives way: its threads are of the idle class as long as hurrying would help nobody.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use onlooker_e2e::http::Connection;
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::{Agent, PATIENCE, process, skipped};

/// `SCHED_IDLE` in `include/uapi/linux/sched.h`.
const SCHED_IDLE: u32 = 5;
/// How long it has to give way without a break, ten times as long as it hurries at least.
const LONG: Duration = Duration::from_millis(500);

/// The kernel takes the collector's connections and nobody ever answers: spans wait in a queue that is full.
#[test]
fn who_waits_for_a_collector_does_not_hurry() {
    if skipped() {
        return;
    }
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    let nginx = Nginx::start("location / { return 200 ok; }");
    let mut command = process::command(onlooker_e2e::agent_binary());
    command.args(["trace", "--format", "json", "--otlp", &format!("http://{address}")]);
    command.args(["--pid", &nginx.pid().to_string()]);
    // Four requests are under way at most.
    command.env("OTEL_BSP_MAX_QUEUE_SIZE", "64").env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8");
    let agent = Agent::spawn(command);
    agent.wait_until_ready();
    let mut client = Connection::to(nginx.port);
    // What is printed was put into the exporter's queue as well; what is to be printed has a queue of that length.
    for so_far in 1..=20 {
        for _ in 0..10 {
            client.get("/");
        }
        agent.wait_for("the spans", |spans| spans.len() == so_far * 10);
    }
    let began = Instant::now();
    let mut gives_way_since = None;
    while gives_way_since.is_none_or(|since: Instant| since.elapsed() < LONG) {
        assert!(
            began.elapsed() < PATIENCE,
            "its threads are of the classes {:?}",
            classes(agent.pid())
        );
        std::thread::sleep(Duration::from_millis(5));
        if classes(agent.pid()).iter().all(|&(_, class)| class == SCHED_IDLE) {
            gives_way_since.get_or_insert_with(Instant::now);
        } else {
            gives_way_since = None;
        }
    }
}

/// The names and scheduling classes of a process's threads, but the one that watches (proc_pid_stat(5), field 41).
fn classes(pid: u32) -> Vec<(String, u32)> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("procfs");
    let stats = threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok());
    let class = |stat: String| {
        let (name, rest) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'))?;
        Some((name.to_owned(), rest.split_whitespace().nth(38)?.parse().ok()?))
    };
    stats.filter_map(class).filter(|(name, _)| name != "onlooker-watch").collect()
}
