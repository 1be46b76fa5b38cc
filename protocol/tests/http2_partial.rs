//! The recorded conversations with something missing: what is still reported is right.
//!
//! A request is known again by the position of its first byte. Whatever is said of it must be what
//! is said when everything is seen, or unknown.

mod support;

use std::collections::HashMap;

use onlooker_protocol::http2::Http2;
use onlooker_protocol::{Exchange, Facts, Outcome, Side};
use support::Random;
use support::pieces::{Conversation, Piece, run, summary};

const ALL: [&str; 7] =
    ["grpc-python-sync", "grpc-python-aio", "grpc-js", "frames", "h2load", "curl", "nghttp-push"];

/// What is said of a request.
#[derive(Debug)]
struct Said {
    grpc: bool,
    method: Option<String>,
    path: Option<String>,
    authority: Option<String>,
    status: Option<u16>,
    code: Option<&'static str>,
    message: Option<String>,
    context: Option<String>,
    error: Option<String>,
    sent: u32,
    received: u32,
}

fn said(exchange: &Exchange) -> Said {
    let (http, call) = match &exchange.facts {
        Facts::Http(http) => (&**http, None),
        Facts::Grpc(call) => (&call.http, Some(call)),
        other => panic!("{other:?}"),
    };
    Said {
        grpc: call.is_some(),
        method: http.method.as_ref().map(|it| it.name().into()),
        path: http.path.as_deref().map(Into::into),
        authority: http.authority.as_deref().map(Into::into),
        status: http.status,
        code: call.and_then(|it| it.status).map(|it| it.name()),
        message: call.and_then(|it| it.message.as_deref()).map(Into::into),
        context: exchange.context.as_ref().map(|it| format!("{it:?}")),
        error: http.error.as_deref().map(Into::into),
        sent: call.map_or(0, |it| it.sent),
        received: call.map_or(0, |it| it.received),
    }
}

struct Truth {
    name: &'static str,
    whole: Conversation,
    by_position: HashMap<u64, Said>,
}

/// How much was told.
#[derive(Debug, Default)]
struct Told {
    exchanges: usize,
    paths: usize,
    /// Calls that were not recognised as such.
    unrecognised: usize,
}

impl Truth {
    fn of(name: &'static str) -> Self {
        let whole = Conversation::load(&format!("http2/{name}.conversation"));
        let exchanges = run(&whole, Http2::new()).exchanges;
        let by_position =
            exchanges.iter().map(|it| (it.request.first.position, said(it))).collect();
        Self { name, whole, by_position }
    }

    /// Checks everything that is said of a part of the conversation.
    fn check(&self, part: &Conversation, dissector: Http2, what: &str) -> Told {
        let seen = run(part, dissector);
        let mut told = Told::default();
        for exchange in &seen.exchanges {
            let what = format!("{} {what}: {exchange:?}", self.name);
            let it = said(exchange);
            let Some(truth) = self.by_position.get(&exchange.request.first.position) else {
                panic!("no request starts there: {what}");
            };
            let same = |it: &Option<String>, truth: &Option<String>| {
                assert!(it.is_none() || it == truth, "{it:?} is not {truth:?}: {what}");
            };
            same(&it.method, &truth.method);
            same(&it.path, &truth.path);
            same(&it.authority, &truth.authority);
            same(&it.context, &truth.context);
            // What was cancelled may show the answer that came too late, once the cancelling is
            // lost.
            if truth.error.is_none() {
                same(&it.message, &truth.message);
                assert!(it.status.is_none() || it.status == truth.status, "{what}");
                assert!(it.received <= truth.received, "{what}");
            }
            assert!(it.code.is_none() || it.code == truth.code, "{what}");
            assert!(!it.grpc || truth.grpc, "{what}");
            assert!(it.sent <= truth.sent, "{what}");
            // An answer whose loss nothing shows leaves the cancelling behind it.
            if exchange.outcome == Outcome::Cancelled && it.code != truth.code {
                same(&it.error, &truth.error);
            }
            told.exchanges += 1;
            told.paths += usize::from(it.path.is_some());
            told.unrecognised += usize::from(truth.grpc && !it.grpc);
        }
        told
    }
}

#[test]
fn a_late_reader_is_right_or_says_unknown() {
    for name in ALL {
        let truth = Truth::of(name);
        let mut told = Told::default();
        for start in 0..truth.whole.0.len() {
            let it = truth.check(&truth.whole.from(start), Http2::late(), &format!("at {start}"));
            told.exchanges += it.exchanges;
            told.paths += it.paths;
            told.unrecognised += it.unrecognised;
        }
        println!("{name}: {told:?}");
    }
}

/// From any byte of either direction, independently.
#[test]
fn a_reader_from_any_byte_is_right_or_says_unknown() {
    for name in ALL {
        let truth = Truth::of(name);
        let mut random = Random(11);
        for _ in 0..60 {
            let client = random.below(truth.whole.end(Side::Client) as usize);
            let server = random.below(truth.whole.end(Side::Server) as usize);
            let mut part = truth.whole.clone();
            for piece in &mut part.0 {
                let start = if piece.side == Side::Client { client } else { server } as u64;
                let cut = start.saturating_sub(piece.position).min(piece.bytes.len() as u64);
                piece.bytes.drain(..cut as usize);
                piece.position += cut;
            }
            part.0.retain(|piece| !piece.bytes.is_empty());
            truth.check(&part, Http2::late(), &format!("from {client} and {server}"));
        }
    }
}

/// The kernel copies the front of each call, up to a limit.
#[test]
fn calls_cut_behind_a_limit_lose_and_never_lie() {
    for name in ALL {
        let truth = Truth::of(name);
        for limit in [1, 9, 10, 50, 100, 200, 500, 1000, 5000, 20_000] {
            let mut part = truth.whole.clone();
            for piece in &mut part.0 {
                let kept = piece.bytes.len().min(limit);
                piece.missing = (piece.bytes.len() - kept) as u64;
                piece.bytes.truncate(kept);
            }
            let told = truth.check(&part, Http2::new(), &format!("calls cut at {limit}"));
            println!("{name} cut at {limit}: {told:?} of {}", truth.by_position.len());
        }
    }
}

#[test]
fn holes_lose_and_never_lie() {
    for name in ALL {
        let truth = Truth::of(name);
        let mut random = Random(13);
        for round in 0..60 {
            let largest = 1 + random.below(3000);
            let mut part = truth.whole.recut(|| 1 + random.below(largest));
            let odds = 2 + random.below(40);
            for piece in &mut part.0 {
                if random.below(odds) == 0 {
                    let kept = random.below(piece.bytes.len());
                    piece.missing = (piece.bytes.len() - kept) as u64;
                    piece.bytes.truncate(kept);
                }
            }
            truth.check(&part, Http2::new(), &format!("holes {round}"));
            // The same, with nothing said of what is missing but the positions.
            for piece in &mut part.0 {
                piece.missing = 0;
            }
            part.0.retain(|piece: &Piece| !piece.bytes.is_empty());
            truth.check(&part, Http2::new(), &format!("gaps {round}"));
        }
    }
}

/// The end of a long body is among what was not captured, and the head is not.
#[test]
fn a_long_response_in_cut_calls_is_inferred() {
    let mut part = Conversation::load("http2/curl.conversation");
    for piece in &mut part.0 {
        let kept = piece.bytes.len().min(4096);
        piece.missing = (piece.bytes.len() - kept) as u64;
        piece.bytes.truncate(kept);
    }
    let seen = run(&part, Http2::new());
    let [exchange] = &seen.exchanges[..] else { panic!("{seen:?}") };
    assert_eq!(
        (summary(exchange), exchange.outcome),
        ("GET /big.txt 200".into(), Outcome::Inferred)
    );
    assert_eq!((seen.lost, seen.not_understood), (1, 0));
}
