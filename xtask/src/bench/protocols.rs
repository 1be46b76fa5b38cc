//! `cargo xtask bench protocols`: each dissector on one core, beside a library that reads the same.
//!
//! What is measured, and how, is in `protocol/bench`.

use clap::Args;

use crate::shell::{self, Result, cargo};
use crate::table;

const DOCUMENT: &str = "docs/protocols.md";

#[derive(Args)]
pub(crate) struct Options {
    /// Put the table into docs/protocols.md.
    #[arg(long)]
    write: bool,
    /// Only the cases whose names contain this.
    case: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result {
    let package = ["run", "--quiet", "--release", "--package", "onlooker-bench-protocols", "--"];
    let told = shell::run_quietly(cargo(package).args(&options.case))?;
    let heading = ["case", "ns an exchange", "exchanges/s", "MB/s", "beside", "its MB/s"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(told.lines().map(|line| line.split('\t').map(str::to_owned).collect()));
    let table = table::markdown(&rows);
    println!("\n{table}");
    if options.write {
        if options.case.is_some() {
            return Err("--write needs every case".to_owned());
        }
        table::write(DOCUMENT, "protocols", &table)?;
        println!("written to {DOCUMENT}");
    }
    Ok(())
}
