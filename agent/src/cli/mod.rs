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
mod stop;
mod summary;
mod tape;
mod trace;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Distributed tracing of services that nobody instrumented: watches their sockets from the
/// kernel and shows every request's whole way through them, as OpenTelemetry spans.
#[derive(Debug, Parser)]
#[command(name = "onlooker", version, arg_required_else_help = true, max_term_width = 100)]
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
            eprintln!("onlooker: {}", crate::probe::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// A time such as `500ms`, `30s`, `5m`, `1h`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("units are ms, s, m and h".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "not a number with a unit".to_owned())?;
    Duration::try_from_secs_f64(number * factor).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for wrong in ["", "x", "5d", "-1s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
