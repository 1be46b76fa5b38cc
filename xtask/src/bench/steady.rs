//! `cargo xtask bench loss`: a constant rate for a while; every request must be one span at each
//! side.

use std::io::{BufRead as _, BufReader, Write as _};

use clap::Args;
use onlooker_e2e::process::{Process, Streams, command};
use onlooker_e2e::servers::Nginx;

use super::traced::Traced;
use crate::setup;
use crate::shell::{self, Result, cargo};
use crate::table;

const DOCUMENT: &str = "docs/overhead.md";

#[derive(Args)]
pub(crate) struct Options {
    /// Requests a second.
    #[arg(long, default_value_t = 10_000)]
    rate: u32,
    /// For so many seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Connections of the client.
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// Put the result into docs/overhead.md.
    #[arg(long)]
    write: bool,
}

pub(crate) fn run(options: &Options) -> Result {
    setup::install_services();
    shell::run(&mut cargo(["build", "--release", "--bin", "onlooker"]))?;
    let nginx = Nginx::start("");
    nginx.directory().write("www/kilobyte", "x".repeat(1_024));
    // The client is a process of its own: this one receives what the agent exports, and tracing
    // that would make spans of spans.
    let this = std::env::current_exe().map_err(|why| format!("xtask: {why}"))?;
    let mut client = command(this);
    client.args(["load", "--path", "/kilobyte", "--port", &nginx.port.to_string()]);
    client.args(["--rate", &options.rate.to_string()]);
    client.args(["--connections", &options.connections.to_string()]);
    client.args(["--seconds", &options.seconds.to_string()]);
    let mut client = Process::spawn(client, Streams::Dialogue);
    let mut said = BufReader::new(client.take_stdout().ok_or("no output")?).lines();
    let mut line = || said.next().and_then(|line| line.ok()).ok_or("the client ended".to_owned());
    line()?;

    let traced = Traced::start(&[nginx.pid(), client.pid()])?;
    println!("{} requests/s for {} s", options.rate, options.seconds);
    let mut input = client.take_stdin().ok_or("no input")?;
    input.write_all(b"go\n").map_err(|why| why.to_string())?;
    let answer = line()?;
    let counts: Vec<u64> = answer.split(' ').filter_map(|count| count.parse().ok()).collect();
    let [answered, failed] = counts[..] else { return Err(format!("the client said {answer}")) };
    traced.settle(2 * answered);
    let (cost, receiver) = traced.finish()?;

    let rows = [
        ["", "requests", "SERVER spans", "CLIENT spans", "agent CPU", "peak memory"]
            .map(str::to_owned)
            .to_vec(),
        vec![
            format!("{} requests/s for {} s", options.rate, options.seconds),
            answered.to_string(),
            receiver.servers().to_string(),
            receiver.clients().to_string(),
            format!("{:.1} s", (cost.user + cost.system).as_secs_f64()),
            format!("{:.1} MiB", cost.peak_kib as f64 / 1_024.0),
        ],
    ];
    let text = table::markdown(&rows);
    println!("\n{text}\n{}", cost.summary);
    if options.write {
        table::write(DOCUMENT, "loss", &text)?;
    }
    if failed > 0 {
        return Err(format!("{failed} requests failed"));
    }
    if receiver.servers() != answered || receiver.clients() != answered {
        return Err("spans are not one at each side of each request".to_owned());
    }
    Ok(())
}
