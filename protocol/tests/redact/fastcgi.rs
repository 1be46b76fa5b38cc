//! FastCGI.

use onlooker_protocol::fastcgi::PROTOCOL;
use onlooker_protocol::redact::{MASK, Redactor};
use onlooker_protocol::{Exchange, Facts, Side};

use crate::support::Random;
use crate::support::reads::{Read, connections, dissect, whole};
use crate::{SECRET, cut, has_secret, redacted, way};

fn record(kind: u8, id: u8, content: &[u8]) -> Vec<u8> {
    let padding = (8 - content.len() % 8) % 8;
    let length = (content.len() as u16).to_be_bytes();
    let mut record = vec![1, kind, 0, id, length[0], length[1], padding as u8, 0];
    record.extend(content);
    // Web servers pad with whatever is in their memory.
    record.extend(&SECRET.as_bytes()[..padding]);
    record
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in pairs {
        bytes.extend([name.len() as u8, value.len() as u8]);
        bytes.extend(name.bytes().chain(value.bytes()));
    }
    bytes
}

fn asked(parameters: &[(&str, &str)]) -> Vec<u8> {
    let begin = record(1, 1, &[0, 1, 1, 0, 0, 0, 0, 0]);
    [begin, record(4, 1, &pairs(parameters)), record(4, 1, b""), record(5, 1, SECRET.as_bytes())]
        .concat()
}

fn answered(output: &str) -> Vec<u8> {
    let end = record(3, 1, &[b'x', b'U', b'n', b't', 0, b'3', b'r', b'T']);
    [record(7, 1, SECRET.as_bytes()), record(6, 1, output.as_bytes()), end].concat()
}

#[test]
fn parameters_are_shown_as_what_they_stand_for() {
    let parameters = [
        ("REQUEST_METHOD", "POST", "POST"),
        ("REQUEST_URI", "/shop/42?page=2&token", "/shop/xx?page=x&xxxxx"),
        ("SCRIPT_NAME", "/index.php", "/index.php"),
        ("SCRIPT_FILENAME", "/srv/shop/index.php", "xxxxxxxxxxxxxxxxxxx"),
        ("QUERY_STRING", "page=2&token", "page=x&xxxxx"),
        ("SERVER_NAME", "shop.example", "shop.example"),
        ("SERVER_PORT", "8080", "8080"),
        ("SERVER_PROTOCOL", "HTTP/1.1", "HTTP/1.1"),
        ("HTTPS", "on", "on"),
        ("REMOTE_ADDR", "192.0.2.7", "xxxxxxxxx"),
        ("CONTENT_TYPE", "text/plain; a=b", "text/plain;xxxx"),
        ("HTTP_HOST", "shop.example", "shop.example"),
        ("HTTP_COOKIE", "id=7", "xxxx"),
        ("HTTP_AUTHORIZATION", "Basic aHVudGVy", "xxxxxxxxxxxxxx"),
        ("PHP_VALUE", "a=b", "xxx"),
        ("lower", "a", "x"),
    ];
    let expected =
        parameters.map(|(name, _, left)| (if name == "lower" { "xxxxx" } else { name }, left));
    let sent = asked(&parameters.map(|(name, value, _)| (name, value)));
    let left = redacted(&[(Side::Client, sent.clone())]).remove(0).1;
    let start = 16 + 8;
    let length = pairs(&expected).len();
    assert_eq!(
        String::from_utf8_lossy(&left[start..start + length]),
        String::from_utf8_lossy(&pairs(&expected))
    );
    assert_eq!(&left[..start - 1], &sent[..start - 1], "how it is framed");
    assert!(!has_secret(&left));
}

#[test]
fn responses_keep_their_status_and_lose_their_bodies() {
    let output = "Status: 404 Not Found\r\nX-Powered-By: PHP/8\r\nContent-Type: text/html\r\n\r\nGone: 1\r\n";
    let turns = [(Side::Client, asked(&[])), (Side::Server, answered(output))];
    let left = redacted(&turns).remove(1).1;
    let expected =
        "Status: 404 xxxxxxxxx\r\nX-Powered-By: xxxxx\r\nContent-Type: text/html\r\n\r\nxxxxxxxxx";
    let start = record(7, 1, SECRET.as_bytes()).len() + 8;
    assert_eq!(String::from_utf8_lossy(&left[start..start + expected.len()]), expected);
    // The application's exit code is masked; that the request was not refused is shown.
    let end = &left[left.len() - 8..];
    assert_eq!(end, &[MASK, MASK, MASK, MASK, 0, MASK, MASK, MASK]);
    // Nobody asked for it.
    let alone = redacted(&[turns[1].clone()]).remove(0).1;
    assert!(alone.iter().all(|byte| *byte == MASK));
}

/// PHP-FPM reads a record's header with one call, and the rest of it with another.
#[test]
fn what_is_read_record_by_record_is_shown_as_what_is_read_at_once() {
    let sent = asked(&[("REQUEST_URI", "/shop"), ("HTTP_COOKIE", SECRET)]);
    let at_once = redacted(&[(Side::Client, sent.clone())]).remove(0).1;
    let mut rest = &sent[..];
    let mut reads = Vec::new();
    while !rest.is_empty() {
        let (header, behind) = rest.split_at(8);
        let (content, after) = behind.split_at(usize::from(header[5]) + usize::from(header[6]));
        reads.push((Side::Client, header.to_vec()));
        reads.extend((!content.is_empty()).then(|| (Side::Client, content.to_vec())));
        rest = after;
    }
    let one_by_one: Vec<u8> = redacted(&reads).into_iter().flat_map(|(_, bytes)| bytes).collect();
    assert_eq!(String::from_utf8_lossy(&one_by_one), String::from_utf8_lossy(&at_once));
    assert!(one_by_one.windows(5).any(|window| window == b"/shop"));
}

/// The heads of what is longer than was captured are shown, and its end if that was.
#[test]
fn an_end_behind_a_hole_is_shown() {
    let output = "Status: 200 OK\r\n\r\n".to_owned() + &SECRET.repeat(100);
    let sent = answered(&output);
    let mut redactor = Redactor::default();
    redactor.run(way(Side::Client), true, &asked(&[]), &mut Vec::new());
    let mut left = Vec::new();
    redactor.run(way(Side::Server), true, &sent[..200], &mut left);
    redactor.skip(way(Side::Server), 20_000);
    left.clear();
    let tail = &sent[sent.len() - 100..];
    redactor.run(way(Side::Server), false, tail, &mut left);
    assert!(!has_secret(&left));
    assert_eq!(&left[left.len() - 16..left.len() - 8], &tail[tail.len() - 16..tail.len() - 8]);
}

#[test]
fn no_cut_lets_a_secret_out() {
    let s = SECRET;
    let path = format!("/{s}/x?{s}&a={s}&{s}=");
    let parameters = [
        ("REQUEST_METHOD", s),
        ("REQUEST_URI", &path),
        ("QUERY_STRING", s),
        ("SCRIPT_NAME", &path),
        ("HTTP_COOKIE", s),
        ("HTTP_AUTHORIZATION", s),
        ("CONTENT_TYPE", &path),
        (s, s),
        ("PHP_ADMIN_VALUE", s),
        ("REMOTE_USER", s),
    ];
    let output = format!(
        "Status: 200 {s}\r\nSet-Cookie: {s}\r\nLocation: /{s}\r\n{s}\r\n\r\n{s}: {s}\r\n{s}"
    );
    let body = format!("Status: 500 {s}\r\n\r\n\x01\x06\0\x01\0\x08\0\0{s}{s}\r\n{s}");
    let turns = vec![
        (Side::Client, asked(&parameters)),
        (Side::Server, answered(&output)),
        (Side::Client, [asked(&parameters), asked(&[("HTTP_X", s)])].concat()),
        (Side::Server, answered(&body)),
    ];
    for seed in 1..=6_000 {
        let mut random = Random(seed);
        let (out, what) = cut(&turns, &mut random);
        assert!(!has_secret(&out), "seed {seed}: {what:?}\n{}", String::from_utf8_lossy(&out));
    }
}

/// What nginx and PHP-FPM said to each other is read as before, but for what is masked.
#[test]
fn real_requests_are_read_as_before() {
    let view = |exchanges: &[Exchange]| -> Vec<String> {
        let each = exchanges.iter().map(|exchange| {
            let Facts::Http(facts) = &exchange.facts else { panic!("{exchange:?}") };
            format!(
                "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                facts.method,
                facts.scheme,
                facts.host,
                facts.path,
                facts.status,
                exchange.context,
                exchange.outcome,
                (exchange.request, exchange.response, exchange.answered),
            )
        });
        each.collect()
    };
    for text in
        [include_str!("../data/fastcgi/fpm-unix.txt"), include_str!("../data/fastcgi/fpm-keep.txt")]
    {
        for reads in connections(text) {
            let before: Vec<_> = reads.iter().map(|read| (read.side, read.bytes.clone())).collect();
            let left = redacted(&before).into_iter().zip(&reads);
            let left: Vec<Read> =
                left.map(|((_, bytes), read)| Read { bytes, ..read.clone() }).collect();
            let read = |reads: &[Read]| view(&dissect(&PROTOCOL, &whole(reads), true).exchanges);
            assert_eq!(read(&left), read(&reads));
            assert!(!read(&left).is_empty());
            let all: Vec<u8> = left.iter().flat_map(|read| read.bytes.clone()).collect();
            assert!(!all.windows(5).any(|window| window == b"curl/"), "a user agent");
        }
    }
}
