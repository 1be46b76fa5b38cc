//! What the end-to-end tests, the demo and the benches share: real servers started by hand in a
//! directory of their own, real clients, the real agent, and a receiver of spans that is not our
//! code.
//!
//! Everything that is started is a [`Process`], which ends with its owner, panics included. Nothing
//! waits by sleeping for a guessed time: readiness is a connection that is accepted, a line that is
//! printed or a span that has arrived, each with a deadline ([`PATIENCE`]).

#![forbid(unsafe_code)]

mod agent;
pub mod http;
mod place;
mod ports;
pub mod process;
pub mod receiver;
pub mod servers;
pub mod services;
mod session;
mod span;

use std::path::Path;
use std::time::Duration;

pub use agent::{Agent, Finished};
pub use place::{
    Scratch, agent_binary, grpc_cpp, kafka_jars, node_modules, python, workload, workspace,
};
pub use ports::{free_port, wait_for_port, wait_for_socket, wait_for_tcp};
pub use process::Process;
pub use receiver::Receiver;
pub use session::Session;
pub use span::{Link, Span, Spans};

/// How long anything that must happen is waited for. Far more than it takes on an idle machine:
/// a test that hits it has failed, however slow the machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition that cannot be waited on is looked at again.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// Why end-to-end tests cannot run here, if they cannot.
#[must_use]
pub fn obstacle() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root: run `cargo xtask test` as root".to_owned());
    }
    let agent = agent_binary();
    if !agent.exists() {
        return Some(format!("{} is not built: run `cargo xtask test`", agent.display()));
    }
    if !python().exists() {
        return Some("the Python environment is missing: run `cargo xtask setup`".to_owned());
    }
    None
}

/// Whether a test must be left out here: prints why. With `ONLOOKER_REQUIRE_E2E=1` (the continuous
/// build), where nothing may be left out, it panics instead.
///
/// # Panics
/// If tests are required and cannot run.
#[must_use]
pub fn skipped() -> bool {
    skipped_because(obstacle())
}

/// The same for a test that needs something more: what it takes to start a server.
///
/// # Panics
/// If tests are required and cannot run.
#[must_use]
pub fn skipped_without(needed: &Path) -> bool {
    let missing = || format!("{} is missing: run `cargo xtask setup`", needed.display());
    skipped_because(obstacle().or_else(|| (!needed.exists()).then(missing)))
}

fn skipped_because(why: Option<String>) -> bool {
    let Some(why) = why else { return false };
    assert!(
        std::env::var_os("ONLOOKER_REQUIRE_E2E").is_none_or(|value| value != "1"),
        "end-to-end tests are required and cannot run: {why}"
    );
    println!("skipped: {why}");
    true
}
