//! A receiver of OTLP that is not our code: grpcio and opentelemetry-proto, in Python.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;

use crate::process::{Streams, command};
use crate::{PATIENCE, POLL, Process, Scratch, free_port, python, wait_for_tcp, workload};

/// A running receiver: gRPC on one port, HTTP on another.
#[derive(Debug)]
pub struct Receiver {
    /// Where it speaks OTLP/gRPC.
    pub grpc_port: u16,
    /// Where it speaks OTLP/HTTP, protobuf and JSON.
    pub http_port: u16,
    _process: Process,
    file: PathBuf,
    _directory: Scratch,
}

impl Receiver {
    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start() -> Self {
        let directory = Scratch::new("receiver");
        let file = directory.write("requests", "");
        let (grpc_port, http_port) = (free_port(), free_port());
        let mut receiver = command(python());
        receiver
            .arg(workload("otlp_receiver.py"))
            .args([grpc_port.to_string(), http_port.to_string()])
            .arg(&file);
        let mut process = Process::spawn(receiver, Streams::Log);
        wait_for_tcp(&mut process, grpc_port);
        wait_for_tcp(&mut process, http_port);
        Self { grpc_port, http_port, _process: process, file, _directory: directory }
    }

    /// The export requests received so far, as OTLP JSON of the reference implementation, each with
    /// `"transport"` and `"headers"` beside `"request"`.
    ///
    /// # Panics
    /// If the receiver wrote something else.
    #[must_use]
    pub fn requests(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.file).expect("the receiver's file");
        // The last line may be half written.
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        complete.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// The spans received so far, each with its resource under `"resource"` and its scope under
    /// `"scope"`.
    #[must_use]
    pub fn spans(&self) -> Vec<Value> {
        let mut spans = Vec::new();
        for request in self.requests() {
            for resource in list(&request["request"], "resourceSpans") {
                for scope in list(&resource, "scopeSpans") {
                    for mut span in list(&scope, "spans") {
                        span["resource"] = resource["resource"].clone();
                        span["scope"] = scope["scope"].clone();
                        spans.push(span);
                    }
                }
            }
        }
        spans
    }

    /// Waits until the spans received satisfy the condition.
    ///
    /// # Panics
    /// If they do not within [`PATIENCE`].
    pub fn wait_for(&self, what: &str, mut done: impl FnMut(&[Value]) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let spans = self.spans();
            if done(&spans) {
                return spans;
            }
            assert!(Instant::now() < deadline, "{what} did not arrive; received {spans:#?}");
            std::thread::sleep(POLL);
        }
    }
}

/// The value of an attribute in an OTLP list of attributes.
#[must_use]
pub fn attribute<'a>(holder: &'a Value, key: &str) -> Option<&'a Value> {
    let attributes = holder["attributes"].as_array()?;
    attributes.iter().find(|attribute| attribute["key"] == key).map(|attribute| &attribute["value"])
}

fn list(value: &Value, key: &str) -> Vec<Value> {
    value[key].as_array().cloned().unwrap_or_default()
}
