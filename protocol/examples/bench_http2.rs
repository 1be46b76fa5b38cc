//! How long an exchange of HTTP/2 takes: recorded conversations, over and over, on one core.
//!
//! `cargo run --release -p onlooker-protocol --example bench_http2`

#[path = "../tests/streams/mod.rs"]
mod streams;

use std::time::{Duration, Instant};

use onlooker_protocol::http2::Http2;
use streams::{Conversation, run};

/// Time on a core, so that what else the machine does matters less.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(0))
}

fn main() {
    println!("{:<20} {:>10} {:>14} {:>10}", "conversation", "exchanges", "ns/exchange", "MB/s");
    for name in ["h2load", "grpc-python-sync", "grpc-python-aio", "grpc-js", "frames", "curl"] {
        let conversation = Conversation::load(&format!("http2/{name}.conversation"));
        let bytes: usize = conversation.0.iter().map(|piece| piece.bytes.len()).sum();
        let exchanges = run(&conversation, Http2::new()).exchanges.len();
        let (mut rounds, start, used) = (0, Instant::now(), cpu_time());
        while start.elapsed() < Duration::from_secs(1) {
            std::hint::black_box(run(&conversation, Http2::new()));
            rounds += 1;
        }
        let seconds = (cpu_time() - used).as_secs_f64() / f64::from(rounds);
        let each = seconds * 1e9 / exchanges as f64;
        println!("{name:<20} {exchanges:>10} {each:>14.0} {:>10.0}", bytes as f64 / seconds / 1e6);
    }
}
