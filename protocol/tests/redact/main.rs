//! What is left of conversations: their structure, as dissectors read it, and no secret.

#[path = "../support/mod.rs"]
mod support;

mod dns;
mod fastcgi;
mod http2;
mod mysql;

use onlooker_protocol::redact::{DIGIT, MASK, Redactor, Way};
use onlooker_protocol::{Chunk, Dissector as _, Exchange, Facts, Moment, Output, Side};
use onlooker_protocol::{http1, postgresql, redis};
use support::Random;
use support::reads::{Read, connections, dissect};
use support::turns::{Turn, listen, recording};

/// A text that must never come out, of which no four bytes may.
const SECRET: &str = "hUnt3rTw0zQ";

fn way(side: Side) -> Way {
    if side == Side::Client { Way::Out } else { Way::In }
}

/// What is left of turns, each of which is one system call.
fn redacted(turns: &[(Side, Vec<u8>)]) -> Vec<(Side, Vec<u8>)> {
    let mut redactor = Redactor::default();
    let each = turns.iter().map(|(side, bytes)| {
        let mut out = Vec::new();
        redactor.run(way(*side), true, bytes, &mut out);
        assert_eq!(out.len(), bytes.len(), "the length changed");
        (*side, out)
    });
    each.collect()
}

fn of_client(bytes: &[u8]) -> String {
    let out = redacted(&[(Side::Client, bytes.to_vec())]).remove(0).1;
    String::from_utf8(out).expect("text")
}

fn has_secret(bytes: &[u8]) -> bool {
    SECRET.as_bytes().windows(4).any(|part| bytes.windows(4).any(|window| window == part))
}

#[test]
fn http_requests_keep_what_frames_them() {
    let request = "POST /shop/42/order.json;s=1?page=2&token&dGVzdA==&a[b]=c#f HTTP/1.1\r\n\
                   Host: shop.example:8080\r\n\
                   Authorization: Basic aHVudGVy\r\n\
                   Content-Type: multipart/form-data; boundary=xyz\r\n\
                   Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
                   Content-Length: 5\r\n\
                   \r\n\
                   helloGET /next HTTP/1.1\r\nCookie: a=b\r\n\r\n";
    let expected = "POST /shop/xx/xxxxxxxxxxxxxx?page=x&xxxxx&xxxxxxxx&a[b]=x#x HTTP/1.1\r\n\
                   Host: shop.example:8080\r\n\
                   Authorization: xxxxxxxxxxxxxx\r\n\
                   Content-Type: multipart/form-data;xxxxxxxxxxxxx\r\n\
                   Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
                   Content-Length: 5\r\n\
                   \r\n\
                   xxxxxGET /next HTTP/1.1\r\nCookie: xxx\r\n\r\n";
    assert_eq!(of_client(request.as_bytes()), expected);
}

#[test]
fn http_targets_of_other_forms() {
    let line = |target: &str| {
        let out = of_client(format!("GET {target} HTTP/1.1\r\n\r\n").as_bytes());
        out.strip_prefix("GET ")
            .and_then(|it| it.strip_suffix(" HTTP/1.1\r\n\r\n"))
            .map(str::to_owned)
    };
    let absolute = line("http://shop.example/v1/items?id=7");
    assert_eq!(absolute.as_deref(), Some("http://shop.example/v1/items?id=x"));
    let with_user = line("http://user:pass@shop.example/");
    assert_eq!(with_user.as_deref(), Some("http://xxxxxxxxxxxxxxxxxxxxxx/"));
    assert_eq!(line("*").as_deref(), Some("*"));
    assert_eq!(
        of_client(b"CONNECT a.example:443 HTTP/1.1\r\n\r\n").lines().next(),
        Some("CONNECT a.example:443 HTTP/1.1")
    );
}

#[test]
fn http_responses_keep_their_codes_and_chunks() {
    let asked = b"GET / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_vec();
    let answer = "HTTP/1.1 200 Very Fine\r\nTransfer-Encoding: chunked\r\nServer: x/1\r\n\r\n\
                  5;ext=7\r\nhello\r\n0\r\nDigest: abc\r\n\r\n\
                  HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n\
                  HTTP/1.1 404 No\r\nContent-Length: 3\r\nSet-Cookie: id=1\r\n\r\nabc";
    let expected = "HTTP/1.1 200 xxxxxxxxx\r\nTransfer-Encoding: chunked\r\nServer: xxx\r\n\r\n\
                  5;xxxxx\r\nxxxxx\r\n0\r\nDigest: xxx\r\n\r\n\
                  HTTP/1.1 200 xx\r\nContent-Length: 7\r\n\r\n\
                  HTTP/1.1 404 xx\r\nContent-Length: 3\r\nSet-Cookie: xxxx\r\n\r\nxxx";
    let out = redacted(&[(Side::Client, asked), (Side::Server, answer.as_bytes().to_vec())]);
    assert_eq!(String::from_utf8_lossy(&out[1].1), expected);
}

/// The heads of requests and responses are the same to the dissector, but for what was masked.
#[test]
fn a_redacted_http_conversation_is_still_read() {
    let turns = [
        (
            Side::Client,
            b"POST /a/b HTTP/1.1\r\nHost: h.example\r\nContent-Length: 3\r\n\r\nabc".to_vec(),
        ),
        (
            Side::Server,
            b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nLocation: /x\r\n\r\nok".to_vec(),
        ),
    ];
    let read = |turns: &[(Side, Vec<u8>)]| {
        let mut dissector = http1::Http1::new(true);
        let mut out = Output::default();
        for (side, bytes) in turns {
            dissector.feed(&Chunk::new(*side, Moment::default(), bytes), &mut out);
        }
        out.exchanges
    };
    let (whole, left) = (read(&turns), read(&redacted(&turns)));
    assert_eq!(whole.len(), 1);
    assert_eq!(format!("{whole:?}"), format!("{left:?}"));
}

/// Wherever a conversation is cut into calls and records, and whatever is missing of it, nothing of
/// a secret comes out.
#[test]
fn no_cut_lets_a_secret_out() {
    let s = SECRET;
    let http = vec![
        (
            Side::Client,
            format!(
                "POST /{s}/x?q={s}&{s}=1&{s} HTTP/1.1\r\nAuthorization: Bearer {s}\r\nX-Folded: a\r\n {s}\r\n\
                 Cookie: {s}\r\nContent-Type: a/b; c={s}\r\n{s}\r\nContent-Length: 22\r\n\r\n{s}{s}\
                 PUT /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                 b;{s}={s}\r\n{s}\r\n0\r\nX-Sum: {s}\r\n\r\n"
            ),
        ),
        (
            Side::Server,
            format!(
                "HTTP/1.1 200 {s}\r\nSet-Cookie: {s}\r\nLocation: http://{s}@h/{s}\r\n\
                 Content-Length: 11\r\n\r\n{s}HTTP/1.1 500 {s}\r\nX: {s}\r\n\r\n{s}"
            ),
        ),
    ];
    let redis = vec![
        (
            Side::Client,
            format!(
                "*3\r\n$3\r\nSET\r\n$11\r\n{s}\r\n$11\r\n{s}\r\n*2\r\n$4\r\nAUTH\r\n$11\r\n{s}\r\n{s} {s}\r\n"
            ),
        ),
        (
            Side::Server,
            format!(
                "+OK\r\n-ERR {s}\r\n+{s}\r\n-{s} {s}\r\n$11\r\n{s}\r\n*1\r\n$11\r\n{s}\r\n{s}\r\n"
            ),
        ),
    ];
    let text = format!(
        "SELECT 'a''{s}', \"ok\" FROM t WHERE a = E'\\'{s}' AND b = $x${s}$x$ /* {s} */ -- {s}\n AND c = '{s}"
    );
    let postgresql = vec![
        (Side::Client, startup(&[("user", s), ("database", "shop"), ("options", s)])),
        (Side::Client, message(b'p', &format!("{s}\0")) + &message(b'Q', &format!("{text}\0"))),
        (
            Side::Client,
            message(b'P', &format!("s1\0{text}\0\0\0"))
                + &message(b'B', &format!("\0s1\0\0\0\0\x01\0\0\0\x0b{s}\0\0")),
        ),
        (Side::Client, message(b'd', s) + &message(b'Q', &format!("SELECT {s}'"))),
        (
            Side::Server,
            message(b'S', &format!("application_name\0{s}\0"))
                + &message(b'D', &format!("\0\x01\0\0\0\x0b{s}")),
        ),
        (
            Side::Server,
            message(b'E', &format!("SERROR\0C23505\0M{s}\0D{s}\0\0"))
                + &message(b'C', &format!("{s}\0")),
        ),
    ];
    for turns in [http, redis, postgresql] {
        let turns: Vec<_> =
            turns.into_iter().map(|(side, text)| (side, text.into_bytes())).collect();
        assert!(turns.iter().any(|(_, bytes)| has_secret(bytes)));
        for seed in 1..=3_000 {
            let mut random = Random(seed);
            let (out, what) = cut(&turns, &mut random);
            assert!(!has_secret(&out), "seed {seed}: {what:?}\n{}", String::from_utf8_lossy(&out));
        }
    }
}

/// All that is left if turns are cut at random, and at random not captured.
fn cut(turns: &[(Side, Vec<u8>)], random: &mut Random) -> (Vec<u8>, Vec<(usize, bool, u64)>) {
    let mut redactor = Redactor::default();
    let (mut all, mut what) = (Vec::new(), Vec::new());
    let start = if random.below(4) == 0 { random.below(turns.len()) } else { 0 };
    for (side, bytes) in &turns[start..] {
        let mut rest = &bytes[..];
        if random.below(4) == 0 {
            let lost = random.below(rest.len());
            rest = &rest[lost..];
            redactor.skip(way(*side), lost as u64);
        }
        let mut begins = true;
        while !rest.is_empty() {
            let most = [8, 60, 10_000][random.below(3)];
            let (piece, after) = rest.split_at((1 + random.below(most)).min(rest.len()));
            rest = after;
            let mut out = Vec::new();
            redactor.run(way(*side), begins, piece, &mut out);
            assert_eq!(out.len(), piece.len());
            all.extend(&out);
            // Apart, so that nothing is put together that was not.
            all.push(0);
            let gap = if random.below(8) == 0 { random.below(30).min(rest.len()) } else { 0 };
            rest = &rest[gap..];
            redactor.skip(way(*side), gap as u64);
            what.push((piece.len(), begins, gap as u64));
            begins = random.below(3) == 0;
        }
    }
    (all, what)
}

fn message(kind: u8, body: &str) -> String {
    let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
    format!("{}{}{body}", char::from(kind), String::from_utf8_lossy(&length))
}

fn startup(parameters: &[(&str, &str)]) -> String {
    let parameters: String =
        parameters.iter().map(|(name, value)| format!("{name}\0{value}\0")).collect();
    let length = u32::try_from(parameters.len() + 9).expect("short").to_be_bytes();
    format!("{}\0\x03\0\0{parameters}\0", String::from_utf8_lossy(&length))
}

/// Statements, rows, codes and errors of real conversations are the same without their literals.
#[test]
fn real_postgresql_conversations_are_read_as_before() {
    let view = |exchanges: &[Exchange]| -> Vec<String> {
        let each = exchanges.iter().map(|exchange| match &exchange.facts {
            Facts::Postgresql(facts) => format!(
                "{:?} {:?} {:?} {:?} {:?} {:?}",
                facts.operation,
                facts.statement,
                facts.database,
                facts.completed,
                facts.rows,
                facts.error
            ),
            other => panic!("{other:?}"),
        });
        each.collect()
    };
    let names = ["pg_psql.talk", "pg_psycopg.talk", "pg_asyncpg.talk", "pg_node.talk"];
    for (name, turns) in
        names.iter().flat_map(|name| recording(name).into_iter().map(move |it| (name, it)))
    {
        let before: Vec<_> = turns.iter().map(|turn| (turn.side, turn.bytes.clone())).collect();
        let left: Vec<_> =
            redacted(&before).into_iter().map(|(side, bytes)| Turn { side, bytes }).collect();
        let read = |turns: &[Turn]| {
            view(&listen(&postgresql::PROTOCOL, true, turns, support::turns::whole).exchanges)
        };
        assert_eq!(read(&left), read(&turns), "{name}");
        assert!(!read(&left).is_empty(), "{name}");
        let all: Vec<u8> = left.iter().flat_map(|turn| turn.bytes.clone()).collect();
        for secret in ["geheim", "noch einmal", "drei", "vier", "psql"] {
            let found = all.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{name}: {secret}");
        }
    }
}

#[test]
fn real_redis_conversations_are_read_as_before() {
    let view = |exchanges: &[Exchange]| -> Vec<String> {
        let each = exchanges.iter().map(|exchange| match &exchange.facts {
            Facts::Redis(facts) => {
                format!(
                    "{} {} {:?} {:?}",
                    facts.operation, facts.commands, facts.database, facts.error
                )
            }
            other => panic!("{other:?}"),
        });
        each.collect()
    };
    for text in [
        include_str!("../data/redis/redis-py.txt"),
        include_str!("../data/redis/ioredis.txt"),
        include_str!("../data/redis/node-redis.txt"),
    ] {
        for reads in connections(text) {
            let before: Vec<_> = reads.iter().map(|read| (read.side, read.bytes.clone())).collect();
            let left = redacted(&before).into_iter().zip(&reads);
            let left: Vec<Read> =
                left.map(|((_, bytes), read)| Read { bytes, ..read.clone() }).collect();
            let read = |reads: &[Read]| {
                view(&dissect(&redis::PROTOCOL, &support::reads::whole(reads), true).exchanges)
            };
            assert_eq!(read(&left), read(&reads));
        }
    }
}

#[test]
fn what_is_not_known_is_masked() {
    for bytes in [
        &b"\x4a\0\0\0\x0a5.7.0\0secret"[..],
        b"PRI * HTTP/2.0\r\n\r\n",
        b"SECRET / HTTP/1.1\r\n\r\n",
        b"*1\r\n$6\r\nSECRET\r\n",
        b"GET /cut",
        b"\x16\x03\x01\x02\0\x05\0\0\0\x03\x03secret",
    ] {
        assert!(of_client(bytes).bytes().all(|byte| byte == MASK), "{bytes:?}");
    }
    let hello = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03secret";
    let out = redacted(&[(Side::Client, hello.to_vec())]).remove(0).1;
    assert_eq!(&out[..11], &hello[..11]);
    assert!(out[11..].iter().all(|byte| *byte == MASK));
}

#[test]
fn sql_keeps_its_length_and_loses_its_literals() {
    let of = |text: &str| {
        let out = redacted(&[(Side::Client, message(b'Q', &format!("{text}\0")).into_bytes())])
            .remove(0)
            .1;
        String::from_utf8_lossy(&out[5..out.len() - 1]).into_owned()
    };
    assert_eq!(DIGIT, b'9');
    for (text, left) in [
        ("SELECT name FROM items WHERE id = 42", "SELECT name FROM items WHERE id = 99"),
        (
            "INSERT INTO t VALUES ('it''s', -1.5, $$x$$)",
            "INSERT INTO t VALUES ('xxxxx', -999, 'xxx')",
        ),
        ("SELECT 'a\\' OR b = 'c'", "SELECT 'xxxxxxxxxxxxxx"),
        ("/* note */ (select 1)", "/*xxxxxx*/ (select 9)"),
        ("hunter2 is no statement", "xxxxxxxxxxxxxxxxxxxxxxx"),
        ("SELECT 1 /* note */ -- more", "SELECT 9 /*xxxxxx*/ --xxxxx"),
        (
            "SELECT 1 /*key='v',traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/",
            "SELECT 9 /*xxxxxxx,traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/",
        ),
    ] {
        let seen = of(text);
        assert_eq!(seen.len(), text.len());
        if text.contains('\\') {
            assert!(!seen.contains('a') && !seen.contains("c'"), "{seen}");
        } else {
            assert_eq!(seen, left);
        }
    }
}
