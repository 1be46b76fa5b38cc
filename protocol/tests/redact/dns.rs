//! DNS over UDP and TCP.

use onlooker_protocol::dns::PROTOCOL;
use onlooker_protocol::redact::{MASK, datagram};
use onlooker_protocol::{Exchange, Facts, Side};

use crate::support::Random;
use crate::support::reads::{Read, connections, dissect, whole};
use crate::{SECRET, cut, has_secret};

fn redacted(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    datagram(bytes, &mut out);
    assert_eq!(out.len(), bytes.len(), "the length changed");
    out
}

/// What is left of the reads of a connection.
fn streamed(reads: &[Read]) -> Vec<Vec<u8>> {
    let turns: Vec<_> = reads.iter().map(|read| (read.side, read.bytes.clone())).collect();
    crate::redacted(&turns).into_iter().map(|(_, bytes)| bytes).collect()
}

fn label(text: &str) -> Vec<u8> {
    [&[text.len() as u8], text.as_bytes()].concat()
}

fn record(kind: u8, data: &[u8]) -> Vec<u8> {
    [&b"\xc0\x0c\0"[..], &[kind], b"\0\x01\0\0\0\x3c", &[0, data.len() as u8], data].concat()
}

/// A query for `<part>.shop.example` with a cookie, and its response.
fn messages(part: &str, text: &str) -> [Vec<u8>; 2] {
    let name = [label(part), label("shop"), label("example"), vec![0]].concat();
    let question = [&name[..], b"\0\x01\0\x01"].concat();
    let option = [&b"\0\x0a\0"[..], &[text.len() as u8], text.as_bytes()].concat();
    let opt = [&b"\0\0\x29\x04\xd0\0\0\0\0\0"[..], &[option.len() as u8], &option].concat();
    let query = [&b"\x12\x34\x01\0\0\x01\0\0\0\0\0\x01"[..], &question, &opt].concat();
    let alias = [label(text), vec![0xc0, 0x0c]].concat();
    let txt = label(text);
    let records = [
        record(5, &alias),
        record(1, &[192, 0, 2, 7]),
        record(16, &txt),
        record(1, text.as_bytes()),
    ];
    let response =
        [&b"\x12\x34\x81\x80\0\x01\0\x04\0\0\0\x01"[..], &question, &records.concat(), &opt]
            .concat();
    [query, response]
}

#[test]
fn names_keep_their_words_and_records_lose_their_texts() {
    let [query, response] = messages("pod7", "texts").map(|message| redacted(&message));
    assert_eq!(&query[12..31], b"\x04xxxx\x04shop\x07example\0\0"[..19].as_ref());
    assert_eq!(&query[query.len() - 9..], &[MASK; 9]);
    let text = String::from_utf8_lossy(&response).into_owned();
    assert!(text.contains("shop") && !text.contains("texts") && !text.contains("pod"), "{text}");
    assert!(response.windows(4).any(|it| it == [192, 0, 2, 7]));
}

#[test]
fn no_secret_comes_out_whatever_is_damaged() {
    let messages = messages(SECRET, SECRET);
    assert!(messages.iter().all(|message| has_secret(message)));
    for seed in 1..=20_000 {
        let mut random = Random(seed);
        let mut message = messages[random.below(2)].clone();
        for _ in 0..random.below(3) {
            let at = random.below(34);
            message[at] = random.below(256) as u8;
        }
        message.truncate(message.len() - random.below(8) / 7 * random.below(message.len()));
        // What is damaged may be a word of letters by chance; the secret has digits in it.
        assert!(!has_secret(&redacted(&message)), "seed {seed}: {message:02x?}");
    }
}

#[test]
fn what_is_no_message_is_masked() {
    for bytes in [&b""[..], b"\x12\x34", b"M-SEARCH * HTTP/1.1\r\nHOST: shop\r\n\r\n", &[0; 40]] {
        assert!(redacted(bytes).iter().all(|byte| *byte == MASK), "{bytes:?}");
    }
}

/// What dig and the C library asked is read as before.
#[test]
fn real_lookups_are_read_as_before() {
    let view = |exchanges: &[Exchange]| -> Vec<String> {
        let each = exchanges.iter().map(|exchange| match &exchange.facts {
            Facts::Dns(facts) => format!("{facts:?}"),
            other => panic!("{other:?}"),
        });
        each.collect()
    };
    let recording = connections(include_str!("../data/dns/glibc-and-dig.txt"));
    let mut lookups = [0; 2];
    for reads in recording {
        let is_datagram = reads.iter().all(|read| read.datagram);
        let left = if is_datagram {
            reads.iter().map(|read| redacted(&read.bytes)).collect()
        } else {
            streamed(&reads)
        };
        let left: Vec<Read> =
            reads.iter().zip(left).map(|(it, bytes)| Read { bytes, ..it.clone() }).collect();
        let read = |reads: &[Read]| view(&dissect(&PROTOCOL, &whole(reads), true).exchanges);
        assert_eq!(read(&left), read(&reads));
        lookups[usize::from(is_datagram)] += read(&reads).len();
    }
    assert!(lookups[0] >= 1 && lookups[1] >= 10, "{lookups:?}");
}

fn with_length(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

#[test]
fn over_tcp_messages_are_shown_as_datagrams_are() {
    let messages = messages("pod7", "texts");
    let both = messages.each_ref().map(|message| with_length(message)).concat();
    let left = crate::redacted(&[(Side::Client, both)]).remove(0).1;
    assert_eq!(left, messages.map(|message| with_length(&redacted(&message))).concat());
}

#[test]
fn over_tcp_no_cut_lets_a_secret_out() {
    let messages = messages(SECRET, SECRET).map(|message| with_length(&message));
    // What follows a message is one, or is masked.
    let strange = [&messages[0][..], SECRET.as_bytes(), &messages[0]].concat();
    let turns = vec![
        (Side::Client, messages[0].repeat(2)),
        (Side::Server, messages[1].repeat(2)),
        (Side::Client, strange),
        (Side::Server, messages[1].clone()),
    ];
    for seed in 1..=6_000 {
        let (out, what) = cut(&turns, &mut Random(seed));
        assert!(!has_secret(&out), "seed {seed}: {what:?}\n{}", String::from_utf8_lossy(&out));
    }
}

/// The C library reads the length of an answer with one call, and the answer with another.
#[test]
fn an_answer_whose_length_was_read_by_itself_is_shown() {
    let messages = messages("pod7", "texts");
    let [query, response] = messages.each_ref().map(|message| with_length(message));
    let (length, rest) = response.split_at(2);
    let reads = [
        (Side::Client, query.clone()),
        (Side::Server, length.to_vec()),
        (Side::Server, rest.to_vec()),
        (Side::Client, query),
        (Side::Server, response.clone()),
    ];
    let left = crate::redacted(&reads);
    assert_eq!((&left[1].1[..], &left[2].1), (length, &redacted(rest)));
    assert_eq!(left[4].1, with_length(&redacted(rest)));
    // Two bytes of somebody who was not asked are no length.
    assert_eq!(crate::redacted(&reads[1..3])[0].1, [MASK; 2]);
}
