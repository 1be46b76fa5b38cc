//! A virtual environment with what workloads and the OTLP receiver import.

use std::path::Path;
use std::process::Command;

use onlooker_e2e::workspace;

use super::stamp::Stamp;
use crate::shell::{Result, run};

const PACKAGES: &[&str] = &[
    "boto3",
    "confluent-kafka",
    "flask",
    "flask-cors",
    "grpcio",
    "gunicorn",
    "kafka-python",
    "moto[dynamodb,s3]",
    "opentelemetry-proto",
    "pika",
    "psycopg[binary]",
    "pymysql",
    "redis",
];

pub(super) fn install() -> Result {
    let directory = workspace().join("target/venv");
    let stamp = Stamp::new(&directory, PACKAGES);
    if stamp.is_there() {
        return Ok(());
    }
    // The distribution's interpreter, where there is one: others come and go.
    let debian = Path::new("/usr/bin/python3");
    let python = if debian.exists() { debian } else { Path::new("python3") };
    run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&directory))?;
    run(Command::new(directory.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES))?;
    stamp.set()
}
