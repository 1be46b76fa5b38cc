//! Bytes that are no protocol: no span, no crash, but counted.

use onlooker_e2e::http::Connection;
use onlooker_e2e::servers::Postgres;
use onlooker_e2e::services::python_service;
use onlooker_e2e::{Agent, Process, Session, agent_binary, process, skipped};

#[test]
fn noise_is_counted_and_makes_no_span() {
    if skipped() {
        return;
    }
    let service = python_service("noise.py", &[] as &[&str]);
    let agent = Agent::trace_pid(service.pid());
    // Deterministic: xorshift, as good as any noise.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..20 {
        let mut connection = Connection::to(service.port);
        for _ in 0..50 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let mut message =
                state.to_be_bytes().map(|byte| if byte == b'\n' { 0 } else { byte }).to_vec();
            message.push(b'\n');
            connection.send(&message);
            // It answers with the same bytes, turned over.
            assert_eq!(connection.bytes(message.len()).len(), message.len());
        }
    }
    let finished = agent.finish().successful();
    assert!(finished.spans.is_empty(), "{:#?}", finished.spans);
    assert!(finished.messages.contains("not understood"), "{}", finished.messages);
}

#[test]
fn an_escape_sequence_does_not_reach_the_terminal() {
    if skipped() {
        return;
    }
    let postgres = Postgres::start();
    let mut session = Session::python("psycopg_session.py", &[postgres.url()]);
    let mut command = process::command(agent_binary());
    command.args(["trace", "--format", "line"]);
    command.args(["--pid", &session.pid().to_string()]);
    let mut agent = Process::spawn(command, process::Streams::Log);
    agent.wait_for_log("onlooker: tracing");
    // On a connection that is older than the agent the first exchange may go into recognising it.
    for _ in 0..3 {
        assert_eq!(session.ask("query SELECT 2"), "done");
    }
    // A name in double quotes may hold anything.
    assert_eq!(session.ask("query SELECT 1 AS \"\u{1b}]0;owned\u{7}\u{1b}[31m\u{9b}31m\""), "done");
    agent.wait_for_log("owned");
    agent.end();
    let log = agent.log();
    for control in ['\u{1b}', '\u{7}', '\u{9b}'] {
        assert!(!log.contains(control), "{log:?}");
    }
}
