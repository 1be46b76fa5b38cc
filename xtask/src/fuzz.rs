//! `cargo xtask fuzz`: every fuzz target for a while.
//!
//! Seeds are in `fuzz/seeds/TARGET`, findings go to `fuzz/artifacts/TARGET`.

use std::fs;

use clap::Args;
use onlooker_e2e::workspace;

use crate::shell::{self, Result, cargo, has_program};

#[derive(Args)]
pub(crate) struct Options {
    /// Minutes for each target.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) minutes: f64,
    /// Only the targets whose names contain this.
    pub(crate) target: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result {
    if !has_program("cargo-fuzz") {
        shell::run(&mut cargo(["install", "cargo-fuzz", "--locked"]))?;
    }
    let seconds = (options.minutes * 60.0).max(1.0) as u64;
    let listed = shell::run_quietly(&mut cargo(["fuzz", "list"]))?;
    let mut found = Vec::new();
    for target in listed
        .lines()
        // A tool that makes seeds of captures, beside the targets.
        .filter(|name| *name != "seeds")
        .filter(|name| options.target.as_ref().is_none_or(|wanted| name.contains(wanted.as_str())))
    {
        println!("\n== {target}: {seconds} s");
        // Seeds are committed; what the fuzzer finds on the way is not.
        let corpus = workspace().join("fuzz/corpus").join(target);
        let seeds = workspace().join("fuzz/seeds").join(target);
        fs::create_dir_all(&corpus).map_err(|why| format!("{}: {why}", corpus.display()))?;
        let mut fuzz = cargo(["fuzz", "run", target]);
        // Sanitizers are not stable; the stable toolchain has them all the same.
        fuzz.env("RUSTC_BOOTSTRAP", "1");
        fuzz.arg(corpus);
        if seeds.exists() {
            fuzz.arg(seeds);
        }
        fuzz.args(["--", &format!("-max_total_time={seconds}"), "-rss_limit_mb=2048"]);
        if shell::run(&mut fuzz).is_err() {
            found.push(target);
        }
    }
    if found.is_empty() { Ok(()) } else { Err(format!("findings in {}", found.join(", "))) }
}
