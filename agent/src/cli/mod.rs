//! The command line: one file a command.

mod clock;
mod doctor;
mod failures;
mod live;
mod news;
mod output;
mod replay;
mod report;
mod run;
mod say;
mod stop;
mod summary;
mod tape;
mod trace;
mod values;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Distributed tracing of services that nobody instrumented: watches their sockets from the
/// kernel and shows every request's whole way through them, as OpenTelemetry spans.
#[derive(Debug, Parser)]
#[command(
    name = "onlooker",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "\
Examples:
  onlooker doctor                           whether Onlooker works here
  onlooker trace --pid 4242                 the requests of a service that is running
  onlooker trace --help                     other ways to choose, and where spans go"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch processes and show their traces
    Trace(trace::Arguments),
    /// Run as a daemon, by a configuration file
    Run(run::Arguments),
    /// Show the traces of packet captures (pcap, pcapng) and of event files (`trace --record`)
    Replay(replay::Arguments),
    /// Tell what this machine allows, what is missing and what that costs
    Doctor(doctor::Arguments),
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Trace(arguments) => trace::run(arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            say::say(format_args!("onlooker: {}", crate::errors::chain(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}
