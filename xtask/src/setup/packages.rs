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

/// Debian's packages for the services of the demo and of measures. All run in the foreground with a
/// configuration of their own: nothing of the machine's configuration is read or changed.
const SERVICES: &[&str] = &[
    "nginx-light",
    "php-cli",
    "php-fpm",
    "php-pgsql",
    "php-redis",
    "postgresql",
    "postgresql-client",
    "python3-venv",
    "redis-server",
    "redis-tools",
    "ruby",
    "ruby-pg",
    "ruby-redis",
    "ruby-webrick",
    "util-linux",
    "wrk",
];

/// Debian's packages for testing, beside those.
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
    "rabbitmq-server",
    "tshark",
];

/// Programs that come from the distribution or from elsewhere, with Debian's package: npm may be a package apart.
const NODE: &[(&str, &str)] = &[("node", "nodejs"), ("npm", "npm")];
const JAVA: &[(&str, &str)] = &[("java", "default-jre-headless"), ("mvn", "maven")];

/// What to look for on other distributions, whose packages have other names, for services.
const SERVICE_PROGRAMS: &[&str] = &[
    "nginx",
    "node",
    "npm",
    "php",
    "php-fpm",
    "psql",
    "redis-cli",
    "redis-server",
    "ruby",
    "setpriv",
    "wrk",
];

/// The same for building the BPF object and for tests.
const TEST_PROGRAMS: &[&str] = &[
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
    "rabbitmq-server",
    "tshark",
];

/// Installs what the demo and measures need and is not installed.
pub(super) fn install_services() -> Result {
    install(&[SERVICES], NODE, SERVICE_PROGRAMS)
}

/// Installs what building the BPF object and tests need as well.
pub(super) fn install_rest() -> Result {
    install(&[BUILD, TEST], JAVA, TEST_PROGRAMS)
}

fn install(
    packages: &[&[&'static str]],
    others: &[(&str, &'static str)],
    names: &[&str],
) -> Result {
    if !has_program("apt-get") {
        return name_missing(names);
    }
    let wanted = packages.iter().copied().flatten().copied();
    let mut missing: Vec<&str> = wanted.filter(|name| !is_installed(name)).collect();
    missing.extend(others.iter().filter(|it| !has_program(it.0)).map(|(_, package)| *package));
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

fn name_missing(programs: &[&str]) -> Result {
    let missing: Vec<&str> = programs.iter().copied().filter(|name| !has_program(name)).collect();
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
