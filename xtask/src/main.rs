//! `cargo xtask`: everything about the project that is not the agent itself.

#![forbid(unsafe_code)]

mod accuracy;
mod bench;
mod demo;
mod ebpf;
mod fuzz;
mod kernels;
mod load;
mod setup;
mod shell;
mod table;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Sets a machine up, tests, measures and shows Onlooker.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what building the BPF object, testing and the demo need (Debian, as root).
    Setup(setup::Options),
    /// Run a shop of uninstrumented services in four languages, load on it, and show its traces.
    Demo(demo::Options),
    /// Build the programs that run in the kernel (or check that they are what is committed).
    Ebpf(ebpf::Options),
    /// Measure; the tables are in docs/.
    Bench {
        #[command(subcommand)]
        what: bench::Bench,
    },
    /// Count links that are right, wrong and missing, per workload and concurrency.
    Accuracy(accuracy::Options),
    /// Fuzz every target for a while.
    Fuzz(fuzz::Options),
    /// Boot other kernels in an emulator and trace a request on each.
    Kernels(kernels::Options),
    /// Send requests; for the benches, which trace this process.
    #[command(hide = true)]
    Load(load::Options),
    /// Set up, check format and lints, run unit and end-to-end tests.
    Test(test::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Setup(options) => setup::run(&options),
        Task::Demo(options) => demo::run(&options),
        Task::Ebpf(options) => ebpf::run(&options),
        Task::Bench { what } => bench::run(&what),
        Task::Accuracy(options) => accuracy::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Kernels(options) => kernels::run(&options),
        Task::Load(options) => load::run(&options),
        // It has said what failed, above its last line.
        Task::Test(options) => match test::run(&options) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(why) => Err(why),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
