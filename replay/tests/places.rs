//! A capture of all interfaces shows a packet wherever it passes: each exchange is told once.
//!
//! `data/any-vxlan.pcap` was taken with `tcpdump -i any` on a router between a client and a node with
//! a server, as between two nodes of a cluster: what the client sends comes in at interface 2, goes
//! into the VXLAN tunnel of interface 4, and out wrapped at interface 3. tshark sees one GET with its
//! answer, one lookup with its answer, one refused connect, and a SYN without an answer (0.3 s before
//! the capture ends).

mod wire;

use onlooker_protocol::Side;
use onlooker_replay::{Capture, ConnectionId, Event, FailedConnect, Opened, Transport, replay};
use std::collections::BTreeMap;
use wire::{Told, told};

const CAPTURE: &[u8] = include_bytes!("data/any-vxlan.pcap");

/// What was told of connections with bytes in them.
fn spoken(all: &BTreeMap<ConnectionId, Told>) -> Vec<&Told> {
    all.values().filter(|told| !told.turns.is_empty() || !told.datagrams.is_empty()).collect()
}

fn failed(file: &[u8]) -> Vec<(String, String, FailedConnect)> {
    let mut failed = Vec::new();
    let mut listener = |event: Event<'_>| {
        if let Event::ConnectFailed { client, server, why, .. } = event {
            failed.push((client.to_string(), server.to_string(), why));
        }
    };
    replay(file, &mut listener).expect("a capture");
    failed
}

fn check(file: &[u8], server: &str) {
    let (all, summary) = told(file);
    let [http, lookup] = spoken(&all)[..] else { panic!("two conversations: {all:?}") };
    let ends = |opened: Opened| (opened.transport, opened.server.to_string());
    assert_eq!(http.opened.map(ends), Some((Transport::Tcp, format!("{server}:80"))));
    assert_eq!(http.opened.map(|it| it.client.to_string()), Some("10.244.1.2:51142".to_owned()));
    let sides: Vec<_> = http.turns.iter().map(|(side, bytes)| (*side, bytes.len())).collect();
    assert_eq!(sides, [(Side::Client, 78), (Side::Server, 201 + 286)]);
    assert_eq!(lookup.opened.map(ends), Some((Transport::Udp, format!("{server}:53"))));
    let sides: Vec<_> = lookup.datagrams.iter().map(|it| (it.0, it.1.len())).collect();
    assert_eq!(sides, [(Side::Client, 30), (Side::Server, 46)]);
    assert_eq!(summary.counters.copied_datagrams, 4);
    assert_eq!(summary.counters.tunnels.keys().collect::<Vec<_>>(), [&"VXLAN"]);
    assert_eq!(summary.counters.missing_bytes, 0);
    let refused = ("10.244.1.2:59902".to_owned(), format!("{server}:81"), FailedConnect::Refused);
    assert_eq!(failed(file), [refused]);
}

#[test]
fn each_exchange_is_told_once_though_it_passes_three_interfaces() {
    check(CAPTURE, "10.244.2.2");
}

/// The capture, had interface 2 had a service's address in place of the server's (as kube-proxy has
/// it translated behind that interface).
#[test]
fn each_exchange_is_told_once_though_its_addresses_are_translated() {
    let (server, service) = ([10, 244, 2, 2], [10, 96, 0, 10]);
    let mut file = CAPTURE[..24].to_vec();
    let mut at = 24;
    let mut capture = Capture::open(CAPTURE).expect("a capture");
    while let Some(frame) = capture.next_frame().expect("memory does not fail") {
        let mut bytes = frame.bytes.to_vec();
        if bytes[4..8] == [0, 0, 0, 2] {
            // The addresses of IPv4, behind the 20 bytes of the cooked head.
            for field in [32..36, 36..40] {
                if bytes.get(field.clone()) == Some(&server) {
                    bytes[field].copy_from_slice(&service);
                }
            }
        }
        file.extend(&CAPTURE[at..at + 16]);
        file.extend(&bytes);
        at += 16 + bytes.len();
    }
    check(&file, "10.96.0.10");
    assert!(told(&file).1.counters.copied_segments > 0);
}

/// Two servers that are asked the same thing at once, by a client that takes the first answer: not the
/// same place twice, but two lookups.
#[test]
fn two_servers_that_are_asked_the_same_are_two() {
    let query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04shop\x00\x00\x01\x00\x01";
    let packets = [2, 3].map(|server| wire::ipv4(1, server, 17, 0, &wire::udp(50_000, 53, query)));
    let (all, summary) = told(&wire::pcap(&packets));
    assert_eq!((all.len(), summary.counters.copied_datagrams), (2, 0));
}

#[test]
fn who_asks_again_after_the_answer_is_heard() {
    let query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04shop\x00\x00\x01\x00\x01";
    let answer = b"\x12\x34\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00\x04shop\x00\x00\x01\x00\x01";
    let asks = wire::ipv4(1, 2, 17, 0, &wire::udp(50_000, 53, query));
    let answers = wire::ipv4(2, 1, 17, 0, &wire::udp(53, 50_000, answer));
    // Each twice at once, as a mirrored port shows them; then all of it again.
    let once = [asks.clone(), asks, answers.clone(), answers];
    let (all, summary) = told(&wire::pcap(&[once.clone(), once].concat()));
    assert_eq!(summary.counters.copied_datagrams, 4);
    let sides: Vec<_> = spoken(&all)[0].datagrams.iter().map(|it| it.0).collect();
    assert_eq!(sides, [Side::Client, Side::Server, Side::Client, Side::Server]);
}
