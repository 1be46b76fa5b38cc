//! `cargo xtask setup`: installs what building the BPF object, testing and the demo need. Seconds
//! when it is all there. The demo and the measures install only what they need of it themselves.

mod grpc;
mod kafka;
mod node;
mod packages;
mod python;
mod stamp;

use std::path::Path;
use std::process::Command;

use clap::Args;

use crate::shell::{self, Result, cargo, has_program, is_root};

#[derive(Args)]
pub(crate) struct Options {
    /// Fail on anything that cannot be installed (the continuous build sets `CI=true`, which means
    /// the same). Otherwise it is named and the rest goes on.
    #[arg(long)]
    pub(crate) ci: bool,
}

type Step = fn() -> Result;

/// For the services of the demo and of measures.
const SERVICES: &[(&str, Step)] = &[
    ("packages of services", packages::install_services),
    ("Python environment", python::install),
    ("Node packages", node::install),
    ("tracefs", tracefs),
];

/// For tests and for building the BPF object, beside those.
const REST: &[(&str, Step)] = &[
    ("packages of tests and the toolchain", packages::install_rest),
    ("bpf-linker", bpf_linker),
    ("Kafka", kafka::install),
    ("C++ gRPC", grpc::install),
];

/// Does every step; with `strict`, one that cannot be done is a failure.
pub(crate) fn install(strict: bool) -> Result {
    let missing = do_all(SERVICES.iter().chain(REST));
    if strict && !missing.is_empty() {
        return Err(format!("could not set up {}", missing.join(", ")));
    }
    Ok(())
}

/// Does the steps that the demo and the measures need, as far as it can: the rest takes a newcomer many minutes.
pub(crate) fn install_services() {
    do_all(SERVICES);
}

/// Names what could not be done.
fn do_all<'a>(steps: impl IntoIterator<Item = &'a (&'static str, Step)>) -> Vec<&'static str> {
    let mut missing = Vec::new();
    for (what, step) in steps {
        match step() {
            Ok(()) => println!("setup: {what}: there"),
            Err(why) => {
                println!("setup: {what}: MISSING: {why}");
                missing.push(*what);
            }
        }
    }
    missing
}

pub(crate) fn run(options: &Options) -> Result {
    install(options.ci || std::env::var_os("CI").is_some_and(|value| value == "true"))
}

/// The linker that makes one BPF object of what rustc emits. Debian's LLVM 22 fits `rustc-web`.
fn bpf_linker() -> Result {
    const LLVM: &str = "/usr/lib/llvm-22";
    if has_program("bpf-linker") {
        return Ok(());
    }
    if !Path::new(LLVM).exists() {
        return Err(format!("needs LLVM 22 in {LLVM} (package llvm-22-dev)"));
    }
    shell::run(
        cargo(["install", "bpf-linker", "--locked", "--no-default-features"])
            .args(["--features", "llvm-22"])
            .env("LLVM_PREFIX", LLVM)
            .env("RUSTFLAGS", format!("-L {LLVM}/lib")),
    )
}

/// Tracepoints are attached by the ids that this file system shows.
fn tracefs() -> Result {
    if Path::new("/sys/kernel/tracing/events").exists()
        || Path::new("/sys/kernel/debug/tracing/events").exists()
    {
        return Ok(());
    }
    if !is_root() {
        return Err("as root: mount -t tracefs tracefs /sys/kernel/tracing".to_owned());
    }
    shell::run(Command::new("mount").args(["-t", "tracefs", "tracefs", "/sys/kernel/tracing"]))
}
