//! Conversations written after the manual's packet descriptions.

mod batches;
mod talk;

use talk::{column, command, eof, err, ok, packet, prepared, result, row};

use super::dissector::Mysql;
use super::{Command, MysqlFacts, Operation, System};
use crate::detect::{Evidence, Opening};
use crate::dissector::{Ending, Handover};
use crate::exchange::{Exchange, Facts, Outcome};
use crate::sql::talk::Talk;

fn facts(exchange: &Exchange) -> &MysqlFacts {
    match &exchange.facts {
        Facts::Mysql(facts) => facts,
        other => panic!("not MySQL: {other:?}"),
    }
}

fn texts(exchanges: &[Exchange]) -> Vec<&str> {
    let text = |exchange| facts(exchange).statement.as_ref().map_or("(unknown)", |s| &*s.text);
    exchanges.iter().map(text).collect()
}

const PROTOCOL_41: u32 = 1 << 9;
const SECURE: u32 = 1 << 15;
const WITH_DB: u32 = 1 << 3;
const DEPRECATE_EOF: u32 = 1 << 24;
const COMPRESS: u32 = 1 << 5;
const SSL: u32 = 1 << 11;

fn greeting(version: &str, capabilities: u32) -> Vec<u8> {
    let mut payload = vec![10];
    payload.extend(version.as_bytes());
    payload.extend([0, 1, 0, 0, 0]);
    payload.extend(b"12345678\0");
    payload.extend(&capabilities.to_le_bytes()[..2]);
    payload.extend([33, 2, 0]);
    payload.extend(&capabilities.to_le_bytes()[2..]);
    payload.push(21);
    payload.extend([0; 10]);
    payload.extend(b"123456789012\0mysql_native_password\0");
    packet(0, &payload)
}

fn handshake(capabilities: u32) -> Vec<u8> {
    let mut payload = capabilities.to_le_bytes().to_vec();
    payload.extend([0, 0, 0, 1, 33]);
    payload.extend([0; 23]);
    payload.extend(b"app\0");
    payload.push(20);
    payload.extend([7; 20]);
    payload.extend(b"shop\0");
    packet(1, &payload)
}

/// A connection of MySQL 8 after authentication, with or without EOF packets.
fn connected(deprecate_eof: bool) -> Talk {
    let flags = PROTOCOL_41 | SECURE | WITH_DB | if deprecate_eof { DEPRECATE_EOF } else { 0 } | 1;
    let mut talk = Talk::new(Mysql::new(true));
    talk.server(&[greeting("8.0.36", flags | SSL)]);
    talk.client(&[handshake(flags)]);
    // caching_sha2_password: the fast way does not work, then full authentication.
    talk.server(&[packet(2, &[1, 4])]);
    talk.client(&[packet(3, &[2])]);
    talk.server(&[packet(4, b"\x01-----BEGIN PUBLIC KEY-----")]);
    talk.client(&[packet(5, &[9; 256])]);
    talk.server(&[ok(6, 2)]);
    talk
}

#[test]
fn queries_with_and_without_eof_packets() {
    for deprecate_eof in [false, true] {
        let mut talk = connected(deprecate_eof);
        talk.client(&[command(3, b"SELECT a FROM t WHERE b = 'geheim'")]);
        talk.server(&result(deprecate_eof, 2, 3, 2));
        talk.client(&[command(3, b"UPDATE t SET a = 1")]);
        talk.server(&[ok(1, 2)]);
        talk.client(&[command(3, b"SELECT nope")]);
        talk.server(&[err(1, 1054, b"#42S22Unknown column")]);
        let exchanges = talk.exchanges();
        assert_eq!(
            texts(exchanges),
            ["SELECT a FROM t WHERE b = ?", "UPDATE t SET a = ?", "SELECT nope"]
        );
        assert_eq!(facts(&exchanges[0]).rows, Some(3));
        assert_eq!(facts(&exchanges[1]).rows, None);
        let error = facts(&exchanges[2]).error.unwrap();
        assert_eq!(error.number, Some(1054));
        assert_eq!(error.state.unwrap().as_str(), "42S22");
        assert_eq!(facts(&exchanges[0]).system, System::Mysql);
        assert_eq!(facts(&exchanges[0]).database.as_deref(), Some("shop"));
        assert_eq!(facts(&exchanges[0]).user.as_deref(), Some("app"));
    }
}

#[test]
fn eof_packets_are_learnt_in_the_middle() {
    for deprecate_eof in [false, true] {
        let mut talk = Talk::new(Mysql::new(false));
        for _ in 0..2 {
            // No rows: the packet behind the definitions is all there is to tell by.
            talk.client(&[command(3, b"SELECT a FROM t")]);
            talk.server(&result(deprecate_eof, 1, 0, 2));
        }
        talk.client(&[command(0x16, b"SELECT ? + 1")]);
        talk.server(&prepared(deprecate_eof, 9, 1, 1));
        for _ in 0..2 {
            talk.client(&[command(0x17, &[9, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 8, 0])]);
            talk.server(&result(deprecate_eof, 1, 1, 2));
        }
        let exchanges = talk.exchanges();
        assert_eq!(
            texts(exchanges),
            ["SELECT a FROM t", "SELECT a FROM t", "SELECT ? + ?", "SELECT ? + ?"]
        );
        let rows: Vec<_> = exchanges.iter().map(|exchange| facts(exchange).rows).collect();
        assert_eq!(rows, [Some(0), Some(0), Some(1), Some(1)], "{deprecate_eof}");
        assert_eq!((talk.not_understood(), talk.lost()), (0, 0));
    }
}

#[test]
fn prepared_without_knowing_of_eof_packets() {
    for deprecate_eof in [false, true] {
        for (parameters, columns) in [(0, 0), (2, 0), (0, 2), (1, 1)] {
            let mut talk = Talk::new(Mysql::new(false));
            talk.client(&[command(0x16, b"DELETE FROM t WHERE a = ?")]);
            talk.server(&prepared(deprecate_eof, 3, parameters, columns));
            talk.client(&[command(0x17, &[3, 0, 0, 0, 0, 1, 0, 0, 0])]);
            talk.server(&[ok(1, 2)]);
            talk.client(&[command(0x0e, b"")]);
            talk.server(&[ok(1, 2)]);
            assert_eq!(texts(talk.exchanges()), ["DELETE FROM t WHERE a = ?", "(unknown)"]);
            assert_eq!(
                (talk.not_understood(), talk.lost()),
                (0, 0),
                "{deprecate_eof} {parameters} {columns}"
            );
        }
    }
}

#[test]
fn a_statement_from_before_the_watch_has_no_text() {
    let mut talk = Talk::new(Mysql::new(false));
    talk.client(&[command(0x17, &[1, 0, 0, 0, 0, 1, 0, 0, 0])]);
    talk.server(&[ok(1, 2)]);
    // Closed and prepared anew, under another number.
    talk.client(&[command(0x19, &[1, 0, 0, 0]), command(0x16, b"SELECT 1")]);
    talk.server(&prepared(true, 2, 0, 1));
    talk.client(&[command(0x17, &[2, 0, 0, 0, 0, 1, 0, 0, 0])]);
    talk.server(&result(true, 1, 1, 2));
    talk.client(&[command(0x17, &[1, 0, 0, 0, 0, 1, 0, 0, 0])]);
    talk.server(&[err(1, 1243, b"#HY000Unknown prepared statement")]);
    assert_eq!(texts(talk.exchanges()), ["(unknown)", "SELECT ?", "(unknown)"]);
    assert_eq!(facts(&talk.exchanges()[0]).system, System::Mysql);
}

#[test]
fn several_results_are_one_exchange() {
    let mut talk = connected(true);
    talk.client(&[command(3, b"SELECT 1; DO 2; CALL p()")]);
    let mut packets = result(true, 1, 1, 2 | 8);
    packets.push(ok(5, 2 | 8));
    packets.extend([packet(6, &[1]), column(7), row(8), eof(true, 9, 2 | 8), ok(10, 2)]);
    talk.server(&packets);
    assert_eq!(talk.exchanges().len(), 1);
    assert_eq!(facts(&talk.exchanges()[0]).rows, Some(2));
    assert_eq!(facts(&talk.exchanges()[0]).statement.as_ref().unwrap().statements, 3);
}

#[test]
fn a_file_from_the_client() {
    let mut talk = connected(false);
    talk.client(&[command(3, b"LOAD DATA LOCAL INFILE 'f' INTO TABLE t")]);
    talk.server(&[packet(1, b"\xfbf")]);
    // Enough packets for the number to come round to that of a command.
    for number in 0..300u32 {
        talk.client(&[packet((number + 2) as u8, b"\x03not a query\n")]);
    }
    talk.client(&[packet((302 % 256) as u8, b"")]);
    talk.server(&[ok((303 % 256) as u8, 2)]);
    talk.client(&[command(3, b"SELECT a")]);
    talk.server(&[ok(1, 2)]);
    assert_eq!(texts(talk.exchanges()), ["LOAD DATA LOCAL INFILE ? INTO TABLE t", "SELECT a"]);
}

#[test]
fn a_cursor_and_what_is_fetched() {
    for deprecate_eof in [false, true] {
        let mut talk = connected(deprecate_eof);
        talk.client(&[command(0x16, b"SELECT a FROM t")]);
        talk.server(&prepared(deprecate_eof, 4, 0, 1));
        talk.client(&[command(0x17, &[4, 0, 0, 0, 1, 1, 0, 0, 0])]);
        talk.server(&[packet(1, &[1]), column(2), eof(deprecate_eof, 3, 2 | 0x40)]);
        talk.client(&[command(0x1c, &[4, 0, 0, 0, 2, 0, 0, 0])]);
        talk.server(&[row(1), row(2), eof(deprecate_eof, 3, 2 | 0x80)]);
        let operations: Vec<_> =
            talk.exchanges().iter().map(|exchange| facts(exchange).operation).collect();
        assert_eq!(operations, [Operation::Execute, Operation::Fetch]);
        assert_eq!(facts(&talk.exchanges()[1]).rows, Some(2));
    }
}

#[test]
fn the_session_follows_the_client() {
    let mut talk = connected(true);
    talk.client(&[command(2, b"lager")]);
    talk.server(&[err(1, 1049, b"#42000Unknown database")]);
    talk.client(&[command(2, b"lager")]);
    talk.server(&[ok(1, 2)]);
    talk.client(&[command(3, b"USE `archiv`")]);
    talk.server(&[ok(1, 2)]);
    let mut user = b"other\0".to_vec();
    user.push(20);
    user.extend([1; 20]);
    user.extend(b"kasse\0\x21\0mysql_native_password\0");
    talk.client(&[command(0x11, &user)]);
    talk.server(&[packet(1, b"\xfemysql_native_password\x0012345678901234567890\0")]);
    talk.client(&[packet(2, &[1; 20])]);
    talk.server(&[ok(3, 2)]);
    talk.client(&[command(3, b"SELECT 1")]);
    talk.server(&[ok(1, 2)]);
    let databases: Vec<_> =
        talk.exchanges().iter().map(|exchange| facts(exchange).database.as_deref()).collect();
    assert_eq!(
        databases,
        [Some("shop"), Some("shop"), Some("lager"), Some("archiv"), Some("kasse")]
    );
    assert_eq!(facts(&talk.exchanges()[4]).user.as_deref(), Some("other"));
}

#[test]
fn other_commands() {
    let mut talk = connected(true);
    talk.client(&[command(9, b"")]);
    talk.server(&[packet(1, b"Uptime: 1  Threads: 1")]);
    talk.client(&[command(4, b"t\0")]);
    talk.server(&[column(1), column(2), eof(false, 3, 2)]);
    talk.client(&[command(0x1b, &[0, 0])]);
    talk.server(&[eof(false, 1, 2)]);
    talk.client(&[command(0x18, &[1, 0, 0, 0, 0, 0, b'x']), command(0x1f, b"")]);
    talk.server(&[ok(1, 2)]);
    talk.client(&[command(1, b"")]);
    talk.closed(Ending::Closed);
    let operations: Vec<_> =
        talk.exchanges().iter().map(|exchange| facts(exchange).operation).collect();
    assert_eq!(
        operations,
        [Command::Statistics, Command::FieldList, Command::SetOption, Command::ResetConnection]
            .map(Operation::Command)
    );
}

#[test]
fn packets_of_16_mebibytes_go_on() {
    let mut talk = connected(true);
    talk.client(&[command(3, b"SELECT a FROM t")]);
    let mut big = vec![0xff, 0xff, 0xff, 3];
    big.extend([b'x'; 1000]);
    talk.server(&[packet(1, &[1]), column(2)]);
    talk.server_cut(&big, 0xff_ffff - 1000);
    talk.server(&[packet(4, b"\xfe\x00\x00\x00\x02\x00\x00"), eof(true, 5, 2)]);
    assert_eq!(facts(&talk.exchanges()[0]).rows, Some(1));

    let mut text = vec![0xff, 0xff, 0xff, 0, 3];
    text.extend(b"INSERT INTO t VALUES ('");
    text.extend([b'x'; 10_000]);
    let rest = 0xff_ffff - (text.len() as u64 - 4);
    talk.client_cut(&text, rest);
    talk.client(&[packet(1, b"\x03xx')")]);
    talk.server(&[ok(2, 2)]);
    assert_eq!(texts(&talk.exchanges()[1..]), ["INSERT INTO t VALUES (?"]);
    assert_eq!(talk.exchanges()[1].outcome, Outcome::Complete);
}

#[test]
fn a_large_result_that_was_cut() {
    let mut talk = connected(true);
    talk.client(&[command(3, b"SELECT big FROM t")]);
    talk.server_cut(&[packet(1, &[1]), column(2), row(3)].concat(), 1_000_000);
    talk.client(&[command(3, b"SELECT b FROM t")]);
    talk.server(&result(true, 1, 2, 2));
    assert_eq!(texts(talk.exchanges()), ["SELECT big FROM t", "SELECT b FROM t"]);
    assert_eq!(talk.exchanges()[0].outcome, Outcome::Inferred);
    assert_eq!(facts(&talk.exchanges()[0]).rows, None);
    assert_eq!(facts(&talk.exchanges()[1]).rows, Some(2));
}

/// The hole was the answer to the first command, and is delivered before it.
#[test]
fn an_answer_behind_a_lost_one_is_not_paired_with_the_first_command() {
    let mut talk = connected(true);
    talk.server_cut(b"", 92);
    talk.client(&[command(3, b"SELECT a FROM t")]);
    talk.client(&[command(3, b"SELECT b FROM t")]);
    talk.server(&result(true, 1, 2, 2));
    talk.client(&[command(2, b"nowhere")]);
    talk.server(&[err(1, 1049, b"#42000Unknown database")]);
    let said: Vec<_> = talk.exchanges().iter().map(|it| (facts(it).rows, it.outcome)).collect();
    assert_eq!(said, [(None, Outcome::Inferred), (None, Outcome::Complete)]);
    assert_eq!(facts(&talk.exchanges()[1]).error.map(|error| error.number), Some(Some(1049)));
}

#[test]
fn an_empty_text_is_no_statement() {
    let mut talk = connected(true);
    talk.client(&[command(3, b"/* ping */")]);
    talk.server(&[err(1, 1065, b"#42000Query was empty")]);
    assert_eq!(facts(&talk.exchanges()[0]).statement, None);
}

#[test]
fn query_attributes_come_before_the_text() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut body = vec![2, 1, 0, 1];
    body.extend([0xfe, 0, 2, b'i', b'd', 0xfe, 0, 11]);
    body.extend(b"traceparent");
    body.push(6);
    body.extend(b"geheim");
    body.push(parent.len() as u8);
    body.extend(parent.as_bytes());
    body.extend(b"SELECT 1");
    let mut talk = connected(true);
    talk.client(&[command(3, &body)]);
    talk.server(&result(true, 1, 1, 2));
    talk.client(&[command(3, b"\x00\x01SELECT a")]);
    talk.server(&[ok(1, 2)]);
    assert_eq!(texts(talk.exchanges()), ["SELECT ?", "SELECT a"]);
    let context = talk.exchanges()[0].context.as_ref().expect("a context");
    assert_eq!(context.span_id, [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
}

#[test]
fn a_mode_of_the_server_changes_how_strings_end() {
    let mut talk = connected(true);
    talk.client(&[command(3, b"SET sql_mode = 'NO_BACKSLASH_ESCAPES'")]);
    talk.server(&[ok(1, 2 | 0x200)]);
    talk.client(&[command(3, br"SELECT 'a\', b FROM t")]);
    talk.server(&[ok(1, 2)]);
    assert_eq!(texts(talk.exchanges())[1], "SELECT ?, b FROM t");
}

/// `NO_BACKSLASH_ESCAPES` can be the server's own mode: before its first answer nothing is certain.
#[test]
fn before_the_first_answer_no_literal_of_either_mode_is_shown() {
    for mut talk in [connected(true), Talk::new(Mysql::new(false))] {
        let select = command(3, br"SELECT 'a\', 'secret' FROM t");
        let update = command(3, br"UPDATE t SET a = 'a\', b = 'secret', c = ''");
        talk.client(&[update]);
        talk.server(&[ok(1, 2 | 0x200)]);
        talk.client(&[select]);
        talk.server(&[ok(1, 2 | 0x200)]);
        assert_eq!(texts(talk.exchanges()), ["UPDATE t SET a = ?", "SELECT ?, ? FROM t"]);
    }
}

#[test]
fn a_context_in_a_comment() {
    let mut talk = connected(true);
    talk.client(&[command(
        3,
        b"SELECT a /*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'*/",
    )]);
    talk.server(&[ok(1, 2)]);
    assert_eq!(talk.exchanges()[0].context.as_ref().unwrap().sampled, Some(false));
}

#[test]
fn what_cannot_be_read_is_handed_on() {
    let flags = PROTOCOL_41 | SECURE | WITH_DB;
    let mut talk = Talk::new(Mysql::new(true));
    let hello = greeting("5.7.44", flags | SSL);
    talk.server(std::slice::from_ref(&hello));
    let mut request = (flags | SSL).to_le_bytes().to_vec();
    request.extend([0; 28]);
    talk.client(&[packet(1, &request)]);
    let server = hello.len() as u64;
    assert_eq!(talk.handover(), Some(Handover::Detect { client: 36, server }));

    let mut talk = Talk::new(Mysql::new(true));
    talk.server(&[greeting("10.11.6-MariaDB", flags | COMPRESS)]);
    talk.client(&[handshake(flags | COMPRESS)]);
    talk.server(&[ok(2, 2)]);
    assert_eq!(talk.handover(), Some(Handover::Opaque("compression")));

    let mut talk = connected(true);
    talk.client(&[command(0x12, &[0; 20])]);
    talk.server(&[packet(1, &[0; 30])]);
    assert_eq!(talk.handover(), Some(Handover::Opaque("replication")));

    let mut talk = Talk::new(Mysql::new(true));
    talk.server(&[b"220 ftp.example.org ready\r\n".to_vec()]);
    talk.server(&[vec![0; 1000]]);
    assert_eq!(talk.handover(), Some(Handover::NotMine));
}

#[test]
fn a_refused_connection_is_an_exchange() {
    let mut talk = Talk::new(Mysql::new(true));
    talk.server(&[packet(0, b"\xff\x10\x04Too many connections")]);
    assert_eq!(facts(&talk.exchanges()[0]).operation, Operation::Connect);
    assert_eq!(facts(&talk.exchanges()[0]).error.unwrap().number, Some(1040));
}

#[test]
fn a_connection_that_ends_gives_out_what_is_open() {
    let mut talk = connected(true);
    talk.client(&[command(3, b"SELECT SLEEP(100)")]);
    talk.closed(Ending::Reset);
    assert_eq!(talk.exchanges()[0].outcome, Outcome::Aborted(Ending::Reset));
}

/// A capture from the middle of a compressed connection. MariaDB's Java driver writes the packet's
/// head by itself, so that the query behind it looks like any other; the answer (here an error) looks
/// like an OK packet.
#[test]
fn an_answer_in_a_compressed_packet_is_not_read_as_another() {
    let asked = command(3, b"select nope");
    let inner = err(1, 1054, b"#42S22Unknown column 'nope' in 'SELECT'");
    let answered = packet(1, &[&[0; 3], &inner[..]].concat())[..].to_vec();
    // The length counts what is behind the head of seven bytes.
    let answered = [&(inner.len() as u32).to_le_bytes()[..3], &answered[3..]].concat();
    let opening = |server| Opening { client: &asked, server, ..Opening::default() };
    assert_eq!(super::detect::detect(&opening(&answered)), Evidence::No);
    let plain = ok(1, 2);
    assert_eq!(super::detect::detect(&opening(&plain)), Evidence::Certain);
    let mut talk = Talk::new(Mysql::new(false));
    for _ in 0..3 {
        talk.client(std::slice::from_ref(&asked));
        talk.server(std::slice::from_ref(&answered));
    }
    assert!(talk.exchanges().iter().all(|exchange| exchange.outcome == Outcome::Inferred));
}

#[test]
fn an_answer_that_was_not_captured_was_not_broken_off() {
    let rows = result(false, 1, 200, 2).concat();
    let mut talk = connected(true);
    talk.client(&[command(3, b"SELECT a FROM t")]);
    talk.server_cut(&rows[..2], rows.len() as u64 - 2);
    talk.closed(Ending::Closed);
    let outcomes: Vec<_> = talk.exchanges().iter().map(|exchange| exchange.outcome).collect();
    assert_eq!(outcomes, [Outcome::Inferred]);
}
