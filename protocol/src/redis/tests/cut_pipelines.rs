//! Pipelines of which only the front was captured.

use super::{Wire, array, facts};
use crate::chunk::Side;
use crate::dissector::Ending;
use crate::exchange::Outcome;

/// Six commands in one write, of which two and a half are seen.
fn cut(wire: &mut Wire) {
    let whole: String = (0..6).map(|n| array(&format!("SET k{n} secret"))).collect();
    let seen = whole.len() / 12 * 5;
    wire.feed(Side::Client, &whole.as_bytes()[..seen], (whole.len() - seen) as u64);
}

/// More than a second without a byte.
fn silence(wire: &mut Wire) {
    for _ in 0..12 {
        wire.idle();
    }
}

#[test]
fn a_reply_is_a_command() {
    let mut wire = Wire::new(true);
    cut(&mut wire);
    wire.server("+OK\r\n-OOM command not allowed\r\n+OK\r\n").server("+OK\r\n+OK\r\n+OK\r\n");
    wire.ask(&["GET a"]).server("$-1\r\n").idle();
    assert_eq!(wire.texts(), ["SET k0 ?; SET k1 ?; SET ...", "GET a"]);
    let [pipeline, get] = &wire.out.exchanges[..] else { panic!("{:?}", wire.out) };
    assert_eq!(pipeline.outcome, Outcome::Inferred);
    assert_eq!((&*facts(pipeline).operation, facts(pipeline).commands), ("PIPELINE SET", 6));
    assert_eq!((facts(pipeline).database, facts(get).database), (Some(0), None));
    assert_eq!(facts(pipeline).error.as_deref(), Some("OOM"));
    assert_eq!(facts(get).error, None);
    assert!(wire.is_clean());
}

/// Silence ends it, and so does the connection's end.
#[test]
fn the_last_one_is_told() {
    let mut wire = Wire::new(true);
    cut(&mut wire);
    wire.server(&"+OK\r\n".repeat(6));
    silence(&mut wire);
    assert_eq!(wire.only().commands, 6);
    let mut wire = Wire::new(true);
    cut(&mut wire);
    wire.server(&"+OK\r\n".repeat(6)).close(Ending::Closed);
    assert_eq!(wire.only().commands, 6);
    assert_eq!(wire.out.exchanges[0].outcome, Outcome::Inferred);
}

/// Neither a server that takes its time nor a client that reads in parts ends it.
#[test]
fn a_short_silence_does_not_end_it() {
    let mut wire = Wire::new(true);
    cut(&mut wire);
    silence(&mut wire);
    wire.server(&"+OK\r\n".repeat(4)).idle().server(&"+OK\r\n".repeat(2)).idle();
    assert_eq!(wire.out.exchanges.len(), 0);
    silence(&mut wire);
    assert_eq!(wire.only().commands, 6);
}

/// Where replies are lost as well, nobody knows how many commands there were.
#[test]
fn without_its_replies_its_size_is_unknown() {
    let mut wire = Wire::new(true);
    cut(&mut wire);
    wire.feed(Side::Server, b"+OK\r\n", 25);
    silence(&mut wire);
    assert_eq!(wire.only().commands, 0);
    assert_eq!(&*wire.only().operation, "PIPELINE SET");
}

/// A server that reads a pipeline in parts: the next read begins in the middle of a command.
#[test]
fn what_follows_may_be_more_of_it() {
    let mut wire = Wire::new(true);
    cut(&mut wire);
    wire.server(&"+OK\r\n".repeat(5)).client("cret\r\n").server("+OK\r\n");
    assert_eq!(wire.only().commands, 5);
    wire.idle().ask(&["GET a"]).server("$-1\r\n").idle();
    assert_eq!(wire.texts()[1..], ["GET a"]);
    assert_eq!(wire.out.not_understood, 0);
}

/// Of a client that does not wait, whose replies are whose is not known.
#[test]
fn of_a_busy_client_it_is_lost() {
    let mut wire = Wire::new(true);
    wire.ask(&["GET a"]).ask(&["GET b"]).server("$-1\r\n$-1\r\n");
    cut(&mut wire);
    wire.server(&"+OK\r\n".repeat(6)).idle();
    assert_eq!(wire.texts(), ["GET a", "GET b"]);
    assert_eq!(wire.out.lost, 1);
}

/// A client that writes a full buffer at a time, which parts commands anywhere (Jedis); of the second
/// write one byte is captured, and of the next ones nothing.
#[test]
fn of_several_writes_too() {
    let whole: String = (0..600).map(|n| array(&format!("SET k{n} secret"))).collect();
    for seen in [1, 2, 20, 30, 60] {
        let mut wire = Wire::new(true);
        wire.ask(&["GET a"]).server("$-1\r\n");
        let (first, rest) = whole.as_bytes().split_at(8190);
        wire.feed(Side::Client, first, 0);
        wire.feed(Side::Client, &rest[..seen], (8190 - seen) as u64);
        wire.feed(Side::Client, b"", (rest.len() - 8190) as u64);
        wire.server(&"+OK\r\n".repeat(600)).ask(&["GET b"]).server("$-1\r\n");
        silence(&mut wire);
        assert_eq!(wire.out.exchanges.len(), 3, "{seen}: {:?}", wire.out);
        assert_eq!(facts(&wire.out.exchanges[1]).commands, 600, "{seen}");
    }
}
