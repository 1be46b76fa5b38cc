//! Expectations are from the RESP specification and the pages of the commands.

mod cut_pipelines;

use super::RedisFacts;
use super::dissector::Redis;
use crate::chunk::{Chunk, Moment, Side};
use crate::detect::{Evidence, Opening};
use crate::dissector::{Dissector, Ending, Handover, Output};
use crate::exchange::{Exchange, Facts, Outcome};

/// One connection, fed turn by turn; each call takes one microsecond, ten after the last.
struct Wire {
    redis: Redis,
    out: Output,
    clock: u64,
    positions: [u64; 2],
}

impl Wire {
    fn new(from_start: bool) -> Self {
        let positions = [0; 2];
        Self { redis: Redis::new(from_start), out: Output::default(), clock: 1000, positions }
    }

    fn feed(&mut self, side: Side, bytes: &[u8], missing: u64) -> &mut Self {
        self.clock += 10_000;
        let position = &mut self.positions[side as usize];
        let first = Moment {
            position: *position,
            start: self.clock,
            end: self.clock + 1000,
            ..Moment::default()
        };
        *position += bytes.len() as u64 + missing;
        let chunk = Chunk { side, first, bytes, missing, datagram: false };
        self.redis.feed(&chunk, &mut self.out);
        self
    }

    fn client(&mut self, bytes: &str) -> &mut Self {
        self.feed(Side::Client, bytes.as_bytes(), 0)
    }

    fn server(&mut self, bytes: &str) -> &mut Self {
        self.feed(Side::Server, bytes.as_bytes(), 0)
    }

    /// Commands in one write.
    fn ask(&mut self, commands: &[&str]) -> &mut Self {
        let bytes: String = commands.iter().map(|command| array(command)).collect();
        self.client(&bytes)
    }

    /// A tenth of a second without a byte.
    fn idle(&mut self) -> &mut Self {
        self.clock += 100_000_000;
        self.redis.idle(self.clock, &mut self.out);
        self
    }

    fn close(&mut self, ending: Ending) -> &mut Self {
        self.redis.closed(ending, Moment::default(), &mut self.out);
        self
    }

    fn texts(&self) -> Vec<&str> {
        self.out.exchanges.iter().map(|exchange| &*facts(exchange).text).collect()
    }

    fn only(&self) -> &RedisFacts {
        assert_eq!(self.out.exchanges.len(), 1, "{:?}", self.out);
        facts(&self.out.exchanges[0])
    }

    fn is_clean(&self) -> bool {
        self.out.lost == 0 && self.out.not_understood == 0 && self.out.handover.is_none()
    }
}

fn facts(exchange: &Exchange) -> &RedisFacts {
    match &exchange.facts {
        Facts::Redis(facts) => facts,
        other => panic!("{other:?}"),
    }
}

fn array(command: &str) -> String {
    let words: Vec<_> = command.split(' ').collect();
    let strings: String =
        words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    format!("*{}\r\n{strings}", words.len())
}

#[test]
fn a_command_and_its_reply() {
    let mut wire = Wire::new(true);
    wire.ask(&["SET user:1 secret EX 10"]).server("+OK\r\n");
    let exchange = &wire.out.exchanges[0];
    assert_eq!(exchange.outcome, Outcome::Complete);
    assert_eq!((exchange.request.first.position, exchange.request.first.start), (0, 11_000));
    assert_eq!(exchange.response.map(|extent| extent.last.position), Some(4));
    let facts = wire.only();
    assert_eq!(&*facts.operation, "SET");
    assert_eq!(&*facts.text, "SET user:1 ? ? ?");
    assert_eq!((facts.database, facts.commands), (Some(0), 1));
    assert!(wire.is_clean());
}

#[test]
fn every_type_of_resp_is_one_reply() {
    for reply in [
        "+OK\r\n",
        "-ERR no\r\n",
        ":-12\r\n",
        "$-1\r\n",
        "$0\r\n\r\n",
        "$5\r\n\r\n:1\r\r\n",
        "*-1\r\n",
        "*0\r\n",
        "*2\r\n*1\r\n+a\r\n$-1\r\n",
        "_\r\n",
        "#t\r\n",
        ",1.5e3\r\n",
        ",-inf\r\n",
        ",nan\r\n",
        "(3492890328409238509324850943850943825024385\r\n",
        "!21\r\nSYNTAX invalid syntax\r\n",
        "=15\r\ntxt:Some string\r\n",
        "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n",
        "~2\r\n+a\r\n+b\r\n",
        "|1\r\n+key-popularity\r\n%2\r\n$1\r\na\r\n,0.1\r\n$1\r\nb\r\n,0.2\r\n*1\r\n:1\r\n",
        "*3\r\n:1\r\n|1\r\n+ttl\r\n:3600\r\n:2\r\n:3\r\n",
        "$?\r\n;4\r\nHell\r\n;6\r\no worl\r\n;1\r\nd\r\n;0\r\n",
        "*?\r\n:1\r\n*?\r\n.\r\n:2\r\n.\r\n",
        "%?\r\n+a\r\n:1\r\n.\r\n",
    ] {
        let mut wire = Wire::new(true);
        wire.ask(&["GET k"]).server(reply);
        assert_eq!(wire.texts(), ["GET k"], "{reply:?}");
        let last = wire.out.exchanges[0].response.map(|extent| extent.last.position);
        assert_eq!(last, Some(reply.len() as u64 - 1), "{reply:?}");
        assert!(wire.is_clean(), "{reply:?} {:?}", wire.out);
    }
}

#[test]
fn errors_give_their_prefix() {
    for (reply, prefix) in [
        ("-WRONGTYPE Operation against a key\r\n", Some("WRONGTYPE")),
        ("-MOVED 3999 127.0.0.1:6381\r\n", Some("MOVED")),
        ("-my own words\r\n", Some("")),
        ("!21\r\nSYNTAX invalid syntax\r\n", Some("SYNTAX")),
        ("*1\r\n-ERR inner\r\n", None),
    ] {
        let mut wire = Wire::new(true);
        wire.ask(&["EVALSHA abc 1 k v"]).server(reply);
        assert_eq!(wire.only().error.as_deref(), prefix, "{reply:?}");
        assert_eq!(wire.only().procedure.as_deref(), Some("abc"));
    }
    let mut wire = Wire::new(true);
    wire.ask(&["EXEC"]).server("*2\r\n+OK\r\n-WRONGTYPE inner\r\n");
    assert_eq!(wire.only().error.as_deref(), Some("WRONGTYPE"));
}

#[test]
fn a_pipeline_is_one_exchange() {
    let mut wire = Wire::new(true);
    wire.ask(&["GET a", "GET b", "GET c"]).server("$1\r\n1\r\n$-1").server("\r\n-ERR x\r\n");
    let facts = wire.only();
    assert_eq!((&*facts.operation, facts.commands), ("PIPELINE GET", 3));
    assert_eq!(&*facts.text, "GET a; GET b; GET c");
    assert_eq!(facts.error.as_deref(), Some("ERR"));
    wire.ask(&["GET a", "DEL b"]).server("$-1\r\n:0\r\n");
    assert_eq!(&*self::facts(&wire.out.exchanges[1]).operation, "PIPELINE");
    assert!(wire.is_clean());
}

#[test]
fn commands_in_flight_together_stay_apart() {
    let mut wire = Wire::new(true);
    wire.ask(&["GET a"]).ask(&["GET b"]).server("$1\r\n1\r\n").ask(&["GET c"]);
    wire.server("$1\r\n2\r\n$1\r\n3\r\n");
    assert_eq!(wire.texts(), ["GET a", "GET b", "GET c"]);
    assert!(wire.is_clean());
}

#[test]
fn a_transaction_in_one_write_is_a_multi() {
    let mut wire = Wire::new(true);
    wire.ask(&["MULTI", "SET a 1", "SET b 2", "EXEC"]);
    wire.server("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n");
    assert_eq!((&*wire.only().operation, wire.only().commands), ("MULTI SET", 2));

    // "Requests to batch APIs that contain only one operation SHOULD be modeled as single
    // operations", semantic conventions of `db.operation.batch.size`.
    let mut wire = Wire::new(true);
    wire.ask(&["MULTI", "GET a", "EXEC"]).server("+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n");
    assert_eq!((&*wire.only().operation, wire.only().commands), ("GET", 1));
    assert_eq!(&*wire.only().text, "MULTI; GET a; EXEC");

    let mut wire = Wire::new(true);
    wire.ask(&["MULTI", "SET a 1", "GET b", "EXEC", "PING"]);
    wire.server("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n$-1\r\n+PONG\r\n");
    assert_eq!((&*wire.only().operation, wire.only().commands), ("PIPELINE", 5));

    let mut wire = Wire::new(true);
    wire.ask(&["MULTI"]).server("+OK\r\n").ask(&["INCR a"]).server("+QUEUED\r\n");
    wire.ask(&["EXEC"]).server("*1\r\n:1\r\n");
    assert_eq!(wire.texts(), ["MULTI", "INCR a", "EXEC"]);
}

#[test]
fn select_is_followed_and_unknown_after_attaching() {
    let mut wire = Wire::new(true);
    wire.ask(&["SELECT 3"]).server("+OK\r\n").ask(&["GET a"]).server("$-1\r\n");
    wire.ask(&["SELECT 99"]).server("-ERR DB index is out of range\r\n");
    wire.ask(&["GET a"]).server("$-1\r\n");
    let databases = |wire: &Wire| {
        wire.out.exchanges.iter().map(|exchange| facts(exchange).database).collect::<Vec<_>>()
    };
    assert_eq!(databases(&wire), [Some(0), Some(3), Some(3), Some(3)]);

    let mut wire = Wire::new(false);
    wire.ask(&["GET a"]).server("$-1\r\n").ask(&["SELECT 2"]).server("+OK\r\n");
    wire.ask(&["GET a"]).server("$-1\r\n").idle();
    assert_eq!(databases(&wire), [None, None, Some(2)]);
}

#[test]
fn messages_are_not_replies() {
    let mut wire = Wire::new(true);
    wire.ask(&["SUBSCRIBE a b"]);
    wire.server("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    assert!(wire.texts().is_empty());
    wire.server("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
    wire.server("*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n");
    assert_eq!(wire.texts(), ["SUBSCRIBE a b"]);
    wire.server("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
    wire.ask(&["PING"]).server("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nho\r\n");
    wire.server("*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    wire.ask(&["UNSUBSCRIBE"]).server("*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n");
    wire.server("*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n");
    wire.ask(&["GET k"]).server("$1\r\n1\r\n");
    assert_eq!(wire.texts(), ["SUBSCRIBE a b", "PING", "UNSUBSCRIBE", "GET k"]);
    assert!(wire.is_clean(), "{:?}", wire.out);
}

#[test]
fn pushes_come_between_replies() {
    let mut wire = Wire::new(true);
    wire.ask(&["HELLO 3 AUTH me secret"]).server("%1\r\n$5\r\nproto\r\n:3\r\n");
    wire.ask(&["GET k"]).server(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n$1\r\n1\r\n");
    wire.ask(&["SUBSCRIBE a"]).server(">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    wire.ask(&["GET k"]).server(">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n$1\r\n1\r\n");
    assert_eq!(wire.texts(), ["HELLO 3 AUTH ? ?", "GET k", "SUBSCRIBE a", "GET k"]);
    assert!(wire.is_clean());
}

#[test]
fn client_reply_decides_whether_there_are_replies() {
    let mut wire = Wire::new(true);
    wire.ask(&["CLIENT REPLY OFF"]).ask(&["SET a 1"]).ask(&["CLIENT REPLY SKIP"]);
    wire.ask(&["SET b 1"]).ask(&["CLIENT REPLY ON"]).server("+OK\r\n");
    wire.ask(&["CLIENT REPLY SKIP"]).ask(&["SET c 1"]).ask(&["GET c"]).server("$1\r\n1\r\n");
    let outcomes: Vec<_> = wire.out.exchanges.iter().map(|exchange| exchange.outcome).collect();
    let (one_way, complete) = (Outcome::OneWay, Outcome::Complete);
    assert_eq!(
        outcomes,
        [one_way, one_way, one_way, one_way, complete, one_way, one_way, complete]
    );
    assert!(wire.is_clean());
}

#[test]
fn inline_commands_and_empty_lines() {
    let mut wire = Wire::new(true);
    wire.client("\r\n*0\r\nget a\r\nPI").client("NG\r\n").server("$1\r\n1\r\n+PONG\r\n");
    assert_eq!(wire.only().text.as_ref(), "get a; PING");
    assert!(wire.is_clean());
}

#[test]
fn quotes_of_inline_commands_hold_words_together() {
    for (line, text) in [
        ("MSET \"a b\" secret c 'd e'", "MSET \"a b\" ? c ?"),
        (r#"GET "a\x41\n\"b""#, r#"GET "aA\n\"b""#),
        (r"GET 'it\'s'", "GET \"it's\""),
        ("SET k \"unbalanced", "SET k ?"),
        ("MSET a \"b\"secret c", "MSET a ?"),
    ] {
        let mut wire = Wire::new(true);
        wire.client(&format!("{line}\r\n")).server("+OK\r\n");
        assert_eq!(&*wire.only().text, text);
    }
}

#[test]
fn large_values_are_skipped() {
    let mut wire = Wire::new(true);
    let head = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\nabc";
    wire.feed(Side::Client, head.as_bytes(), 999_999).server("+OK\r\n");
    wire.ask(&["GET k"]).feed(Side::Server, b"$1000000\r\nabc", 999_990).feed(
        Side::Server,
        b"1234567\r\n",
        0,
    );
    assert_eq!(wire.texts(), ["SET k ?", "GET k"]);
    assert_eq!(wire.out.exchanges[1].outcome, Outcome::Complete);
    assert!(wire.is_clean());
}

#[test]
fn a_reply_whose_end_is_lost_ends_before_the_next_turn() {
    let mut wire = Wire::new(true);
    wire.ask(&["LRANGE k 0 -1"]).feed(Side::Server, b"*1000\r\n$1\r\na\r\n", 70_000);
    wire.server("left over").ask(&["GET k"]).server("$1\r\n1\r\n");
    assert_eq!(wire.texts(), ["LRANGE k 0 -1", "GET k"]);
    assert_eq!(wire.out.exchanges[0].outcome, Outcome::Inferred);
}

#[test]
fn a_lost_reply_is_never_replaced_by_the_next() {
    let mut wire = Wire::new(true);
    wire.ask(&["GET a"]).ask(&["GET b"]).feed(Side::Server, b"", 7).ask(&["GET c"]);
    wire.server("$1\r\n2\r\n").server("$1\r\n3\r\n").close(Ending::Closed);
    assert_eq!(wire.texts(), Vec::<&str>::new());
    assert!(wire.out.lost >= 2);
}

#[test]
fn a_lost_command_takes_nobody_elses_reply() {
    let mut wire = Wire::new(true);
    wire.ask(&["GET a"]).feed(Side::Client, b"", 20).server("$1\r\n1\r\n$1\r\n2\r\n");
    wire.ask(&["GET c"]).server("$1\r\n3\r\n").ask(&["GET d"]).server("$1\r\n4\r\n");
    wire.idle();
    assert!(wire.texts().starts_with(&["GET c"]), "{:?}", wire.texts());
}

#[test]
fn footing_is_found_in_the_middle() {
    let mut wire = Wire::new(false);
    wire.server("rest of a value\r\n").ask(&["GET a"]).server("$1\r\n1\r\n").idle();
    assert_eq!(wire.texts(), ["GET a"]);
    let mut wire = Wire::new(false);
    wire.client("rest of a value\r\n").server("+OK\r\n").ask(&["GET a"]).server("$1\r\n1\r\n");
    assert!(wire.texts().is_empty());
    wire.idle();
    assert_eq!(wire.texts(), ["GET a"]);
}

#[test]
fn a_busy_connection_is_trusted_after_some_turns() {
    let mut wire = Wire::new(false);
    for _ in 0..20 {
        wire.ask(&["GET a"]).server("$1\r\n1\r\n");
    }
    assert!(wire.texts().len() >= 19);
    assert!(wire.is_clean());
}

#[test]
fn every_command_that_is_given_up_is_counted() {
    // A client that multiplexes, joined in the middle: whose the replies are is not known until it is quiet.
    let mut wire = Wire::new(false);
    for name in ["one", "two", "three", "four"] {
        wire.ask(&[&format!("GET {name}")]);
    }
    wire.server("$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n").idle();
    assert_eq!(wire.out.lost, 4);
    wire.ask(&["GET five"]).server("$1\r\n5\r\n").idle();
    assert_eq!(wire.texts(), ["GET five"]);
    assert_eq!(wire.out.lost, 4);
}

#[test]
fn a_reply_too_many_withdraws_what_was_held() {
    let mut wire = Wire::new(false);
    // The first reply is to a command that was sent before we came.
    wire.ask(&["GET a"]).server("$1\r\n0\r\n").server("$1\r\n1\r\n").ask(&["GET b"]);
    wire.server("$1\r\n2\r\n").idle();
    assert_eq!(wire.texts(), Vec::<&str>::new());
    assert!(wire.out.lost > 0);
    // Silence shows that nothing is outstanding.
    wire.ask(&["GET c"]).server("$1\r\n3\r\n").idle();
    assert_eq!(wire.texts(), ["GET c"]);
}

#[test]
fn what_is_open_at_the_end_is_aborted() {
    let mut wire = Wire::new(true);
    wire.ask(&["BLPOP q 0"]).close(Ending::Reset);
    assert_eq!(wire.out.exchanges[0].outcome, Outcome::Aborted(Ending::Reset));
}

#[test]
fn feeds_and_replication_are_opaque() {
    let mut wire = Wire::new(true);
    wire.ask(&["MONITOR"]).server("+OK\r\n+1339518083.107412 [0 127.0.0.1:60866] \"keys\"\r\n");
    assert_eq!(wire.texts(), ["MONITOR"]);
    assert_eq!(wire.out.handover, Some(Handover::Opaque("MONITOR")));
    let mut wire = Wire::new(true);
    wire.ask(&["PSYNC ? -1"]);
    assert_eq!(wire.out.handover, Some(Handover::Opaque("replication")));
}

#[test]
fn hostile_lengths_cost_nothing() {
    for bytes in ["*99999999999\r\n", "*1\r\n$99999999999999999999\r\n", "*1\r\n$-5\r\n"] {
        let mut wire = Wire::new(true);
        wire.client(bytes);
        assert!(wire.texts().is_empty());
        assert_eq!(wire.out.not_understood, 1);
    }
    let mut wire = Wire::new(true);
    wire.ask(&["GET a"]).server(&"*1\r\n".repeat(100_000));
    assert!(wire.texts().is_empty());
}

/// A server's confirmation looks like the command that it confirms, but for its last element
/// (redis.io, "Redis Pub/Sub").
#[test]
fn a_confirmation_is_no_command() {
    let judged = |client: &[u8]| {
        let (server, client_from_start, server_from_start) = (&b""[..], false, false);
        super::detect::detect(&Opening {
            client,
            server,
            client_from_start,
            server_from_start,
            ..Opening::default()
        })
    };
    assert_eq!(judged(b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"), Evidence::No);
    assert_eq!(judged(b"*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n"), Evidence::No);
    assert_eq!(judged(b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n"), Evidence::NeedMore);
    assert_eq!(judged(b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n$1\r\nb\r\n"), Evidence::Likely);
    assert_eq!(judged(b"*2\r\n$9\r\nsubscribe\r\n$1\r\na\r\n"), Evidence::Likely);
}

/// A reply to LRANGE, and a command of which little was captured: which end is the client is not
/// known in the middle of a connection.
#[test]
fn a_reply_of_strings_is_no_command() {
    let judged = |client: &[u8], server: &[u8], from_start| {
        super::detect::detect(&Opening {
            client,
            server,
            client_from_start: from_start,
            server_from_start: from_start,
            ..Opening::default()
        })
    };
    let strings = b"*3\r\n$3\r\nVXK\r\n$3\r\nVXK\r\n$3\r\nVXK\r\n";
    assert_eq!(judged(strings, b"*4\r\n$6\r\n", false), Evidence::NeedMore);
    assert_eq!(judged(strings, b"*4\r\n$6\r\nLRANGE\r\n", false), Evidence::NeedMore);
    assert_eq!(judged(strings, b"*1\r\n$1\r\na\r\n", true), Evidence::Likely);
    assert_eq!(judged(strings, b"+OK\r\n", false), Evidence::Likely);
}
