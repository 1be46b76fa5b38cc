//! `cargo xtask test`: everything that must hold, and a summary that can be believed.

mod report;

use std::process::Command;
use std::time::Instant;

use clap::Args;

use crate::ebpf;
use crate::fuzz;
use crate::setup;
use crate::shell::{self, Result, cargo};
use report::Report;

/// Tests of what the kernel tells, which kernels before 5.17 and 6.3 tell another way.
const AS_ON_OLDER_KERNELS: &[&str] = &[
    "system_calls::",
    "sockets::",
    "decoys::",
    "links::a_whole_chain",
    "processes::short",
    "postgresql::the",
];

#[derive(Args)]
pub(crate) struct Options {
    /// Leave setting the machine up out.
    #[arg(long)]
    no_setup: bool,
    /// Leave format, lints and unit tests out.
    #[arg(long)]
    only_e2e: bool,
    /// Leave the end-to-end tests out.
    #[arg(long, conflicts_with = "only_e2e")]
    no_e2e: bool,
    /// Fuzz every target as well, for so many minutes each.
    #[arg(long, value_name = "MINUTES")]
    fuzz: Option<f64>,
    /// Run only the tests whose names contain this.
    filter: Option<String>,
}

/// Runs what was asked for; whether all of it holds.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    let started = Instant::now();
    if !options.no_setup {
        setup::install(ci)?;
    }
    let mut failed = Vec::new();
    let mut report = Report::default();
    let mut step = |what: &'static str, result: Result| {
        if let Err(why) = result {
            eprintln!("xtask: {why}");
            failed.push(what);
        }
    };
    if !options.only_e2e && options.filter.is_none() {
        step("format", heading("format", &mut cargo(["fmt", "--all", "--check"])));
        let kernel = ["fmt", "--manifest-path", "ebpf/Cargo.toml", "--check"];
        step("format of the kernel programs", shell::run(&mut cargo(kernel)));
        let mut clippy = cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
        step("lints", heading("lints", &mut clippy));
    }
    if ci && options.filter.is_none() {
        println!("\n== kernel object");
        step("kernel object", ebpf::run(&ebpf::Options { check: true }));
    }
    if !options.only_e2e {
        let arguments = ["test", "--workspace", "--exclude", "onlooker-e2e", "--no-fail-fast"];
        step("unit tests", report.cargo_test("unit tests", &mut tests(&arguments, options)));
        let arguments = ["test", "--package", "onlooker-e2e", "--lib"];
        step("harness tests", report.cargo_test("harness tests", &mut tests(&arguments, options)));
    }
    if !options.no_e2e {
        let built =
            heading("agent", &mut cargo(["build", "--release", "--locked", "--bin", "onlooker"]));
        let is_built = built.is_ok();
        step("build of the agent", built);
        if is_built {
            let arguments = ["test", "--package", "onlooker-e2e", "--test", "e2e"];
            let mut command = tests(&arguments, options);
            // Each starts servers and an agent of its own.
            command.args(["--test-threads", "4"]);
            if ci {
                command.env("ONLOOKER_REQUIRE_E2E", "1");
            }
            step("end-to-end tests", report.cargo_test("end-to-end tests", &mut command));
            let what = "end-to-end tests, as on kernel 5.10";
            for test in if options.filter.is_none() { AS_ON_OLDER_KERNELS } else { &[] } {
                command.arg(test);
            }
            command.env("ONLOOKER_AS_KERNEL", "5.10");
            step(what, report.cargo_test(what, &mut command));
        }
    }
    if let Some(minutes) = options.fuzz {
        println!("\n== fuzz");
        step("fuzz", fuzz::run(&fuzz::Options { minutes, target: None }));
    }

    println!();
    report.print(&failed, started.elapsed());
    Ok(failed.is_empty())
}

/// `cargo test`, with the output of tests that pass, too: among it is why some were skipped.
fn tests(arguments: &[&str], options: &Options) -> Command {
    let mut command = cargo(arguments);
    command.arg("--").arg("--show-output").args(&options.filter);
    command
}

fn heading(what: &str, command: &mut Command) -> Result {
    println!("\n== {what}");
    shell::run(command)
}
