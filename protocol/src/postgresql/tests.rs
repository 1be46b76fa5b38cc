//! Conversations written after the message flows of the manual (chapter 55.2).

mod commits;
mod lost_requests;
mod talk;

use talk::{answer, bind, execute, msg, parse, query, ready, rows, startup, sync, table};

use super::dissector::Postgresql;
use super::{Operation, PostgresqlFacts, Severity};
use crate::dissector::{Ending, Handover};
use crate::exchange::{Exchange, Facts, Outcome};
use crate::sql::talk::Talk;

fn facts(exchange: &Exchange) -> &PostgresqlFacts {
    match &exchange.facts {
        Facts::Postgresql(facts) => facts,
        other => panic!("not PostgreSQL: {other:?}"),
    }
}

fn text(exchange: &Exchange) -> &str {
    facts(exchange).statement.as_ref().map_or("(unknown)", |statement| &statement.text)
}

fn texts(exchanges: &[Exchange]) -> Vec<&str> {
    exchanges.iter().map(text).collect()
}

/// Start-up of user `app` on database `shop`, as far as ReadyForQuery.
fn connected() -> Talk {
    let mut talk = Talk::new(Postgresql::new(true));
    talk.client(&startup(&[("user", "app"), ("database", "shop")]));
    talk.server(&[msg(b'R', &[0, 0, 0, 5, 1, 2, 3, 4])]);
    talk.client(&[msg(b'p', b"md5x\0")]);
    talk.server(&[
        msg(b'R', &[0, 0, 0, 0]),
        msg(b'S', b"server_version\x0015.1\0"),
        msg(b'K', &[0; 8]),
        ready(b'I'),
    ]);
    talk
}

#[test]
fn a_simple_query_with_several_statements() {
    let mut talk = connected();
    talk.client(&[query("SELECT 'a'; INSERT INTO t VALUES (1)")]);
    talk.server(&[table(1), answer("SELECT 1"), answer("INSERT 0 1"), ready(b'I')]);
    let [exchange] = talk.exchanges() else { panic!() };
    assert_eq!(text(exchange), "SELECT ?; INSERT INTO t VALUES (?)");
    let facts = facts(exchange);
    assert_eq!(facts.operation, Operation::Query);
    assert_eq!((facts.completed, facts.rows), (2, Some(1)));
    assert_eq!(facts.database.as_deref(), Some("shop"));
    assert_eq!(facts.user.as_deref(), Some("app"));
    assert_eq!(exchange.outcome, Outcome::Complete);
    let response = exchange.response.expect("a response");
    assert!(response.first.position < response.last.position);
}

/// The hole was the answer to the first query, and is delivered before it.
#[test]
fn an_answer_behind_a_lost_one_is_not_paired_with_the_first_query() {
    let mut talk = connected();
    talk.server_cut(b"", 24);
    talk.client(&[query("CREATE TABLE t (i int)")]);
    talk.client(&[query("INSERT INTO t VALUES (now())")]);
    talk.server(&[msg(b'E', b"SERROR\0C42804\0\0"), ready(b'I')]);
    talk.client(&[query("DROP TABLE t")]);
    talk.server(&[answer("DROP TABLE"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["DROP TABLE t"]);
    assert_eq!(facts(&talk.exchanges()[0]).error, None);
}

/// EmptyQueryResponse (chapter 55.7).
#[test]
fn an_empty_text_is_no_statement() {
    let mut talk = connected();
    talk.client(&[query("  ")]);
    talk.server(&[msg(b'I', b""), ready(b'I')]);
    let [exchange] = talk.exchanges() else { panic!() };
    assert_eq!(facts(exchange).statement, None);
}

#[test]
fn an_error_has_its_code_and_not_its_message() {
    let mut talk = connected();
    talk.client(&[query("SELECT x")]);
    talk.server(&[
        msg(b'E', b"SERROR\0VERROR\0C42703\0Mcolumn \"x\" does not exist\0P8\0\0"),
        ready(b'E'),
    ]);
    let error = facts(&talk.exchanges()[0]).error.expect("an error");
    assert_eq!((error.code.unwrap().as_str(), error.severity), ("42703", Severity::Error));
}

#[test]
fn a_prepared_statement_by_name() {
    let mut talk = connected();
    talk.client(&[parse("s1", "SELECT $1::int"), msg(b'D', b"Ss1\0"), sync()]);
    talk.server(&[
        msg(b'1', b""),
        msg(b't', &[0, 1, 0, 0, 0, 23]),
        msg(b'T', &[0, 0]),
        ready(b'I'),
    ]);
    assert_eq!(talk.exchanges().len(), 0, "preparing is no exchange");
    for _ in 0..2 {
        talk.client(&[bind("", "s1"), execute("", 0), sync()]);
        talk.server(&[msg(b'2', b""), rows(3), answer("SELECT 3"), ready(b'I')]);
    }
    talk.client(&[msg(b'C', b"Ss1\0"), sync()]);
    talk.server(&[msg(b'3', b""), ready(b'I')]);
    talk.client(&[bind("", "s1"), execute("", 0), sync()]);
    talk.server(&[msg(b'E', b"SERROR\0C26000\0\0"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["SELECT $1::int", "SELECT $1::int", "(unknown)"]);
    assert_eq!(facts(&talk.exchanges()[1]).rows, Some(3));
    assert_eq!(facts(&talk.exchanges()[2]).error.unwrap().code.unwrap().as_str(), "26000");
}

#[test]
fn a_portal_in_parts() {
    let mut talk = connected();
    talk.client(&[parse("", "SELECT a FROM t"), bind("p", ""), execute("p", 2), msg(b'H', b"")]);
    talk.server(&[msg(b'1', b""), msg(b'2', b""), rows(2), msg(b's', b"")]);
    talk.client(&[execute("p", 2), sync()]);
    talk.server(&[rows(1), answer("SELECT 1"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["SELECT a FROM t", "SELECT a FROM t"]);
    assert_eq!(facts(&talk.exchanges()[0]).rows, Some(2));
    assert_eq!(facts(&talk.exchanges()[1]).rows, Some(1));
}

#[test]
fn a_pipeline_is_one_exchange_an_execution() {
    let mut talk = connected();
    talk.client(&[
        parse("", "SELECT 1"),
        bind("", ""),
        execute("", 0),
        parse("", "SELECT nope"),
        bind("", ""),
        execute("", 0),
        parse("", "SELECT 3"),
        bind("", ""),
        execute("", 0),
        sync(),
        parse("", "SELECT 4"),
        bind("", ""),
        execute("", 0),
        sync(),
    ]);
    talk.server(&[msg(b'1', b""), msg(b'2', b""), rows(1), answer("SELECT 1")]);
    talk.server(&[msg(b'E', b"SERROR\0C42703\0\0"), ready(b'I')]);
    talk.server(&[msg(b'1', b""), msg(b'2', b""), rows(1), answer("SELECT 1"), ready(b'I')]);
    let exchanges = talk.exchanges();
    assert_eq!(texts(exchanges), ["SELECT ?", "SELECT nope", "SELECT ?", "SELECT ?"]);
    let outcomes: Vec<_> = exchanges.iter().map(|exchange| exchange.outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Complete, Outcome::Complete, Outcome::Cancelled, Outcome::Complete]
    );
    assert!(facts(&exchanges[1]).error.is_some());
    assert!(facts(&exchanges[3]).error.is_none());
}

#[test]
fn what_follows_an_error_before_the_sync_is_skipped() {
    let mut talk = connected();
    talk.client(&[parse("s", "SELECT 1"), sync()]);
    talk.server(&[msg(b'1', b""), ready(b'I')]);
    talk.client(&[parse("s", "SELECT two"), bind("", "s"), execute("", 0), msg(b'H', b"")]);
    talk.server(&[msg(b'E', b"SERROR\0C42P05\0\0")]);
    talk.client(&[bind("", "s"), execute("", 0), sync()]);
    talk.server(&[ready(b'I')]);
    talk.client(&[bind("", "s"), execute("", 0), sync()]);
    talk.server(&[msg(b'2', b""), rows(1), answer("SELECT 1"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["SELECT two", "SELECT ?", "SELECT ?"]);
    assert_eq!(talk.exchanges()[1].outcome, Outcome::Cancelled);
    assert_eq!(facts(&talk.exchanges()[0]).error.unwrap().code.unwrap().as_str(), "42P05");
}

#[test]
fn a_statement_that_cannot_be_prepared_is_an_exchange() {
    let mut talk = connected();
    talk.client(&[parse("s", "SELEC 1"), msg(b'D', b"Ss\0"), sync()]);
    talk.server(&[msg(b'E', b"SERROR\0C42601\0\0"), ready(b'I')]);
    assert_eq!(facts(&talk.exchanges()[0]).operation, Operation::Prepare);
    assert_eq!(text(&talk.exchanges()[0]), "SELEC ?");
}

#[test]
fn copy_to_the_server_with_the_extended_protocol() {
    // The client sends Sync before it knows that it will copy; the server ignores that one.
    let mut talk = connected();
    talk.client(&[parse("", "COPY t FROM STDIN"), bind("", ""), execute("", 0), sync()]);
    talk.server(&[msg(b'1', b""), msg(b'2', b""), msg(b'G', &[0, 0, 1, 0, 0])]);
    talk.client(&[msg(b'd', b"1\n"), msg(b'd', b"2\n"), msg(b'c', b""), sync()]);
    talk.server(&[answer("COPY 2"), ready(b'I')]);
    talk.client(&[query("SELECT 1")]);
    talk.server(&[table(1), answer("SELECT 1"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["COPY t FROM STDIN", "SELECT ?"]);
}

#[test]
fn copy_from_the_server() {
    let mut talk = connected();
    talk.client(&[query("COPY t TO STDOUT")]);
    talk.server(&[msg(b'H', &[0, 0, 1, 0, 0]), msg(b'd', b"1\n"), msg(b'c', b"")]);
    talk.server(&[answer("COPY 1"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["COPY t TO STDOUT"]);
}

#[test]
fn notices_and_notifications_come_at_any_time() {
    let mut talk = connected();
    talk.server(&[msg(b'A', b"\0\0\0\x01ch\0payload\0"), msg(b'S', b"TimeZone\0UTC\0")]);
    talk.client(&[query("DROP TABLE IF EXISTS t")]);
    talk.server(&[
        msg(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mtable\0\0"),
        msg(b'N', b"SWARNING\0VWARNING\0C01000\0Mhm\0\0"),
        answer("DROP TABLE"),
        ready(b'I'),
    ]);
    let facts = facts(&talk.exchanges()[0]);
    assert_eq!(facts.warning.map(|code| code.as_str().to_owned()).as_deref(), Some("01000"));
    assert_eq!((facts.error, facts.rows), (None, None));
}

#[test]
fn encryption_refused_and_accepted() {
    let request = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    let mut talk = Talk::new(Postgresql::new(true));
    talk.client(&[request.to_vec()]);
    talk.server(&[b"N".to_vec()]);
    talk.client(&startup(&[("user", "app")]));
    talk.server(&[msg(b'R', &[0; 4]), ready(b'I')]);
    talk.client(&[query("SELECT 1")]);
    talk.server(&[answer("SELECT 1"), ready(b'I')]);
    assert_eq!(facts(&talk.exchanges()[0]).database.as_deref(), Some("app"));

    let mut talk = Talk::new(Postgresql::new(true));
    talk.client(&[request.to_vec()]);
    talk.server(&[b"S".to_vec()]);
    assert_eq!(talk.handover(), Some(Handover::Detect { client: 8, server: 1 }));
}

#[test]
fn a_refused_connection_is_an_exchange() {
    let mut talk = Talk::new(Postgresql::new(true));
    talk.client(&startup(&[("user", "app"), ("database", "shop")]));
    talk.server(&[msg(b'E', b"SFATAL\0VFATAL\0C53300\0Mtoo many clients\0\0")]);
    let facts = facts(&talk.exchanges()[0]);
    assert_eq!(facts.operation, Operation::Connect);
    assert_eq!(facts.error.unwrap().code.unwrap().as_str(), "53300");
    assert_eq!(facts.error.unwrap().severity, Severity::Fatal);
}

#[test]
fn a_cancel_request_and_replication() {
    let mut talk = Talk::new(Postgresql::new(true));
    talk.client(&[vec![0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 1, 0, 0, 0, 2]]);
    assert_eq!(facts(&talk.exchanges()[0]).operation, Operation::Cancel);
    assert_eq!(talk.exchanges()[0].outcome, Outcome::OneWay);

    let mut talk = connected();
    talk.client(&[query("START_REPLICATION SLOT s LOGICAL 0/0")]);
    talk.server(&[msg(b'W', &[0, 0, 0])]);
    assert_eq!(talk.exchanges().len(), 1);
    assert_eq!(talk.handover(), Some(Handover::Opaque("replication")));
}

#[test]
fn a_connection_that_ends_gives_out_what_is_open() {
    let mut talk = connected();
    talk.client(&[query("SELECT pg_sleep(100)")]);
    talk.closed(Ending::Reset);
    assert_eq!(talk.exchanges()[0].outcome, Outcome::Aborted(Ending::Reset));
    // The server says why before it closes.
    let mut talk = connected();
    talk.client(&[query("SELECT pg_sleep(100)")]);
    talk.server(&[msg(b'E', b"SFATAL\0VFATAL\0C57P01\0\0")]);
    talk.closed(Ending::Closed);
    assert_eq!(facts(&talk.exchanges()[0]).error.unwrap().code.unwrap().as_str(), "57P01");
    assert_eq!(talk.exchanges()[0].outcome, Outcome::Complete);
}

#[test]
fn prepared_before_the_connection_was_watched() {
    let mut talk = Talk::new(Postgresql::new(false));
    talk.client(&[bind("", "s1"), execute("", 0), sync()]);
    talk.server(&[msg(b'2', b""), rows(1), answer("SELECT 1"), ready(b'I')]);
    talk.client(&[parse("s2", "SELECT b"), bind("", "s2"), execute("", 0), sync()]);
    talk.server(&[msg(b'1', b""), msg(b'2', b""), answer("SELECT 0"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["(unknown)", "SELECT b"]);
    assert_eq!(facts(&talk.exchanges()[0]).database, None);
}

/// ParameterStatus told `standard_conforming_strings` before the watch began.
#[test]
fn a_connection_of_an_unknown_mode_shows_no_literal_of_either() {
    let mut talk = Talk::new(Postgresql::new(false));
    let statement = query("SELECT 'it\\' secret', a FROM t");
    talk.client(std::slice::from_ref(&statement));
    talk.server(&[table(1), answer("SELECT 1"), msg(b'S', SETTING), ready(b'I')]);
    talk.client(&[statement]);
    talk.server(&[table(1), answer("SELECT 1"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["SELECT ?", "SELECT ?, a FROM t"]);
}

const SETTING: &[u8] = b"standard_conforming_strings\0off\0";

#[test]
fn attached_in_the_middle_of_an_answer() {
    let mut talk = Talk::new(Postgresql::new(false));
    talk.server(&[b"the rest of a row".to_vec(), answer("SELECT 1"), ready(b'I')]);
    talk.client(&[query("SELECT a")]);
    talk.server(&[table(1), answer("SELECT 1"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["SELECT a"]);
}

#[test]
fn a_large_answer_that_was_cut() {
    let mut talk = connected();
    talk.client(&[query("SELECT big")]);
    talk.server_cut(&table(5), 100_000);
    talk.client(&[query("SELECT b")]);
    talk.server(&[table(1), answer("SELECT 1"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["SELECT big", "SELECT b"]);
    assert_eq!(talk.exchanges()[0].outcome, Outcome::Inferred);
    assert_eq!(facts(&talk.exchanges()[0]).rows, None);
    assert_eq!(talk.exchanges()[1].outcome, Outcome::Complete);
}

#[test]
fn a_large_row_that_was_cut_loses_nothing() {
    let mut talk = connected();
    talk.client(&[query("SELECT big")]);
    let row = msg(b'D', &[b'x'; 50_000]);
    talk.server_cut(&row[..1000], (row.len() - 1000) as u64);
    talk.server(&[answer("SELECT 1"), ready(b'I')]);
    assert_eq!(talk.exchanges()[0].outcome, Outcome::Complete);
    assert_eq!(facts(&talk.exchanges()[0]).rows, Some(1));
}

#[test]
fn the_end_of_a_cut_answer_is_seen_by_its_last_bytes() {
    let mut talk = connected();
    talk.client(&[query("SELECT big")]);
    talk.server_cut(&table(5), 100_000);
    talk.server(&[b"of a row".to_vec(), answer("SELECT 1"), ready(b'I')]);
    assert_eq!(talk.exchanges()[0].outcome, Outcome::Inferred);
}

#[test]
fn a_long_statement_is_cut() {
    let mut talk = connected();
    let long = format!("SELECT {}", "a, ".repeat(20_000));
    talk.client_cut(&query(&long)[..10_000], (long.len() + 6 - 10_000) as u64);
    talk.server(&[answer("SELECT 0"), ready(b'I')]);
    assert!(text(&talk.exchanges()[0]).len() <= super::TEXT_LIMIT);
    assert_eq!(talk.exchanges()[0].outcome, Outcome::Complete);
}

#[test]
fn a_lost_request_takes_no_answer_of_another_one() {
    let mut talk = connected();
    talk.client_cut(b"", 30);
    talk.server(&[table(1), answer("SELECT 1"), ready(b'I')]);
    talk.client(&[query("SELECT b")]);
    talk.server(&[table(2), answer("SELECT 2"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["SELECT b"]);
    assert_eq!(facts(&talk.exchanges()[0]).rows, Some(2));
}

#[test]
fn the_context_of_a_comment_is_for_the_first_execution() {
    let mut talk = connected();
    let commented =
        "SELECT a /*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/";
    talk.client(&[parse("s", commented), msg(b'D', b"Ss\0"), sync()]);
    talk.server(&[msg(b'1', b""), msg(b'n', b""), ready(b'I')]);
    for _ in 0..2 {
        talk.client(&[bind("", "s"), execute("", 0), sync()]);
        talk.server(&[msg(b'2', b""), answer("SELECT 0"), ready(b'I')]);
    }
    assert_eq!(texts(talk.exchanges()), ["SELECT a", "SELECT a"]);
    assert!(talk.exchanges()[0].context.is_some());
    assert!(talk.exchanges()[1].context.is_none());
}

#[test]
fn an_answer_that_does_not_fit_is_nobodys() {
    // The watch begins while two requests are in flight, which were not seen.
    let mut talk = Talk::new(Postgresql::new(false));
    talk.client(&[parse("", "SELECT c"), bind("", ""), execute("", 0), sync()]);
    talk.server(&[msg(b'1', b""), msg(b'2', b""), answer("INSERT 0 1"), ready(b'I')]);
    talk.client(&[parse("", "SELECT d"), bind("", ""), execute("", 0), sync()]);
    talk.server(&[msg(b'1', b""), msg(b'2', b""), answer("UPDATE 1"), ready(b'I')]);
    talk.server(&[msg(b'1', b""), msg(b'2', b""), answer("SELECT 3"), ready(b'I')]);
    talk.server(&[msg(b'1', b""), msg(b'2', b""), answer("SELECT 4"), ready(b'I')]);
    assert_eq!(talk.exchanges().len(), 0);
    talk.wait(1_000_000_000);
    talk.client(&[parse("", "SELECT e"), bind("", ""), execute("", 0), sync()]);
    talk.server(&[msg(b'1', b""), msg(b'2', b""), answer("SELECT 5"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["SELECT e"]);
}

#[test]
fn names_are_bounded() {
    let mut talk = connected();
    for number in 0..3000 {
        let name = format!("s{number}");
        talk.client(&[parse(&name, &format!("SELECT a{number}")), sync()]);
        talk.server(&[msg(b'1', b""), ready(b'I')]);
    }
    talk.client(&[bind("", "s0"), execute("", 0), sync()]);
    talk.server(&[msg(b'2', b""), answer("SELECT 0"), ready(b'I')]);
    talk.client(&[bind("", "s2999"), execute("", 0), sync()]);
    talk.server(&[msg(b'2', b""), answer("SELECT 0"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["(unknown)", "SELECT a2999"]);
    assert_eq!(talk.not_understood(), 3000 - 1024);
}

#[test]
fn no_postgresql_is_given_back() {
    let mut talk = Talk::new(Postgresql::new(true));
    talk.client(&[b"GET / HTTP/1.1\r\n\r\n".to_vec()]);
    assert_eq!(talk.handover(), Some(Handover::NotMine));
}

/// A capture with short frames: the connection was closed behind an answer of which only the front
/// is there.
#[test]
fn an_answer_that_was_not_captured_was_not_broken_off() {
    let answered = [table(300), ready(b'I')].concat();
    for ending in [Ending::Closed, Ending::Reset, Ending::Forgotten] {
        let mut talk = connected();
        talk.client(&[query("SELECT a FROM t")]);
        talk.server_cut(&answered[..20], answered.len() as u64 - 20);
        talk.closed(ending);
        let outcomes: Vec<_> = talk.exchanges().iter().map(|exchange| exchange.outcome).collect();
        let expected = match ending {
            Ending::Forgotten => Outcome::Aborted(ending),
            _ => Outcome::Inferred,
        };
        assert_eq!(outcomes, [expected]);
    }
}
