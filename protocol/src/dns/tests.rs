//! Expectations are from RFC 1035, 2181, 6891 and 7766.

use std::net::IpAddr;

use super::dissector::Dns;
use super::{DnsFacts, PROTOCOL, ResponseCode};
use crate::chunk::{Chunk, Moment, Side};
use crate::detect::{Evidence, Opening};
use crate::dissector::{Dissector, Ending, Output};
use crate::exchange::{Exchange, Facts, Outcome};

const A: u16 = 1;
const AAAA: u16 = 28;

struct Wire {
    dns: Dns,
    out: Output,
    clock: u64,
    positions: [u64; 2],
    datagram: bool,
}

impl Wire {
    fn udp() -> Self {
        let (dns, out) = (Dns::new(true), Output::default());
        Self { dns, out, clock: 0, positions: [0; 2], datagram: true }
    }

    fn tcp(from_start: bool) -> Self {
        Self { dns: Dns::new(from_start), datagram: false, ..Self::udp() }
    }

    fn feed(&mut self, side: Side, bytes: &[u8], missing: u64) -> &mut Self {
        self.clock += 1_000_000;
        let position = &mut self.positions[side as usize];
        let first = Moment {
            position: *position,
            start: self.clock,
            end: self.clock + 1,
            ..Moment::default()
        };
        *position += bytes.len() as u64 + missing;
        let chunk = Chunk { side, first, bytes, missing, datagram: self.datagram };
        self.dns.feed(&chunk, &mut self.out);
        self
    }

    fn client(&mut self, bytes: &[u8]) -> &mut Self {
        self.feed(Side::Client, bytes, 0)
    }

    fn server(&mut self, bytes: &[u8]) -> &mut Self {
        self.feed(Side::Server, bytes, 0)
    }

    fn facts(&self) -> Vec<&DnsFacts> {
        self.out.exchanges.iter().map(facts).collect()
    }
}

fn facts(exchange: &Exchange) -> &DnsFacts {
    match &exchange.facts {
        Facts::Dns(facts) => facts,
        other => panic!("{other:?}"),
    }
}

fn header(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    [id, flags].iter().chain(&counts).flat_map(|word| word.to_be_bytes()).collect()
}

fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes.extend([kind, 1].iter().flat_map(|word| word.to_be_bytes()));
    bytes
}

fn query(id: u16, name: &str, kind: u16) -> Vec<u8> {
    [header(id, 0x0100, [1, 0, 0, 0]), question(name, kind)].concat()
}

/// A record whose name is a pointer to the question's.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc0, 12];
    bytes.extend([kind, 1, 0, 60, data.len() as u16].iter().flat_map(|word| word.to_be_bytes()));
    bytes.extend(data);
    bytes
}

fn response(id: u16, name: &str, kind: u16, code: u16, records: &[Vec<u8>]) -> Vec<u8> {
    let header = header(id, 0x8180 | code, [1, records.len() as u16, 0, 0]);
    [header, question(name, kind), records.concat()].concat()
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

/// BADVERS is 16: the lower four bits are in the header, the upper eight in OPT (RFC 6891, sections
/// 6.1.3 and 9).
#[test]
fn a_code_whose_upper_bits_were_not_captured_is_unknown() {
    let opt = [0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0];
    let whole =
        [header(7, 0x8180, [1, 0, 0, 1]), question("shop.example", A), opt.to_vec()].concat();
    for (seen, code) in [(whole.len(), Some(ResponseCode(16))), (whole.len() - 8, None)] {
        let mut wire = Wire::udp();
        wire.client(&query(7, "shop.example", A));
        wire.feed(Side::Server, &whole[..seen], (whole.len() - seen) as u64);
        let [told] = wire.facts()[..] else { panic!("one exchange") };
        assert_eq!(told.response_code, code);
    }
}

/// RFC 6891, section 6.1.3, and RFC 7873, section 5.2.3: who answers has no such code.
#[test]
fn a_code_that_comes_with_an_answer_has_no_upper_bits() {
    let answer = record(A, &[192, 0, 2, 1]);
    let told =
        [header(7, 0x8180, [1, 1, 0, 1]), question("shop.example", A), answer.clone()].concat();
    for seen in [told.len(), told.len() - 4, told.len() - answer.len()] {
        let mut wire = Wire::udp();
        wire.client(&query(7, "shop.example", A));
        wire.feed(Side::Server, &told[..seen], (told.len() - seen) as u64 + 11);
        let [told] = wire.facts()[..] else { panic!("one exchange") };
        assert_eq!(told.response_code, Some(ResponseCode(0)), "{seen} bytes");
    }
}

#[test]
fn two_lookups_on_one_socket() {
    let mut wire = Wire::udp();
    wire.client(&query(1, "shop.example", A)).client(&query(2, "shop.example", AAAA));
    let address = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    wire.server(&response(2, "SHOP.example", AAAA, 0, &[record(AAAA, &address)]));
    let alias = record(5, &[0xc0, 12]);
    wire.server(&response(1, "shop.example", A, 0, &[alias, record(A, &[192, 0, 2, 1])]));
    let seen = wire.facts();
    assert_eq!((&*seen[0].name, &*seen[0].record_type.name()), ("shop.example", "AAAA"));
    assert_eq!(seen[0].addresses, ["2001:db8::1".parse::<IpAddr>().unwrap()]);
    assert_eq!(seen[1].addresses, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    assert_eq!(seen[1].response_code, Some(ResponseCode::NO_ERROR));
    assert_eq!((wire.out.lost, wire.out.not_understood), (0, 0));
}

#[test]
fn negative_and_truncated_answers() {
    let mut wire = Wire::udp();
    wire.client(&query(1, "no.example", A)).server(&response(1, "no.example", A, 3, &[]));
    assert_eq!(wire.facts()[0].response_code.unwrap().name(), "NXDOMAIN");
    let mut cut = response(2, "big.example", 16, 0, &[]);
    cut[2] |= 0x02;
    wire.client(&query(2, "big.example", 16)).server(&cut);
    assert!(wire.facts()[1].is_truncated);
    // A server that cannot read the query repeats no question.
    wire.client(&query(3, "x.example", A)).server(&header(3, 0x8001, [0; 4]));
    assert_eq!(wire.facts()[2].response_code.unwrap().name(), "FORMERR");
}

#[test]
fn the_extended_code_is_read() {
    // OPT: root, type 41, size, extended code 1, version, flags, no data. 1 << 4 | 0 is BADVERS.
    let opt = [0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0];
    let mut bytes = response(1, "a.example", A, 0, &[]);
    bytes[11] = 1;
    bytes.extend(opt);
    let mut wire = Wire::udp();
    wire.client(&query(1, "a.example", A)).server(&bytes);
    assert_eq!(wire.facts()[0].response_code.unwrap().name(), "BADVERS");
}

#[test]
fn a_query_sent_again_is_the_same_lookup() {
    let mut wire = Wire::udp();
    let asked = query(1, "a.example", A);
    let answer = response(1, "a.example", A, 0, &[]);
    wire.client(&asked).client(&asked).server(&answer).server(&answer);
    assert_eq!(wire.facts().len(), 1);
    assert_eq!(wire.facts()[0].resends, 1);
    assert_eq!(wire.out.exchanges[0].request.first.start, 1_000_000);
    assert_eq!(wire.out.lost, 0);
}

#[test]
fn an_id_alone_pairs_nothing() {
    let mut wire = Wire::udp();
    wire.client(&query(1, "a.example", A)).server(&response(1, "b.example", A, 0, &[]));
    wire.server(&response(2, "a.example", A, 0, &[]));
    assert!(wire.facts().is_empty());
    assert_eq!(wire.out.lost, 2);
}

#[test]
fn without_a_response() {
    let mut wire = Wire::udp();
    wire.client(&query(1, "a.example", A));
    wire.clock += 40_000_000_000;
    wire.client(&query(2, "b.example", A));
    assert_eq!(&*wire.facts()[0].name, "a.example");
    wire.dns.closed(Ending::Closed, Moment::default(), &mut wire.out);
    assert_eq!(wire.out.exchanges[1].outcome, Outcome::Aborted(Ending::Closed));
    assert_eq!(wire.facts()[1].response_code, None);
}

#[test]
fn names_are_escaped_and_pointers_do_not_loop() {
    let name = |labels: &[u8]| {
        let mut wire = Wire::udp();
        let tail = [0, 1, 0, 1];
        wire.client(&[&header(1, 0x0100, [1, 0, 0, 0])[..], labels, &tail].concat());
        wire.dns.closed(Ending::Closed, Moment::default(), &mut wire.out);
        wire.facts().first().map(|facts| facts.name.to_string())
    };
    assert_eq!(name(b"\x03a.b\x03c\\\xff\x00").as_deref(), Some(r"a\.b.c\\\255"));
    assert_eq!(name(b"\x00").as_deref(), Some("."));
    assert_eq!(name(b"\xc0\x0c"), None);
    assert_eq!(name(b"\x01a\xc0\x0c"), None);
    assert_eq!(name(b"\x01a\xc0\xff"), None);
    assert_eq!(name(b"\x40a"), None);
    assert_eq!(name(&[[63; 64]; 4].concat()), None);
}

#[test]
fn tcp_messages_in_any_pieces() {
    let asked = [framed(&query(1, "a.example", A)), framed(&query(2, "b.example", A))].concat();
    let answers = [
        framed(&response(2, "b.example", A, 0, &[record(A, &[192, 0, 2, 2])])),
        framed(&response(1, "a.example", A, 2, &[])),
    ]
    .concat();
    for size in 1..asked.len() {
        let mut wire = Wire::tcp(true);
        for piece in asked.chunks(size) {
            wire.client(piece);
        }
        for piece in answers.chunks(size) {
            wire.server(piece);
        }
        let names: Vec<_> = wire.facts().iter().map(|facts| &*facts.name).collect();
        assert_eq!(names, ["b.example", "a.example"]);
        let last = wire.out.exchanges[1].response.unwrap().last.position;
        assert_eq!(last, answers.len() as u64 - 1);
    }
}

#[test]
fn tcp_holes_and_late_starts() {
    let asked = framed(&query(1, "a.example", A));
    let answer = framed(&response(1, "a.example", A, 0, &[record(A, &[192, 0, 2, 2])]));
    // The record was not captured; the length says where the next message is.
    let cut = answer.len() - 16;
    let mut wire = Wire::tcp(true);
    wire.client(&asked).feed(Side::Server, &answer[..cut], 16);
    wire.client(&asked).server(&answer);
    assert_eq!(wire.facts().len(), 2);
    assert!(wire.facts()[0].addresses.is_empty());
    // The hole swallows the next message's front: nothing until a message fills a chunk.
    let mut wire = Wire::tcp(true);
    wire.client(&asked).feed(Side::Server, &answer[..cut], 20).server(&answer[4..]);
    wire.client(&asked).server(&answer);
    assert_eq!(wire.facts().len(), 2);
    let mut wire = Wire::tcp(false);
    wire.client(&asked[5..]).server(&answer[5..]).client(&asked).server(&answer);
    assert_eq!(wire.facts().len(), 1);
}

#[test]
fn other_operations_are_no_lookups() {
    let mut wire = Wire::udp();
    let mut notify = query(1, "a.example", 6);
    notify[2] = 0x20;
    wire.client(&notify);
    wire.dns.closed(Ending::Closed, Moment::default(), &mut wire.out);
    assert!(wire.facts().is_empty());
    assert_eq!(wire.out.not_understood, 0);
}

#[test]
fn detection() {
    let judge = |client: &[u8], server: &[u8], datagram| {
        (PROTOCOL.detect)(&Opening {
            client,
            server,
            client_from_start: true,
            server_from_start: true,
            datagram,
            ..Opening::default()
        })
    };
    let asked = query(1, "a.example", A);
    let answer = response(1, "a.example", A, 0, &[]);
    assert_eq!(judge(&asked, b"", true), Evidence::Likely);
    assert_eq!(judge(&asked, &answer, true), Evidence::Certain);
    assert_eq!(judge(&framed(&asked), &framed(&answer), false), Evidence::Certain);
    assert_eq!(judge(&framed(&asked)[..20], b"", false), Evidence::NeedMore);
    // Multicast DNS and LLMNR do not ask for recursion; NetBIOS asks for 32 letters.
    let mut unasked = asked.clone();
    unasked[2] = 0;
    assert_eq!(judge(&unasked, b"", true), Evidence::NeedMore);
    // LLMNR over TCP (RFC 4795): no recursion, no authority. A name server's answer has either, or is
    // one to a whole name.
    let ask = |name| framed(&[header(1, 0, [1, 0, 0, 0]), question(name, A)].concat());
    let found = |name, flags: u16| {
        let header = header(1, flags, [1, 1, 0, 0]);
        framed(&[header, question(name, A), record(A, &[192, 0, 2, 1])].concat())
    };
    assert_eq!(judge(&ask("desk"), &found("desk", 0x8000), false), Evidence::No);
    assert_eq!(judge(&ask("desk"), &found("desk", 0x8400), false), Evidence::Certain);
    assert_eq!(judge(&ask("desk"), &found("desk", 0x8080), false), Evidence::Certain);
    assert_eq!(judge(&ask("a.example"), &found("a.example", 0x8000), false), Evidence::Certain);
    // Multicast DNS that is answered directly has the id 0 all the same.
    let mut direct = query(0, "a.example", A);
    direct[2] = 0;
    let told = response(0, "a.example", A, 0, &[]);
    assert_eq!(judge(&direct, &told, true), Evidence::No);
    let netbios = query(1, "FHEPFCELEHFCEPFFFACACACACACACABL", 32);
    assert_eq!(judge(&netbios, b"", true), Evidence::No);
    // Its other types and longer scopes are no lookups either; a service's long name is one.
    for (name, kind) in [("CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 33), ("short", 32)] {
        assert_eq!(judge(&query(1, name, kind), b"", true), Evidence::No, "{name} {kind}");
    }
    let damaged = query(1, "EFEDEJFPEEEPENEBEJEOSACACACACABM", 54);
    assert_eq!(judge(&damaged, b"", true), Evidence::No);
    let service = query(1, "_a-service-of-more-than-32-letters._tcp.example", 33);
    assert_eq!(judge(&service, b"", true), Evidence::Likely);
    // A byte too many, and other protocols.
    assert_eq!(judge(&[&asked[..], b"x"].concat(), b"", true), Evidence::No);
    assert_eq!(judge(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", false), Evidence::No);
    assert_eq!(judge(b"\x00\x2fSSH-2.0-OpenSSH_9.2p1\r\n", b"", false), Evidence::No);
    assert_eq!(judge(&asked, b"\x00\x01\x02", true), Evidence::No);
}

/// RFC 1035, section 4.1.1: Z is reserved, TC and the response code mean nothing in queries. Resolvers
/// set them all the same (BIND's `dig +zflag`), and servers answer.
#[test]
fn a_query_with_odd_flags_is_one_if_it_is_answered() {
    let judge = |client: &[u8], server: &[u8]| {
        (PROTOCOL.detect)(&Opening {
            client,
            server,
            client_from_start: true,
            server_from_start: true,
            datagram: true,
            ..Opening::default()
        })
    };
    let answer = response(1, "a.example", A, 0, &[]);
    for flags in [0x0140, 0x0360, 0x0123] {
        let mut asked = query(1, "a.example", A);
        asked[2..4].copy_from_slice(&u16::to_be_bytes(flags));
        assert_eq!(judge(&asked, b""), Evidence::NeedMore, "{flags:x}");
        assert_eq!(judge(&asked, &answer), Evidence::Certain, "{flags:x}");
        assert_eq!(judge(&asked, &response(2, "a.example", A, 0, &[])), Evidence::No);
        assert_eq!(judge(&asked, &response(1, "b.example", A, 0, &[])), Evidence::No);
        assert_eq!(judge(&asked, &asked), Evidence::No);
    }
    let records = record(A, &[192, 0, 2, 1]);
    let asked =
        [header(1, 0x0100, [1, 1, 0, 0]), question("a.example", A), records.clone()].concat();
    assert_eq!(judge(&asked, &answer), Evidence::Certain);
    // Multicast DNS that is answered directly, and NetBIOS.
    let told = |name, kind| response(0, name, kind, 0, std::slice::from_ref(&records));
    let direct = [header(0, 0x0040, [1, 0, 0, 0]), question("a.example", A)].concat();
    assert_eq!(judge(&direct, &told("a.example", A)), Evidence::No);
    let name = "FHEPFCELEHFCEPFFFACACACACACACABL";
    let netbios = [header(0, 0x0140, [1, 0, 0, 0]), question(name, 32)].concat();
    assert_eq!(judge(&netbios, &told(name, 32)), Evidence::No);
}

/// Of two lookups in flight, a response whose question was not captured could be to neither in
/// particular if both had its id.
#[test]
fn a_response_of_which_the_front_was_captured_is_known_by_its_id() {
    let mut wire = Wire::udp();
    let refused = response(7, "a.example", A, 5, &[]);
    wire.client(&query(7, "a.example", A)).client(&query(8, "b.example", A));
    wire.feed(Side::Server, &refused[..14], refused.len() as u64 - 14);
    let [facts] = &wire.facts()[..] else { panic!("{:?}", wire.out) };
    assert_eq!(&*facts.name, "a.example");
    assert_eq!(facts.response_code.map(|code| code.0), Some(5));
    assert_eq!(wire.out.not_understood, 0);
    let mut wire = Wire::udp();
    wire.client(&query(7, "a.example", A)).client(&query(7, "b.example", A));
    wire.feed(Side::Server, &refused[..14], refused.len() as u64 - 14);
    assert!(wire.facts().is_empty());
}
