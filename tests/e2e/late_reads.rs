//! What a process reads of a connection that the kernel has taken for over: a reset, and a FIN for one that
//! had sent its own, leave in the queue what came before them.

use onlooker_e2e::process::command;
use onlooker_e2e::{Agent, Span, Spans as _, agent_binary, python, skipped, workload};

/// What either end of an exchange is to tell.
fn assert_told(spans: &[Span], kind: &str, path: &str, status: Option<i64>, error: Option<&str>) {
    let what = format!("{kind} {path}");
    let span = spans.one(&what, |span| span.kind == kind && span.path() == Some(path));
    assert_eq!(span.int("http.response.status_code"), status, "{what}");
    assert_eq!(span.text("error.type"), error, "{what}");
}

#[test]
fn what_had_come_before_the_end_is_read_after_it() {
    if skipped() {
        return;
    }
    let mut agent = command(agent_binary());
    agent.args(["trace", "--format", "json", "--"]).arg(python()).arg(workload("late_reads.py"));
    let finished = Agent::spawn(agent).collect().successful();
    let spans = &finished.spans;

    assert_told(spans, "CLIENT", "/half", Some(200), None);
    assert_told(spans, "SERVER", "/half", Some(200), None);
    assert_told(spans, "CLIENT", "/refused", Some(413), Some("413"));
    assert_told(spans, "SERVER", "/refused", Some(413), None);
    assert_told(spans, "CLIENT", "/gone", None, Some("connection_closed"));
    assert_told(spans, "SERVER", "/gone", None, Some("connection_reset"));
    assert_told(spans, "CLIENT", "/then-gone", None, Some("connection_closed"));
    assert_told(spans, "SERVER", "/then-gone", None, Some("connection_reset"));
    for server in spans.iter().filter(|span| span.is_server()) {
        assert_eq!(server.evidence.as_deref(), Some("same-call"), "{:?}", server.path());
    }
    // Each of five exchanges at both of its ends, and all of every connection accounted for.
    assert_eq!(spans.len(), 10, "{spans:#?}");
    assert!(!finished.messages.contains("lost:"), "{}", finished.messages);
    assert!(!finished.messages.contains("not understood:"), "{}", finished.messages);
}
