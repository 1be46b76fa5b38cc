//! FastCGI as nginx 1.22 and PHP-FPM 8.2 speak it, over a Unix socket (a connection a request) and
//! over TCP with kept connections. The expectations are what curl asked and was told.

mod support;

use onlooker_protocol::Facts;
use onlooker_protocol::detect::Evidence;
use onlooker_protocol::fastcgi::PROTOCOL;
use support::reads::{Read, connections, detect, dissect, whole};

const UNIX: &str = include_str!("data/fastcgi/fpm-unix.txt");
const KEEP: &str = include_str!("data/fastcgi/fpm-keep.txt");

const EXPECTED: [&str; 7] = [
    "GET http shop.example / 200",
    "GET http shop.example /cart?do=missing 404",
    "GET http shop.example /cart?do=moved 302",
    "GET http shop.example /cart?do=warn 200",
    "GET http shop.example /cart?do=crash 500",
    "GET http shop.example /login?do=cookie 200",
    "POST http shop.example /up?do=post 200",
];

fn lines(reads: &[Read]) -> Vec<String> {
    assert_eq!(detect(&PROTOCOL, reads), Evidence::Certain);
    let out = dissect(&PROTOCOL, &whole(reads), true);
    assert_eq!((out.lost, out.not_understood, out.handover), (0, 0, None));
    let lines = out.exchanges.iter().map(|exchange| {
        let Facts::Http(facts) = &exchange.facts else { panic!("{exchange:?}") };
        assert_eq!(facts.user_agent.as_deref().map(|agent| &agent[..5]), Some("curl/"));
        assert_eq!(exchange.context.is_some(), facts.path.as_deref() == Some("/"));
        format!(
            "{} {} {} {}{} {}",
            facts.method.as_ref().map_or("-", |method| method.name()),
            facts.scheme.as_ref().map_or("-", |scheme| scheme.name()),
            facts.host.as_deref().unwrap_or("-"),
            facts.path.as_deref().unwrap_or("-"),
            facts
                .query
                .as_ref()
                .map(|query| format!("?{query}"))
                .unwrap_or_default()
                .trim_end_matches('?'),
            facts.status.unwrap_or(0),
        )
    });
    lines.collect()
}

#[test]
fn a_connection_a_request() {
    let seen: Vec<_> = connections(UNIX).iter().flat_map(|reads| lines(reads)).collect();
    assert_eq!(seen, EXPECTED);
}

#[test]
fn a_kept_connection() {
    let seen = connections(KEEP);
    assert_eq!(seen.len(), 1);
    assert_eq!(lines(&seen[0]), EXPECTED);
}

#[test]
fn any_cut_gives_the_same_exchanges() {
    for reads in connections(UNIX).iter().chain(&connections(KEEP)) {
        support::reads::survives_cuts(&PROTOCOL, reads);
    }
}

#[test]
fn holes_and_late_attachment_give_nothing_false() {
    for reads in connections(UNIX).iter().chain(&connections(KEEP)) {
        support::reads::survives_holes(&PROTOCOL, reads, 2000);
        support::reads::survives_late_attach(&PROTOCOL, reads);
    }
}

#[test]
fn damaged_bytes_do_no_harm() {
    for text in [UNIX, KEEP] {
        connections(text).iter().for_each(|reads| {
            support::reads::survives_damage(&PROTOCOL, reads, 2000);
        });
    }
}
