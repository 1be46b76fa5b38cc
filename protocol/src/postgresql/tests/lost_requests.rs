//! Turns of the client of which only the front was captured.

use super::talk::{answer, bind, execute, msg, parse, query, ready, rows, sync, table};
use super::{connected, facts, text, texts};
use crate::dissector::Ending;
use crate::exchange::Outcome;

/// CopyData up to the end of what is captured, chunks of which nothing is, and the answer.
#[test]
fn a_copy_of_any_length_is_an_exchange() {
    let mut talk = connected();
    talk.client(&[query("COPY t FROM STDIN")]);
    talk.server(&[msg(b'G', &[0, 0, 1, 0, 0])]);
    let data = msg(b'd', &[b'7'; 8_000]);
    talk.client_cut(&data[..5_000], 3_005);
    for _ in 0..20 {
        talk.client_cut(b"", 8_005);
    }
    talk.server(&[answer("COPY 21"), ready(b'I')]);
    talk.client(&[query("SELECT a")]);
    talk.server(&[table(1), answer("SELECT 1"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["COPY t FROM STDIN", "SELECT a"], "{talk:?}");
    assert!(talk.exchanges().iter().all(|exchange| exchange.outcome == Outcome::Complete));
    assert_eq!(talk.lost(), 0);
    assert_eq!(talk.handover(), None);
}

#[test]
fn a_long_copy_that_fails_in_the_extended_protocol() {
    let mut talk = connected();
    talk.client(&[parse("", "COPY t FROM STDIN"), bind("", ""), execute("", 0), sync()]);
    talk.server(&[msg(b'1', b""), msg(b'2', b""), msg(b'G', &[0, 0, 1, 0, 0])]);
    talk.client_cut(&msg(b'd', b"x\n"), 100_000);
    talk.server(&[msg(b'E', b"SERROR\0VERROR\0C22P02\0\0"), ready(b'I')]);
    talk.client(&[query("SELECT a")]);
    talk.server(&[table(1), answer("SELECT 1"), ready(b'I')]);
    assert_eq!(texts(talk.exchanges()), ["COPY t FROM STDIN", "SELECT a"]);
    assert_eq!(facts(&talk.exchanges()[0]).error.unwrap().code.unwrap().as_str(), "22P02");
    assert_eq!(facts(&talk.exchanges()[1]).error, None);
}

/// A parameter fills the turn; Describe, Execute and Sync are behind it.
#[test]
fn an_execution_with_a_long_parameter() {
    let mut talk = connected();
    let long = msg(b'B', &[b"\0\0\0\0\0\x01\0\x01\x86\xa0".to_vec(), vec![1; 100_000]].concat());
    let whole = [parse("", "INSERT INTO t VALUES ($1)"), long].concat();
    let behind = [msg(b'D', b"P\0"), execute("", 0), sync()].concat().len();
    for end in [answer("INSERT 0 1"), msg(b'E', b"SERROR\0VERROR\0C23505\0\0")] {
        talk.client_cut(&whole[..20_000], (whole.len() - 20_000 + behind) as u64);
        talk.server(&[msg(b'1', b""), msg(b'2', b""), msg(b'n', b""), end, ready(b'I')]);
    }
    talk.client(&[query("SELECT a")]);
    talk.server(&[table(1), answer("SELECT 1"), ready(b'I')]);
    let insert = "INSERT INTO t VALUES ($1)";
    assert_eq!(texts(talk.exchanges()), [insert, insert, "SELECT a"]);
    assert_eq!(facts(&talk.exchanges()[0]).error, None);
    assert_eq!(facts(&talk.exchanges()[1]).error.unwrap().code.unwrap().as_str(), "23505");
    assert_eq!(talk.lost(), 0);
}

/// A long text, behind which its Bind is lost, too; and an answer of which the end is.
#[test]
fn an_execution_of_a_long_text() {
    let mut talk = connected();
    let whole = parse("", &format!("SELECT a FROM t WHERE b IN ({}1)", "1, ".repeat(50_000)));
    for cut in [false, true] {
        talk.client_cut(&whole[..20_000], whole.len() as u64 - 20_000 + 60);
        let answered = [msg(b'1', b""), msg(b'2', b""), msg(b'T', &[0, 0]), rows(3)].concat();
        if cut {
            talk.server_cut(&answered, 100_000);
        } else {
            talk.server(&[answered, answer("SELECT 3"), ready(b'I')]);
        }
        talk.client(&[query("SELECT a")]);
        talk.server(&[table(1), answer("SELECT 1"), ready(b'I')]);
    }
    let outcomes: Vec<_> = talk.exchanges().iter().map(|exchange| exchange.outcome).collect();
    let complete = Outcome::Complete;
    assert_eq!(outcomes, [complete, complete, Outcome::Inferred, complete]);
    assert!(text(&talk.exchanges()[2]).starts_with("SELECT a FROM t WHERE b IN (?"));
    assert_eq!(facts(&talk.exchanges()[0]).rows, Some(3));
}

/// Preparing alone makes no exchange, also if what follows Parse was lost.
#[test]
fn preparing_a_long_text() {
    let mut talk = connected();
    let whole = parse("s", &format!("SELECT {}1", "1, ".repeat(50_000)));
    talk.client_cut(&whole[..20_000], whole.len() as u64 - 20_000 + 12);
    talk.server(&[msg(b'1', b""), msg(b't', &[0, 0]), msg(b'n', b""), ready(b'I')]);
    assert_eq!(talk.exchanges().len(), 0);
    talk.client(&[bind("", "s"), execute("", 0), sync()]);
    talk.server(&[msg(b'2', b""), rows(1), answer("SELECT 1"), ready(b'I')]);
    let [exchange] = talk.exchanges() else { panic!("{talk:?}") };
    assert!(text(exchange).starts_with("SELECT ?, ?"));
    assert_eq!(talk.lost(), 0);
}

/// Executions in a row: those that were seen have their answers, the others are counted.
#[test]
fn a_long_pipeline_is_told_as_far_as_it_was_seen() {
    let mut talk = connected();
    let one = [bind("", "s"), execute("", 0)].concat();
    talk.client(&[parse("s", "INSERT INTO t VALUES ($1)"), sync()]);
    talk.server(&[msg(b'1', b""), ready(b'I')]);
    talk.client_cut(&one.repeat(3), 2 * one.len() as u64 + 5);
    let done = [msg(b'2', b""), answer("INSERT 0 1")].concat();
    talk.server(&[done.repeat(5), ready(b'I')]);
    assert_eq!((talk.exchanges().len(), talk.lost()), (3, 2));
    // The hole begins behind a Bind: the first execution in it is that one's.
    talk.client_cut(&[one.repeat(2), bind("", "s")].concat(), 2 * one.len() as u64 + 15);
    talk.server(&[done.repeat(4), done, ready(b'I')]);
    assert_eq!((talk.exchanges().len(), talk.lost()), (6, 4));
    talk.client(&[query("SELECT a")]);
    talk.server(&[table(1), answer("SELECT 1"), ready(b'I')]);
    assert_eq!(text(&talk.exchanges()[6]), "SELECT a");
}

#[test]
fn a_connection_that_ends_within_a_long_request() {
    let mut talk = connected();
    talk.client_cut(&[parse("", "INSERT INTO t VALUES ($1)"), bind("", "")].concat(), 100_000);
    talk.closed(Ending::Reset);
    let [exchange] = talk.exchanges() else { panic!("{talk:?}") };
    assert_eq!(exchange.outcome, Outcome::Aborted(Ending::Reset));
}

/// The server's end of a pipeline that it reads in parts, of which records were lost both ways: what is
/// read next is behind requests whose answers are still to come.
#[test]
fn a_pipeline_with_holes_both_ways_pairs_nothing_wrongly() {
    let mut talk = connected();
    let one = |number: usize| {
        [parse("", &format!("SELECT a{number}")), bind("", ""), execute("", 0)].concat()
    };
    let told = |count: usize| {
        [msg(b'1', b""), msg(b'2', b""), rows(count), answer(&format!("SELECT {count}"))].concat()
    };
    for asked in [1, 2] {
        let before = talk.exchanges().len();
        talk.client_cut(&[one(1), one(2)].concat()[..one(1).len() * asked], 500);
        talk.server_cut(&told(1)[..20], 300);
        talk.client(&[one(4), one(5), sync()]);
        talk.server(&[told(3), told(4), told(5), ready(b'I')]);
        for exchange in &talk.exchanges()[before..] {
            assert_ne!(exchange.outcome, Outcome::Complete, "{talk:?}");
        }
        talk.wait(1_000_000_000);
    }
}
