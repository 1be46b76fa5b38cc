//! `cargo xtask bench`: what the agent costs.

mod overhead;
mod receiver;
mod steady;
mod traced;
mod wrk;

use clap::Subcommand;

use crate::shell::Result;

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Throughput, latency, CPU and memory with and without the agent, interleaved.
    Overhead(overhead::Options),
    /// A constant rate for a while: one span at each side of each request, and none lost.
    Loss(steady::Options),
}

pub(crate) fn run(what: &Bench) -> Result {
    match what {
        Bench::Overhead(options) => overhead::run(options),
        Bench::Loss(options) => steady::run(options),
    }
}
