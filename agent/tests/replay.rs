//! `onlooker replay` as anybody runs it: captures and event files, good and bad, and what it says.

#[path = "../../replay/tests/wire/mod.rs"]
mod wire;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use onlooker_replay::recording::{Head, Payloads, Writer};
use serde_json::Value;
use wire::{ACK, FIN, PSH, SYN, client, pcap, pcap_head, server};

/// A file that goes away with its owner.
struct TheFile(PathBuf);

impl TheFile {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("onlooker-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).expect("a temporary file");
        Self(path)
    }
}

impl Drop for TheFile {
    fn drop(&mut self) {
        // What is left behind in a temporary directory harms nobody.
        let _ = std::fs::remove_file(&self.0);
    }
}

struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

fn onlooker(arguments: &[&str], path: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onlooker"));
    command.arg("replay").args(arguments).arg(path).env_clear().stdin(Stdio::null());
    command
}

fn said(Output { status, stdout, stderr }: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (out, error) = (text(stdout), text(stderr));
    assert!(!error.contains("panicked"), "{error}");
    Said { code: status.code(), out, error }
}

fn replay(arguments: &[&str], file: &TheFile) -> Said {
    said(onlooker(arguments, &file.0).output().expect("the agent"))
}

/// One request and its response, from the first SYN to the last FIN.
fn capture() -> Vec<u8> {
    let request = b"GET /hello?a=b HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    let response = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
    let (asked, answered) = (101 + request.len() as u32, 501 + response.len() as u32);
    let segments = [
        client(100, 0, SYN, b""),
        server(500, 101, SYN | ACK, b""),
        client(101, 501, ACK, b""),
        client(101, 501, ACK | PSH, request),
        server(501, asked, ACK | PSH, response),
        client(asked, answered, ACK | FIN, b""),
        server(answered, asked + 1, ACK | FIN, b""),
        client(asked + 1, answered + 1, ACK, b""),
    ];
    pcap(&segments.map(|segment| segment.packet()))
}

fn event_file() -> Vec<u8> {
    let (agent, kernel) = ("0.1.0".to_owned(), "6.1.0\u{1b}[2J".to_owned());
    let head = Head { payloads: Payloads::Redacted, epoch: 0, seed: 1, agent, kernel };
    let mut bytes = Vec::new();
    let mut writer = Writer::start(&mut bytes, &head, u64::MAX).expect("a vector");
    writer.tick(1);
    writer.tick(2);
    writer.finish(&[]);
    bytes
}

#[test]
fn a_capture_gives_its_span() {
    let file = TheFile::new("good.pcap", &capture());
    let Said { code, out, error } = replay(&["--format", "json"], &file);
    assert_eq!(code, Some(0), "{error}");
    let lines: Vec<Value> =
        out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let [span] = &lines[..] else { panic!("{out}") };
    assert_eq!(span["kind"], "CLIENT");
    assert_eq!(span["name"], "GET");
    assert_eq!(span["status"], "ERROR");
    assert_eq!(
        span["resource"],
        serde_json::json!({
            "service.name": "10.0.0.1",
            "host.ip": ["10.0.0.1"],
            "telemetry.sdk.name": "onlooker",
            "telemetry.sdk.language": "rust",
            "telemetry.sdk.version": env!("CARGO_PKG_VERSION"),
        })
    );
    let attributes = &span["attributes"];
    assert_eq!(attributes["url.full"], "http://shop.example/hello?a=b");
    assert_eq!(attributes["http.response.status_code"], 404);
    assert_eq!(attributes["network.peer.address"], "10.0.0.2");
    // The frames are a millisecond apart, the first at 1970 and 1,000 seconds.
    assert_eq!(span["start_unix_nano"], 1_000_003_000_000_u64);
    assert_eq!(span["end_unix_nano"], 1_000_004_000_000_u64);
    assert!(error.contains("1 span from 1 exchange on 1 connection in 8 frames"), "{error}");
}

#[test]
fn a_report_has_a_line_a_connection() {
    let file = TheFile::new("report.pcap", &capture());
    let Said { code, out, error } = replay(&["--report"], &file);
    assert_eq!(code, Some(0), "{error}");
    let expected =
        "tcp 10.0.0.1:40000 → 10.0.0.2:80: http/1 (certain; its start was seen), 1 exchange\n";
    assert_eq!(out, expected);
    let quiet = replay(&["--report", "--quiet"], &file);
    assert_eq!((quiet.out.as_str(), quiet.error.as_str()), (expected, ""));
}

#[test]
fn standard_input_is_read() {
    let mut child = onlooker(&["--format", "json", "-q"], Path::new("-"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the agent");
    child.stdin.take().expect("a pipe").write_all(&capture()).expect("it is read");
    let Said { code, out, error } = said(child.wait_with_output().expect("its end"));
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(out.lines().count(), 1);
}

#[test]
fn both_ends_are_two_spans() {
    let file = TheFile::new("ends.pcap", &capture());
    let Said { out, .. } = replay(&["--format", "json", "--ends", "both"], &file);
    let spans: Vec<Value> =
        out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(spans.len(), 2, "{out}");
    let of = |kind: &str| spans.iter().find(|span| span["kind"] == kind).expect("a span");
    assert_eq!(of("SERVER")["parent_span_id"], of("CLIENT")["span_id"]);
    assert_eq!(of("SERVER")["evidence"], "same-call");
}

#[test]
fn what_is_no_capture_is_refused_with_its_name() {
    for (name, bytes, why) in [
        ("text", &b"not a capture at all"[..], "neither a pcap nor a pcapng file"),
        ("empty", b"", "the file is empty"),
        ("gzip", &[0x1f, 0x8b, 8, 0, 0, 0], "gunzip"),
        ("head", &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0], "ends within its head"),
    ] {
        let file = TheFile::new(name, bytes);
        let Said { code, out, error } = replay(&["--format", "json"], &file);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{name}");
        assert!(error.contains(why), "{name}: {error}");
        assert!(error.contains(&*file.0.to_string_lossy()), "{name}: {error}");
    }
    let text = TheFile::new("words", b"not a capture at all");
    for arguments in [&[][..], &["--format", "json"], &["--report"]] {
        let Said { code, out, error } = replay(arguments, &text);
        let lines: Vec<_> = error.lines().collect();
        assert_eq!((code, out.as_str(), lines.len()), (Some(1), "", 1), "the error alone: {error}");
    }
    let missing = said(onlooker(&[], Path::new("/no/such/capture")).output().expect("the agent"));
    assert_eq!(missing.code, Some(1));
    assert!(missing.error.contains("/no/such/capture"), "{}", missing.error);
    assert!(missing.error.contains("No such file"), "{}", missing.error);
}

#[test]
fn one_bad_file_does_not_keep_others_back() {
    let (bad, good) = (TheFile::new("bad", b"nothing"), TheFile::new("then.pcap", &capture()));
    let mut command = onlooker(&["--format", "json"], &bad.0);
    let Said { code, out, error } = said(command.arg(&good.0).output().expect("the agent"));
    assert_eq!(out.lines().count(), 1, "{error}");
    assert_eq!(code, Some(1), "a failure is not hidden by a success");
}

#[test]
fn a_capture_that_breaks_off_gives_what_is_there() {
    let whole = capture();
    // Within the last frame.
    let file = TheFile::new("cut.pcap", &whole[..whole.len() - 10]);
    let Said { code, out, error } = replay(&["--format", "json"], &file);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(out.lines().count(), 1, "{error}");
    assert!(error.contains("breaks off in the record at byte"), "{error}");
}

#[test]
fn an_unknown_link_type_is_counted() {
    let mut bytes = capture();
    // USB, DLT 189: no network.
    bytes[..24].copy_from_slice(&pcap_head(189));
    let file = TheFile::new("usb.pcap", &bytes);
    let Said { code, out, error } = replay(&["--format", "json"], &file);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{error}");
    assert!(error.contains("8 frames of link type 189, which is not known"), "{error}");
}

#[test]
fn an_event_file_is_told_by_its_first_bytes() {
    let file = TheFile::new("good.events", &event_file());
    let Said { code, out, error } = replay(&["--format", "json"], &file);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{error}");
    assert!(error.contains("recorded by Onlooker 0.1.0"), "{error}");
    assert!(error.contains("payloads masked"), "{error}");
    assert!(!error.contains('\u{1b}'), "untrusted bytes reach the terminal: {error:?}");
}

#[test]
fn bad_event_files_are_told() {
    let good = event_file();
    let mut newer = good.clone();
    newer[8] = 3;
    for (name, bytes, why) in [
        ("newer", &newer[..], "version 3"),
        ("magic", &good[..8], "ends within its head"),
        ("head", &good[..30], "ends within its head"),
    ] {
        let file = TheFile::new(&format!("{name}.events"), bytes);
        let Said { code, error, .. } = replay(&[], &file);
        assert_eq!(code, Some(1), "{name}: {error}");
        assert!(error.contains(why), "{name}: {error}");
    }
    let file = TheFile::new("cut.events", &good[..good.len() - 5]);
    let Said { code, error, .. } = replay(&[], &file);
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("breaks off in the frame at byte"), "{error}");
    let mut damaged = good;
    let at = damaged.len() - 60;
    damaged[at] ^= 1;
    let file = TheFile::new("damaged.events", &damaged);
    let Said { code, error, .. } = replay(&[], &file);
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("not read:"), "{error}");
}

#[test]
fn the_configuration_says_how_spans_are_shown_unless_a_flag_does() {
    let file = TheFile::new("shown.pcap", &capture());
    let text = "export: {console: {format: json, color: always}}";
    let config = TheFile::new("shown.yaml", text.as_bytes());
    let config = config.0.to_str().expect("UTF-8");
    let shown = replay(&["--config", config], &file).out;
    assert!(shown.starts_with("{\"trace_id\""), "{shown}");
    let shown = replay(&["--config", config, "--format", "tree"], &file).out;
    assert!(shown.starts_with('\u{1b}'), "a tree in colours: {shown}");
    let flags = ["--config", config, "--format", "tree", "--color", "never"];
    let shown = replay(&flags, &file).out;
    assert!(shown.starts_with("──"), "{shown}");
    let shown = replay(&["--config", config, "--report"], &file).out;
    assert!(!shown.contains("trace_id") && shown.contains("http"), "{shown}");
}

/// Ids come from what is in a capture, not from where it lies or how it is read.
#[test]
fn the_same_capture_has_the_same_ids_and_another_others() {
    let mut other = capture();
    // Of its first packet: the seconds, behind the file's head of 24 bytes.
    other[24] ^= 1;
    let (here, there) = (TheFile::new("here.pcap", &capture()), TheFile::new("t.pcap", &capture()));
    let other = TheFile::new("other.pcap", &other);
    let from_here = replay(&["--format", "json"], &here).out;
    assert_eq!(from_here, replay(&["--format", "json"], &there).out);
    let mut piped = onlooker(&["--format", "json"], Path::new("-"));
    piped.stdin(std::fs::File::open(&other.0).expect("the capture"));
    let piped = said(piped.output().expect("the agent")).out;
    assert_eq!(piped, replay(&["--format", "json"], &other).out);
    let ids = |spans: &str| -> Vec<Value> {
        let spans = spans.lines().map(|line| serde_json::from_str(line).expect("a span"));
        spans.map(|span: Value| span["trace_id"].clone()).collect()
    };
    assert!(!ids(&piped).is_empty());
    assert_ne!(ids(&piped), ids(&from_here));
}
