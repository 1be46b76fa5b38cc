//! `cargo xtask accuracy`: how many links are right, wrong and missing.
//!
//! Every request carries a number that each hop repeats in the URL's path, where the agent may not
//! look for links. So each span says which request it belongs to, and a link is right if both its
//! ends belong to the same one.

mod count;
mod workload;

use clap::Args;
use onlooker_e2e::Agent;

use crate::load;
use crate::setup;
use crate::shell::{self, Result, cargo};
use crate::table;
use count::{Links, count};
use workload::{ALL, Workload};

const DOCUMENT: &str = "docs/accuracy.md";
const CONCURRENCIES: [u32; 3] = [1, 16, 64];

#[derive(Args)]
pub(crate) struct Options {
    /// Requests in each run.
    #[arg(long, default_value_t = 2_000)]
    requests: u32,
    /// Put the table into docs/accuracy.md.
    #[arg(long)]
    write: bool,
    /// Only the workloads whose names contain this.
    workload: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result {
    setup::install_services();
    shell::run(&mut cargo(["build", "--release", "--bin", "onlooker"]))?;
    let mut rows = vec![
        [
            "workload",
            "at once",
            "inside: right",
            "wrong",
            "missing",
            "between: right",
            "wrong",
            "missing",
            "spans lost",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    let wanted = |workload: &&Workload| {
        options.workload.as_ref().is_none_or(|name| workload.name.contains(name.as_str()))
    };
    for workload in ALL.iter().filter(wanted) {
        for concurrency in CONCURRENCIES {
            let (inside, between, lost) = measure(workload, concurrency, options.requests)?;
            let counts = [inside.right, inside.wrong, inside.missing].into_iter().chain([
                between.right,
                between.wrong,
                between.missing,
                lost,
            ]);
            let mut row = vec![workload.name.to_owned(), concurrency.to_string()];
            row.extend(counts.map(|count| count.to_string()));
            println!("{}", row.join("  "));
            rows.push(row);
        }
    }
    let text = table::markdown(&rows);
    println!("\n{text}");
    if options.write { table::write(DOCUMENT, "links", &text) } else { Ok(()) }
}

/// Runs a workload: links inside the measured service, links between processes, spans lost.
fn measure(workload: &Workload, concurrency: u32, requests: u32) -> Result<(Links, Links, u32)> {
    let running = workload.start();
    let agent = Agent::trace_pids(&running.pids());
    let answered = load::numbered(running.port(), concurrency, requests);
    if answered != requests {
        return Err(format!("{}: {answered} of {requests} requests answered", workload.name));
    }
    let expected = requests * workload.spans_per_request();
    agent.settle(expected as usize);
    let roles = running.roles();
    let spans = agent.finish().successful().spans;
    let (inside, between) = count(&spans, requests, workload, &roles);
    Ok((inside, between, expected.saturating_sub(spans.len() as u32)))
}
