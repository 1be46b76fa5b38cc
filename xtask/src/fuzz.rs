//! `cargo xtask fuzz`: every fuzz target for a while.
//!
//! Seeds are in `fuzz/seeds/TARGET`, findings go to `fuzz/artifacts/TARGET`.

use std::fs;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

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
    let wanted =
        |name: &&str| options.target.as_ref().is_none_or(|wanted| name.contains(wanted.as_str()));
    // `seeds` is a tool that makes seeds of captures, beside the targets.
    let targets: Vec<_> = listed.lines().filter(|name| *name != "seeds").filter(wanted).collect();
    shell::run(&mut fuzz("build", None))?;

    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{} targets, {seconds} s each, {at_once} at once", targets.len());
    let left = Mutex::new(targets.into_iter());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(target) = next() {
                    match run_target(target, seconds) {
                        Ok(summary) => println!("{target}: {summary}"),
                        Err(why) => {
                            println!("{target}: a finding, see fuzz/artifacts/{target}\n{why}");
                            found.lock().unwrap_or_else(PoisonError::into_inner).push(target);
                        }
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if found.is_empty() { Ok(()) } else { Err(format!("findings in {}", found.join(", "))) }
}

/// Fuzzes one target; gives libFuzzer's last word.
fn run_target(target: &str, seconds: u64) -> Result<String> {
    // Seeds are committed; what the fuzzer finds on the way is not.
    let corpus = workspace().join("fuzz/corpus").join(target);
    let seeds = workspace().join("fuzz/seeds").join(target);
    fs::create_dir_all(&corpus).map_err(|why| format!("{}: {why}", corpus.display()))?;
    let mut command = fuzz("run", Some(target));
    command.arg(corpus);
    if seeds.exists() {
        command.arg(seeds);
    }
    command.args(["--", &format!("-max_total_time={seconds}"), "-rss_limit_mb=2048"]);
    let output = command.output().map_err(|why| format!("cargo fuzz: {why}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let last = |n: usize| {
        let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(n)..].join("\n")
    };
    if output.status.success() { Ok(last(1)) } else { Err(last(40)) }
}

fn fuzz(what: &str, target: Option<&str>) -> Command {
    let mut command = cargo(["fuzz", what]);
    command.args(target);
    // Sanitizers are not stable; the stable toolchain has them all the same.
    command.env("RUSTC_BOOTSTRAP", "1");
    command
}
