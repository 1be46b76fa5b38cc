//! `cargo xtask bench pipeline`: records through the user-space pipeline on one core.
//!
//! What is measured is in `pipeline/examples`: `throughput` takes the time, `allocations` counts, as
//! counting takes time itself.

use clap::Args;

use crate::shell::{self, Result, cargo};
use crate::table;

const DOCUMENT: &str = "docs/overhead.md";

#[derive(Args)]
pub(crate) struct Options {
    /// Put the table into docs/overhead.md.
    #[arg(long)]
    write: bool,
}

/// What one run of an example told.
struct Run {
    name: String,
    spans: f64,
    /// Seconds, or allocations.
    figure: f64,
}

pub(crate) fn run(options: &Options) -> Result {
    let (timed, counted) = (example("throughput")?, example("allocations")?);
    let heading = ["records of", "spans/s", "µs a span", "allocations a span"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for count in &counted {
        let mut rates: Vec<f64> = timed
            .iter()
            .filter(|run| run.name == count.name)
            .map(|run| run.spans / run.figure)
            .collect();
        rates.sort_by(f64::total_cmp);
        let [slowest, .., fastest] = rates[..] else {
            return Err(format!("throughput told less than two runs of {}", count.name));
        };
        let median = rates[rates.len() / 2];
        rows.push(vec![
            count.name.clone(),
            format!("{median:.0} ({slowest:.0}–{fastest:.0})"),
            format!("{:.2}", 1e6 / median),
            format!("{:.1}", count.figure / count.spans),
        ]);
    }
    let text = table::markdown(&rows);
    println!("\n{text}");
    if options.write {
        table::write(DOCUMENT, "pipeline", &text)?;
        println!("written to {DOCUMENT}");
    }
    Ok(())
}

fn example(name: &str) -> Result<Vec<Run>> {
    println!("== {name}");
    let package = ["run", "--quiet", "--release", "--package", "onlooker-pipeline", "--example"];
    let told = shell::run_quietly(cargo(package).arg(name))?;
    told.lines().map(|line| parse(line).ok_or(format!("what is this? {line}"))).collect()
}

fn parse(line: &str) -> Option<Run> {
    let mut fields = line.split('\t');
    let name = fields.next()?.to_owned();
    let mut number = || fields.next()?.parse().ok();
    Some(Run { name, spans: number()?, figure: number()? })
}
