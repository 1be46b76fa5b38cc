//! `cargo xtask bench`: what the agent costs.

mod overhead;
mod receiver;
mod steady;
mod traced;
mod wrk;

use clap::Subcommand;

use crate::shell::{self, Result};

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Throughput, latency, CPU and memory with and without the agent, interleaved.
    Overhead(overhead::Options),
    /// A constant rate for a while: one span at each side of each request, and none lost.
    Loss(steady::Options),
    /// Records through the user-space pipeline on one core: spans a second, allocations a span.
    Pipeline,
    /// Each dissector on one core: time an exchange.
    Protocols,
}

pub(crate) fn run(what: &Bench) -> Result {
    match what {
        Bench::Overhead(options) => overhead::run(options),
        Bench::Loss(options) => steady::run(options),
        Bench::Pipeline => example("onlooker-pipeline", "throughput"),
        Bench::Protocols => {
            PROTOCOLS.iter().try_for_each(|name| example("onlooker-protocol", name))
        }
    }
}

/// The examples of the protocol crate that measure.
const PROTOCOLS: &[&str] = &["bench_http2", "bench_redis_fastcgi_dns", "http1"];

fn example(package: &str, name: &str) -> Result {
    println!("\n== {name}");
    shell::run(&mut shell::cargo([
        "run",
        "--quiet",
        "--release",
        "--package",
        package,
        "--example",
        name,
    ]))
}
