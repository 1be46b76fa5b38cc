//! Packages of the distribution.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::shell::{Result, has_program, is_root, run, run_quietly};

/// Debian's packages for building the BPF object.
const BUILD: &[&str] =
    &["rustc-web", "libstd-rust-web-dev-bpf", "llvm-22-dev", "libzstd-dev", "zlib1g-dev", "gcc"];

/// Debian's packages for testing, measuring and the demo. All run in the foreground with a
/// configuration of their own: nothing of the machine's configuration is read or changed.
const TEST: &[&str] = &[
    "apache2-utils",
    "curl",
    "etcd-client",
    "etcd-server",
    "g++",
    "libgrpc++-dev",
    "mariadb-client",
    "mariadb-server",
    "nghttp2-client",
    "nginx-light",
    "php-cli",
    "php-fpm",
    "php-pgsql",
    "php-redis",
    "postgresql",
    "postgresql-client",
    "python3-venv",
    "rabbitmq-server",
    "redis-server",
    "redis-tools",
    "ruby",
    "ruby-pg",
    "ruby-redis",
    "ruby-webrick",
    "tshark",
    "util-linux",
    "wrk",
];

/// What to look for on other distributions, whose packages have other names.
const PROGRAMS: &[&str] = &[
    "ab",
    "bpf-linker",
    "curl",
    "etcd",
    "etcdctl",
    "g++",
    "h2load",
    "java",
    "mariadb",
    "mariadbd",
    "mvn",
    "nginx",
    "node",
    "npm",
    "php",
    "php-fpm",
    "psql",
    "rabbitmq-server",
    "redis-cli",
    "redis-server",
    "ruby",
    "setpriv",
    "tshark",
    "wrk",
];

/// Installs what is not installed.
pub(super) fn install() -> Result {
    if !has_program("apt-get") {
        return name_missing_programs();
    }
    let mut missing: Vec<&str> = wanted().filter(|name| !is_installed(name)).collect();
    // Node comes from the distribution or from elsewhere, with or without npm as a package apart;
    // so do Java and Maven.
    missing.extend(
        [("node", "nodejs"), ("npm", "npm"), ("java", "default-jre-headless"), ("mvn", "maven")]
            .into_iter()
            .filter(|(program, _)| !has_program(program))
            .map(|(_, package)| package),
    );
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root() {
        return Err(format!("as root: apt-get install {}", missing.join(" ")));
    }
    let _quiet = NoAutostart::set();
    if apt(&missing).is_err() {
        // The lists may be absent or old.
        run(apt_get().args(["update", "-q"]))?;
        apt(&missing)?;
    }
    Ok(())
}

fn wanted() -> impl Iterator<Item = &'static str> {
    BUILD.iter().chain(TEST).copied()
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    run_quietly(query.args(["-W", "-f", "${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}

fn apt(packages: &[&str]) -> Result {
    println!("setup: installing {}", packages.join(" "));
    run(apt_get().args(["install", "-y", "-q", "--no-install-recommends"]).args(packages))
}

fn apt_get() -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").args(["-o", "DPkg::Lock::Timeout=300"]);
    apt
}

fn name_missing_programs() -> Result {
    let missing: Vec<&str> = PROGRAMS.iter().copied().filter(|name| !has_program(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "this is not Debian; install by hand: {}. To build the BPF object: a nightly Rust with \
         rust-src, and bpf-linker",
        missing.join(", ")
    ))
}

/// Keeps the packages' services from starting while they are installed: the tests start their own.
/// An existing policy of the machine stays.
struct NoAutostart(bool);

impl NoAutostart {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn set() -> Self {
        let made = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(Self::POLICY)
            .and_then(|mut file| file.write_all(b"#!/bin/sh\nexit 101\n"));
        Self(made.is_ok())
    }
}

impl Drop for NoAutostart {
    fn drop(&mut self) {
        if self.0 {
            let _ = fs::remove_file(Path::new(Self::POLICY));
        }
    }
}
