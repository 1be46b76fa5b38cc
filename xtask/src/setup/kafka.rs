//! A Kafka broker, from Maven Central.

use std::fs;
use std::process::Command;

use onlooker_e2e::{kafka_jars, workload};

use super::stamp::Stamp;
use crate::shell::{Result, run};

pub(super) fn install() -> Result {
    let directory = kafka_jars();
    let description = workload("kafka/pom.xml");
    let text = fs::read_to_string(&description)
        .map_err(|why| format!("{}: {why}", description.display()))?;
    let stamp = Stamp::new(&directory, &[text.as_str()]);
    if stamp.is_there() {
        return Ok(());
    }
    // What another version left would be on the class path.
    let _ = fs::remove_dir_all(&directory);
    run(Command::new("mvn")
        .args(["-q", "-B", "-f"])
        .arg(&description)
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", directory.display()))
        .arg("-DincludeScope=runtime"))?;
    stamp.set()
}
