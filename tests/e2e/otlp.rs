//! What arrives at a receiver that is not ours, over each of OTLP's transports, is what the agent
//! prints.

use std::collections::BTreeMap;

use onlooker_e2e::http::get;
use onlooker_e2e::receiver::{Receiver, attribute};
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::services::python_service;
use onlooker_e2e::{Agent, Span, process, skipped};
use serde_json::{Value, json};

#[test]
fn grpc() {
    export("grpc", |receiver| receiver.grpc_port);
}

#[test]
fn http_protobuf() {
    export("http/protobuf", |receiver| receiver.http_port);
}

#[test]
fn http_json() {
    export("http/json", |receiver| receiver.http_port);
}

#[test]
fn compressed() {
    if skipped() {
        return;
    }
    let receiver = Receiver::start();
    let nginx = Nginx::start("location / { return 200 ok; }");
    let mut command = trace(nginx.pid());
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", receiver.http_port))
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc");
    let agent = Agent::spawn(command);
    agent.wait_until_ready();
    get(nginx.port, "/compressed");
    agent.wait_for("the span", |spans| !spans.is_empty());
    let _ = agent.finish().successful();
    let request = &receiver.requests()[0];
    assert_eq!(request["headers"]["content-encoding"], "gzip");
    assert_eq!(request["headers"]["authorization"], "Bearer abc");
    assert_eq!(receiver.spans().len(), 1);
}

#[test]
fn an_unreachable_collector_does_not_stop_the_trace() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let pid = nginx.pid().to_string();
    let nobody = onlooker_e2e::free_port();
    let url = format!("http://127.0.0.1:{nobody}");
    let agent = Agent::trace(["--pid", &pid, "--otlp", &url]);
    get(nginx.port, "/alone");
    agent.wait_for("the span on the terminal", |spans| !spans.is_empty());
    let finished = agent.finish();
    assert_eq!(finished.spans.len(), 1);
    assert!(finished.messages.contains(&nobody.to_string()), "{}", finished.messages);
}

fn trace(pid: u32) -> std::process::Command {
    let mut command = process::command(onlooker_e2e::agent_binary());
    command.args(["trace", "--format", "json", "--pid", &pid.to_string()]);
    command
}

/// A service and a server behind it, exported: the receiver must have what was printed.
fn export(protocol: &str, port: fn(&Receiver) -> u16) {
    if skipped() {
        return;
    }
    let receiver = Receiver::start();
    let nginx = Nginx::start("location / { return 503 busy; }");
    let service = python_service("hop.py", &[&format!("127.0.0.1:{}", nginx.port)]);
    let mut command = trace(nginx.pid());
    command
        .args(["--pid", &service.pid().to_string()])
        .args(["--otlp", &format!("http://127.0.0.1:{}", port(&receiver))])
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
    let agent = Agent::spawn(command);
    agent.wait_until_ready();
    for number in 0..10 {
        get(service.port, &format!("/export/{number}?token=secret&page=2"));
    }
    agent.wait_for("30 spans", |spans| spans.len() >= 30);
    let printed = agent.finish().successful().spans;

    for request in receiver.requests() {
        assert_eq!(request["transport"], protocol, "{request}");
        assert_eq!(request.get("error"), None);
    }
    let received = receiver.spans();
    assert_eq!((printed.len(), received.len()), (30, 30));
    let received: BTreeMap<&str, &Value> =
        received.iter().map(|span| (span["spanId"].as_str().expect("an id"), span)).collect();
    for span in &printed {
        assert_same(span, received[span.span_id.as_str()]);
    }
    assert!(!format!("{printed:?}").contains("secret"));
}

/// Compares field by field.
fn assert_same(printed: &Span, received: &Value) {
    let optional = |key: &str| received.get(key).and_then(Value::as_str);
    assert_eq!(optional("traceId"), Some(printed.trace_id.as_str()));
    assert_eq!(optional("parentSpanId"), printed.parent.as_deref());
    assert_eq!(optional("name"), Some(printed.name.as_str()));
    assert_eq!(received["kind"], format!("SPAN_KIND_{}", printed.kind));
    assert_eq!(received["startTimeUnixNano"], printed.start.to_string());
    assert_eq!(received["endTimeUnixNano"], printed.end.to_string());
    let code = received.get("status").and_then(|status| status.get("code"));
    let expected = (printed.status == "ERROR").then(|| json!("STATUS_CODE_ERROR"));
    assert_eq!(code, expected.as_ref());
    let evidence = attribute(received, "onlooker.parent.evidence");
    assert_eq!(evidence.map(plain), printed.evidence.clone().map(Value::from));
    let attributes: BTreeMap<String, Value> =
        values(received).into_iter().filter(|(key, _)| key != "onlooker.parent.evidence").collect();
    assert_eq!(attributes, printed.attributes.clone().into_iter().collect());
    assert_eq!(values(&received["resource"]), printed.resource.clone().into_iter().collect());
    assert_eq!(
        attribute(&received["resource"], "service.name").map(plain),
        Some(json!(printed.service))
    );
}

fn values(holder: &Value) -> BTreeMap<String, Value> {
    let attributes = holder["attributes"].as_array().cloned().unwrap_or_default();
    attributes
        .iter()
        .map(|attribute| {
            (attribute["key"].as_str().expect("a key").to_owned(), plain(&attribute["value"]))
        })
        .collect()
}

/// An OTLP value as plain JSON. Protobuf's JSON has 64-bit integers as text.
fn plain(value: &Value) -> Value {
    let (kind, inner) = value.as_object().and_then(|object| object.iter().next()).expect("a value");
    match kind.as_str() {
        "intValue" => json!(inner.as_str().expect("digits").parse::<i64>().expect("an integer")),
        "arrayValue" => {
            let values = inner.get("values").and_then(Value::as_array).cloned().unwrap_or_default();
            Value::Array(values.iter().map(plain).collect())
        }
        _ => inner.clone(),
    }
}
