//! What a receiver that is not ours (Python's grpcio and opentelemetry-proto) reads of what the
//! sinks send.

mod support;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use onlooker::config::{Compression, Config, Protocol};
use onlooker::sink::Sinks;
use onlooker_pipeline::span::{Evidence, Kind, Link, Span, SpanId, Status, TraceId, Value};
use serde_json::json;
use support::span;
use tokio::runtime::Handle;

const PATIENCE: Duration = Duration::from_secs(30);

/// The receiver of the end-to-end tests.
struct Receiver {
    process: Child,
    grpc: u16,
    http: u16,
    file: PathBuf,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

impl Receiver {
    /// `None`, with the reason printed, where there is no Python for it.
    async fn start(name: &str) -> Option<Self> {
        let workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let python = workspace.join("target/venv/bin/python");
        let script = workspace.join("tests/workloads/otlp_receiver.py");
        for needed in [&python, &script] {
            if !needed.exists() {
                eprintln!("skipped: {} is not there (cargo xtask setup)", needed.display());
                return None;
            }
        }
        let file = std::env::temp_dir().join(format!("onlooker-{name}-{}", std::process::id()));
        std::fs::write(&file, "").unwrap();
        let (grpc, http) = (free_port().await, free_port().await);
        let process = Command::new(python)
            .arg(script)
            .args([grpc.to_string(), http.to_string()])
            .arg(&file)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let receiver = Self { process, grpc, http, file };
        for port in [grpc, http] {
            let begin = Instant::now();
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                assert!(begin.elapsed() < PATIENCE, "the receiver does not listen");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Some(receiver)
    }

    fn requests(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(&self.file).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

async fn free_port() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// A span with something in every field.
fn full() -> Span {
    let mut call = span("SELECT items", 9);
    call.parent = Some(SpanId([5; 8]));
    call.parent_is_remote = true;
    call.evidence = Some(Evidence::SameCall);
    call.state = Some("vendor=x".into());
    call.kind = Kind::Client;
    call.status = Status::Error("boom".into());
    call.attributes.set("text", "漢字 \"\\\u{1b}\n");
    call.attributes.set("int", i64::MIN);
    call.attributes.set("flag", false);
    call.attributes.set("list", Value::Texts(["a".into(), "".into()].into()));
    call.links.push(Link {
        trace_id: TraceId([6; 16]),
        span_id: SpanId([8; 8]),
        state: None,
        attributes: call.attributes.clone(),
    });
    call
}

fn attributes() -> serde_json::Value {
    json!([
        {"key": "text", "value": {"stringValue": "漢字 \"\\\u{1b}\n"}},
        {"key": "int", "value": {"intValue": "-9223372036854775808"}},
        {"key": "flag", "value": {"boolValue": false}},
        {"key": "list", "value": {"arrayValue": {"values": [
            {"stringValue": "a"}, {"stringValue": ""}
        ]}}},
    ])
}

#[tokio::test]
async fn every_protocol_is_read_by_a_receiver_that_is_not_ours() {
    let Some(receiver) = Receiver::start("protocols").await else { return };
    let mut expected = attributes();
    expected
        .as_array_mut()
        .unwrap()
        .push(json!({"key": "onlooker.parent.evidence", "value": {"stringValue": "same-call"}}));
    let mut seen = 0;
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson] {
        for compression in [Compression::None, Compression::Gzip] {
            let port = if protocol == Protocol::Grpc { receiver.grpc } else { receiver.http };
            let mut config = Config::default();
            config.export.otlp.set_url(&format!("http://127.0.0.1:{port}"));
            config.export.otlp.protocol = Some(protocol);
            config.export.otlp.compression = compression;
            let sinks = Sinks::start(&config, &Handle::current()).unwrap();
            sinks.submit(vec![full(), span("GET", 3)]);
            let counts = sinks.flush_and_stop(PATIENCE).await.sinks.remove(0);
            assert_eq!((counts.exported, counts.dropped_total()), (2, 0), "{protocol}");

            seen += 1;
            let requests = receiver.requests();
            assert_eq!(requests.len(), seen);
            let entry = requests.last().unwrap();
            assert_eq!(entry["transport"], protocol.to_string());
            let group = &entry["request"]["resourceSpans"][0];
            assert_eq!(group["resource"]["attributes"][0]["value"]["stringValue"], "shop");
            let scope = &group["scopeSpans"][0];
            assert_eq!(scope["scope"]["name"], "onlooker");
            assert_eq!(scope["schemaUrl"], "https://opentelemetry.io/schemas/1.44.0");
            assert_eq!(
                scope["spans"][0],
                json!({
                    "traceId": "07070707070707070000000000000009",
                    "spanId": "000000000000000a",
                    "traceState": "vendor=x",
                    "parentSpanId": "0505050505050505",
                    "flags": 0x303,
                    "name": "SELECT items",
                    "kind": "SPAN_KIND_CLIENT",
                    "startTimeUnixNano": "1700000000000000000",
                    "endTimeUnixNano": "1700000000001000000",
                    "attributes": expected,
                    "links": [{
                        "traceId": "06060606060606060606060606060606",
                        "spanId": "0808080808080808",
                        "attributes": attributes(),
                    }],
                    "status": {"message": "boom", "code": "STATUS_CODE_ERROR"},
                }),
                "{protocol} {compression:?}"
            );
            assert_eq!(scope["spans"][1]["kind"], "SPAN_KIND_SERVER");
            assert_eq!(scope["spans"][1].get("parentSpanId"), None);
            assert_eq!(scope["spans"][1].get("status"), None);
        }
    }
}

#[tokio::test]
async fn ten_thousand_spans_arrive_once() {
    let Some(receiver) = Receiver::start("many").await else { return };
    let mut config = Config::default();
    config.export.otlp.set_url(&format!("http://127.0.0.1:{}", receiver.grpc));
    config.export.otlp.protocol = Some(Protocol::Grpc);
    let sinks = Sinks::start(&config, &Handle::current()).unwrap();
    for hundred in 0..100 {
        sinks.submit((0..100).map(|one| span("GET", hundred * 100 + one)).collect());
    }
    let counts = sinks.flush_and_stop(PATIENCE).await.sinks.remove(0);
    assert_eq!((counts.exported, counts.dropped_total()), (10_000, 0));
    let mut ids: Vec<String> = Vec::new();
    for entry in receiver.requests() {
        let spans = entry["request"]["resourceSpans"][0]["scopeSpans"][0]["spans"].clone();
        let spans = spans.as_array().unwrap().clone();
        ids.extend(spans.iter().map(|span| span["spanId"].as_str().unwrap().to_owned()));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10_000);
}
