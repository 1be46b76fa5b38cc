//! DNS as dig 9.18 and the GNU C library 2.36 (`getaddrinfo`) ask a small server for it. The
//! expectations are what dig printed, and what the server was told to answer.

mod support;

use onlooker_protocol::detect::Evidence;
use onlooker_protocol::dns::{DnsFacts, PROTOCOL};
use onlooker_protocol::{Exchange, Facts};
use support::reads::{Read, connections, detect, dissect, whole};

const RECORDING: &str = include_str!("data/dns/glibc-and-dig.txt");

fn facts(exchange: &Exchange) -> &DnsFacts {
    match &exchange.facts {
        Facts::Dns(facts) => facts,
        other => panic!("{other:?}"),
    }
}

fn lines(reads: &[Read]) -> Vec<String> {
    assert!(detect(&PROTOCOL, reads) >= Evidence::Likely);
    let out = dissect(&PROTOCOL, &whole(reads), true);
    assert_eq!((out.lost, out.not_understood, out.handover), (0, 0, None));
    let lines = out.exchanges.iter().map(facts).map(|facts| {
        let code = facts.response_code.map_or("-".into(), |code| code.name());
        let addresses: Vec<_> =
            facts.addresses.iter().map(|address| format!(" {address}")).collect();
        let resent = if facts.resends > 0 { format!(" x{}", facts.resends) } else { String::new() };
        format!("{} {} {code}{}{resent}", facts.record_type.name(), facts.name, addresses.concat())
    });
    lines.collect()
}

#[test]
fn lookups() {
    let seen: Vec<_> = connections(RECORDING).iter().map(|reads| lines(reads)).collect();
    assert_eq!(
        seen,
        [
            vec!["A shop.example NOERROR 192.0.2.10 192.0.2.11"],
            vec!["AAAA nowhere.example NXDOMAIN"],
            vec!["A broken.example SERVFAIL"],
            vec!["TXT big.example NOERROR"],
            // Over TCP.
            vec!["AAAA shop.example NOERROR 2001:db8::10"],
            // From here on by getaddrinfo: both types at once on one socket.
            vec![
                "A shop.example NOERROR 192.0.2.10 192.0.2.11",
                "AAAA shop.example NOERROR 2001:db8::10"
            ],
            // Answered after the second query, twice.
            vec!["A slow.example NOERROR 192.0.2.12 x1", "AAAA slow.example NOERROR x1"],
            vec!["A nowhere.example NXDOMAIN", "AAAA nowhere.example NXDOMAIN"],
            // Never answered.
            vec!["A lost.example - x1", "AAAA lost.example - x1"],
        ]
    );
}

#[test]
fn any_cut_gives_the_same_exchanges() {
    for reads in connections(RECORDING).iter().filter(|reads| !reads[0].datagram) {
        support::reads::survives_cuts(&PROTOCOL, reads);
    }
}

#[test]
fn holes_and_late_attachment_give_nothing_false() {
    for reads in connections(RECORDING) {
        // Where a query is there twice, the second stands in for a lost first one.
        if !lines(&reads).iter().any(|line| line.ends_with(" x1")) {
            support::reads::survives_holes(&PROTOCOL, &reads, 200);
            support::reads::survives_late_attach(&PROTOCOL, &reads);
        }
    }
}

#[test]
fn damaged_bytes_do_no_harm() {
    for reads in connections(RECORDING) {
        support::reads::survives_damage(&PROTOCOL, &reads, 2000);
    }
}
