//! Node packages that the workloads require.

use std::fs;
use std::process::Command;

use onlooker_e2e::workspace;

use super::stamp::Stamp;
use crate::shell::{Result, run};

const PACKAGES: &[&str] =
    &["@grpc/grpc-js@1", "amqplib@0.10", "express@4", "ioredis@5", "kafkajs@2", "mysql2@3", "pg@8"];

pub(super) fn install() -> Result {
    let directory = workspace().join("target/node");
    let stamp = Stamp::new(&directory, PACKAGES);
    if stamp.is_there() {
        return Ok(());
    }
    fs::create_dir_all(&directory).map_err(|why| format!("{}: {why}", directory.display()))?;
    run(Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"])
        .arg("--prefix")
        .arg(&directory)
        .args(PACKAGES))?;
    stamp.set()
}
