//! Recorded conversations of other people's clients and servers: whole, and in any pieces.
//! `tests/data/http2/README.md` says how they were made.

mod support;

use onlooker_protocol::exchange::Extent;
use onlooker_protocol::http::{HttpFacts, Method};
use onlooker_protocol::http2::Http2;
use onlooker_protocol::{Exchange, Facts, Outcome, Side};
use support::Random;
use support::pieces::{Conversation, Seen, run, summary};

fn conversation(name: &str) -> Conversation {
    Conversation::load(&format!("http2/{name}.conversation"))
}

fn sorted(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.into_iter().collect();
    lines.sort();
    lines
}

fn truth(name: &str) -> Vec<String> {
    sorted(support::pieces::read(&format!("http2/{name}.truth")).lines().map(Into::into))
}

fn summaries(seen: &Seen) -> Vec<String> {
    sorted(seen.exchanges.iter().map(summary))
}

fn assert_flawless(seen: &Seen, name: &str) {
    assert_eq!((seen.lost, seen.not_understood, seen.handover), (0, 0, None), "{name}");
}

const GRPC: [&str; 3] = ["grpc-python-sync", "grpc-python-aio", "grpc-js"];

#[test]
fn every_call_of_grpc_is_seen_as_its_client_saw_it() {
    for name in GRPC {
        let seen = run(&conversation(name), Http2::new());
        assert_eq!(summaries(&seen), truth(name), "{name}");
        assert_flawless(&seen, name);
    }
}

#[test]
fn every_kind_of_frame() {
    let seen = run(&conversation("frames"), Http2::new());
    let lines: Vec<String> = seen.exchanges.iter().map(summary).collect();
    let expected = support::pieces::read("http2/frames.truth");
    assert_eq!(lines, expected.lines().collect::<Vec<_>>());
    assert_flawless(&seen, "frames");
}

/// `h2load -n 120 -m 100`: "120 total, 120 succeeded".
#[test]
fn a_hundred_streams_at_once() {
    let seen = run(&conversation("h2load"), Http2::new());
    assert_eq!(summaries(&seen), vec!["GET / 200"; 120]);
    assert_flawless(&seen, "h2load");
}

#[test]
fn a_request_of_curl() {
    let seen = run(&conversation("curl"), Http2::new());
    let [exchange] = &seen.exchanges[..] else { panic!("{seen:?}") };
    assert_eq!(
        (summary(exchange), exchange.outcome),
        ("GET /big.txt 200".into(), Outcome::Complete)
    );
    let Facts::Http(http) = &exchange.facts else { panic!("{exchange:?}") };
    assert_eq!(http.query.as_deref(), Some("token=1"));
    assert!(http.authority.as_deref().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(http.user_agent.as_deref(), Some("curl/7.88.1"));
    let context = exchange.context.as_ref().unwrap();
    assert_eq!((context.trace_id[0], context.span_id[0]), (0x0a, 0xb7));
    // The span of a client ends with the head; the response with its 40,000th byte.
    let response = exchange.response.unwrap();
    assert!(response.last.position > response.first.position + 40_000);
    assert!(exchange.answered.unwrap().position < response.first.position + 1_000);
    assert_flawless(&seen, "curl");
}

/// nghttp's statistics: 200 for `/index.html`, 404 for `/missing`, and `/deep/page` pushed.
#[test]
fn a_push_is_no_request() {
    let seen = run(&conversation("nghttp-push"), Http2::new());
    assert_eq!(summaries(&seen), ["GET /index.html 200", "GET /missing 404"]);
    assert_flawless(&seen, "nghttp-push");
}

/// The conversation behind the blank lines of HTTP/1.
fn upgraded() -> Conversation {
    let mut rest = conversation("curl-upgrade");
    for piece in rest.0.iter_mut().take(2) {
        let end = piece.bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
        piece.bytes.drain(..end);
        piece.position += end as u64;
    }
    rest.0.retain(|piece| !piece.bytes.is_empty());
    rest
}

#[test]
fn an_upgrade_answers_the_request_of_http_1_on_stream_1() {
    let seen = run(&upgraded(), Http2::upgraded(None));
    assert_eq!(summaries(&seen), ["GET /deep/page 200"]);
    assert_flawless(&seen, "curl-upgrade");

    let facts = HttpFacts {
        method: Some(Method::Get),
        path: Some("/index.html".into()),
        status: Some(101),
        ..HttpFacts::default()
    };
    let asked = Exchange::new(Extent::default(), None, Facts::Http(Box::new(facts)));
    let seen = run(&upgraded(), Http2::upgraded(Some(&asked)));
    assert_eq!(summaries(&seen), ["GET /deep/page 200", "GET /index.html 200"]);
}

const ALL: [&str; 7] =
    ["grpc-python-sync", "grpc-python-aio", "grpc-js", "frames", "h2load", "curl", "nghttp-push"];

/// All that must not depend on how the bytes came.
fn story(exchange: &Exchange) -> String {
    format!(
        "{} {:?} {} {} {:?} {:?}",
        summary(exchange),
        exchange.outcome,
        exchange.request.first.position,
        exchange.request.last.position,
        exchange.response.map(|it| (it.first.position, it.last.position)),
        exchange.answered.map(|it| it.position),
    )
}

#[test]
fn any_cutting_tells_the_same_story() {
    for name in ALL {
        let whole = conversation(name);
        let expected = sorted(run(&whole, Http2::new()).exchanges.iter().map(story));
        let mut random = Random(7);
        let mut cuttings = vec![whole.recut(|| 1)];
        for largest in [3, 10, 100, 1000] {
            cuttings.push(whole.recut(|| 1 + random.below(largest)));
        }
        for cutting in cuttings {
            let seen = run(&cutting, Http2::new());
            assert_eq!(sorted(seen.exchanges.iter().map(story)), expected, "{name}");
            assert_flawless(&seen, name);
        }
    }
}

/// "Between the two directions the order is that of time, and only roughly."
#[test]
fn an_answer_may_be_delivered_before_its_question() {
    for name in ALL {
        let whole = conversation(name);
        let expected = summaries(&run(&whole, Http2::new()));
        let mut swapped = whole.clone();
        let mut n = 1;
        while n < swapped.0.len() {
            if swapped.0[n - 1].side == Side::Client && swapped.0[n].side == Side::Server {
                swapped.0.swap(n - 1, n);
                n += 1;
            }
            n += 1;
        }
        let seen = run(&swapped, Http2::new());
        // What a server refuses by GOAWAY or cancels by RST_STREAM must have come before.
        if name != "frames" {
            assert_eq!(summaries(&seen), expected, "{name}");
        }
    }
}
