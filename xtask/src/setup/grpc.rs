//! The workload of gRPC in C++, compiled: seconds, as it has no generated code.

use std::fs;
use std::process::Command;

use onlooker_e2e::{grpc_cpp, workload};

use super::stamp::Stamp;
use crate::shell::{Result, run};

pub(super) fn install() -> Result {
    let program = grpc_cpp();
    let source = workload("grpc_cpp.cc");
    let text = fs::read_to_string(&source).map_err(|why| format!("{}: {why}", source.display()))?;
    let directory = program.parent().ok_or("a program without a directory")?;
    let stamp = Stamp::new(directory, &[text.as_str()]);
    if stamp.is_there() {
        return Ok(());
    }
    fs::create_dir_all(directory).map_err(|why| format!("{}: {why}", directory.display()))?;
    run(Command::new("g++").args(["-std=c++17", "-O1", "-o"]).arg(&program).arg(&source).args([
        "-lgrpc++",
        "-lgrpc",
        "-lgpr",
        "-labsl_synchronization",
    ]))?;
    stamp.set()
}
