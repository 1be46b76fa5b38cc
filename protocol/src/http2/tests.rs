//! Frames made by hand: limits, and what no ordinary program sends.

use super::Http2;
use crate::http::Api;
use crate::{Capture, Chunk, Dissector, Ending, Exchange, Facts, Moment, Outcome, Output, Side};

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// `:method: GET`, `:scheme: http`, `:path: /`.
const GET: &[u8] = &[0x82, 0x86, 0x84];
/// `:status: 200`.
const OK: &[u8] = &[0x88];

pub(super) struct Talk {
    dissector: Http2,
    out: Output,
    at: [u64; 2],
    time: u64,
}

impl Talk {
    pub(super) fn of(dissector: Http2) -> Self {
        Self { dissector, out: Output::default(), at: [0; 2], time: 0 }
    }

    fn new() -> Self {
        let mut it = Self::of(Http2::new());
        it.say(Side::Client, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        it.say(Side::Server, b"\0\0\0\x04\0\0\0\0\0");
        it
    }

    pub(super) fn say(&mut self, side: Side, bytes: &[u8]) {
        self.say_cut(side, bytes, 0);
    }

    /// Says bytes of which so many at the end are not captured.
    fn say_cut(&mut self, side: Side, bytes: &[u8], missing: usize) {
        let position = self.at[side as usize];
        self.at[side as usize] += bytes.len() as u64;
        self.time += 1_000;
        let first = Moment { position, start: self.time, end: self.time + 1, ..Moment::default() };
        let mut chunk = Chunk::new(side, first, &bytes[..bytes.len() - missing]);
        chunk.missing = missing as u64;
        self.dissector.feed(&chunk, &mut self.out);
    }

    fn ask(&mut self, stream: u32, block: &[u8]) {
        self.say(Side::Client, &frame(1, 5, stream, block));
    }

    fn answer(&mut self, stream: u32, block: &[u8]) {
        self.say(Side::Server, &frame(1, 5, stream, block));
    }

    pub(super) fn close(mut self) -> Output {
        self.dissector.closed(Ending::Closed, Moment::default(), &mut self.out);
        self.out
    }
}

fn path(exchange: &Exchange) -> Option<&str> {
    let Facts::Http(http) = &exchange.facts else { panic!("{exchange:?}") };
    http.path.as_deref()
}

#[test]
fn streams_end_in_any_order() {
    let mut talk = Talk::new();
    for stream in [1, 3, 5] {
        talk.ask(stream, &[GET, &[0x04, 2, b'/', b'0' + stream as u8][..]].concat());
    }
    for stream in [3, 5, 1] {
        talk.answer(stream, OK);
    }
    let out = talk.close();
    let paths: Vec<_> = out.exchanges.iter().map(|it| path(it).unwrap()).collect();
    assert_eq!(paths, ["/3", "/5", "/1"]);
    assert!(out.exchanges.iter().all(|it| it.outcome == Outcome::Complete));
    assert_eq!((out.lost, out.not_understood), (0, 0));
}

#[test]
fn open_streams_are_bounded_and_the_oldest_is_counted() {
    let mut talk = Talk::new();
    for number in 0..5000 {
        talk.ask(2 * number + 1, GET);
    }
    assert_eq!(talk.out.lost, 5000 - 4096);
    assert_eq!(talk.close().exchanges.len(), 4096);
}

#[test]
fn a_connection_that_ends_aborts_what_is_open() {
    let mut talk = Talk::new();
    talk.ask(1, GET);
    let out = talk.close();
    assert_eq!(out.exchanges[0].outcome, Outcome::Aborted(Ending::Closed));
    assert!(out.exchanges[0].response.is_none());
}

/// CVE-2024-27316 and its kind: CONTINUATION frames without end.
#[test]
fn a_flood_of_continuation_is_bounded_and_survived() {
    let mut talk = Talk::new();
    talk.say(Side::Client, &frame(1, 1, 1, GET));
    for _ in 0..40 {
        // Literals without indexing: `x: vvv…`.
        let mut field = b"\x00\x01x\x7f\xa1\x7f".to_vec();
        field.resize(6 + 16_416, b'v');
        talk.say(Side::Client, &frame(9, 0, 1, &field));
    }
    talk.say(Side::Client, &frame(9, 4, 1, b""));
    talk.answer(1, OK);
    talk.ask(3, GET);
    talk.answer(3, OK);
    let out = talk.close();
    assert_eq!(out.exchanges.iter().map(path).collect::<Vec<_>>(), [Some("/"); 2]);
    assert_eq!(out.lost, 1);
}

#[test]
fn data_that_was_not_captured_costs_nothing() {
    let mut talk = Talk::new();
    talk.ask(1, GET);
    talk.say(Side::Server, &frame(1, 4, 1, OK));
    talk.say_cut(Side::Server, &frame(0, 0, 1, &[b'x'; 1000]), 990);
    talk.say_cut(Side::Server, &frame(0, 8, 1, &[200; 1000]), 1000);
    talk.say(Side::Server, &frame(0, 1, 1, b"end"));
    let out = talk.close();
    assert_eq!(out.exchanges[0].outcome, Outcome::Complete);
    assert_eq!(out.exchanges[0].response.unwrap().last.position, talk_length(&[1, 1000, 1000, 3]));
    assert_eq!((out.lost, out.not_understood), (0, 0));
}

/// Of a call of many frames, the kernel programs copy the headers and the fronts of DATA.
#[test]
fn footing_is_found_where_frames_were_followed() {
    let mut talk = Talk::new();
    talk.dissector = Http2::late();
    talk.say(Side::Client, &[frame(1, 5, 7, GET), frame(1, 5, 9, GET)].concat());
    let head = frame(1, 4, 7, OK);
    talk.say_cut(Side::Server, &[head, frame(0, 0, 7, &[b'x'; 16_384])].concat(), 16_000);
    talk.say_cut(Side::Server, &frame(0, 1, 7, &[b'x'; 16_384]), 16_384);
    talk.answer(9, OK);
    let out = talk.close();
    assert_eq!(out.exchanges.len(), 2, "{out:?}");
    assert_eq!((out.lost, out.not_understood), (0, 0));
}

#[test]
fn what_is_wanted_of_data_follows_what_is_asked() {
    let mut talk = Talk::new();
    assert_eq!(talk.out.capture, Some(Capture::Frames { client: 1024, server: 64 }));
    // `content-type: application/grpc-web`: its trailers are in the body.
    let web = [GET, &[0x5f, 20], b"application/grpc-web"].concat();
    talk.ask(1, GET);
    assert_eq!(talk.out.capture.take(), Some(Capture::Frames { client: 1024, server: 64 }));
    talk.ask(3, &web);
    assert_eq!(talk.out.capture, Some(Capture::Frames { client: 1024, server: u32::MAX }));
}

/// The position of the last byte of frames of these lengths, behind the server's SETTINGS.
fn talk_length(payloads: &[u64]) -> u64 {
    9 + payloads.iter().map(|it| it + 9).sum::<u64>() - 1
}

#[test]
fn a_head_that_is_cut_tells_its_front_and_frames_go_on() {
    let mut talk = Talk::new();
    // `:method: GET`, `:path: /a`, and `x: …` into the table.
    let block = [b"\x82\x04\x02/a\x40\x01x\x20".as_slice(), &[b'v'; 32]].concat();
    talk.say_cut(Side::Client, &frame(1, 5, 1, &block), 20);
    talk.answer(1, OK);
    // Index 62 is unknown; before the hole it would have been an error.
    talk.ask(3, &[GET, &[0xbe]].concat());
    talk.answer(3, OK);
    let out = talk.close();
    assert_eq!(out.exchanges.iter().map(path).collect::<Vec<_>>(), [Some("/a"), Some("/")]);
    assert_eq!((out.lost, out.not_understood), (1, 0));
}

#[test]
fn a_response_whose_status_was_not_captured_was_not_broken_off() {
    let mut talk = Talk::new();
    talk.ask(1, GET);
    // `:status: 500` as a literal.
    talk.say_cut(Side::Server, &frame(1, 4, 1, b"\x48\x03500"), 5);
    let out = talk.close();
    assert_eq!(out.exchanges.iter().map(|it| it.outcome).collect::<Vec<_>>(), [Outcome::Inferred]);
}

/// The server's frames were lost behind the first response, and what came of the next is too little
/// to find them again.
#[test]
fn a_response_that_could_not_be_read_was_not_broken_off() {
    let mut talk = Talk::new();
    talk.ask(1, GET);
    talk.answer(1, OK);
    talk.say_cut(Side::Server, &[0; 40], 35);
    talk.ask(3, GET);
    talk.say_cut(Side::Server, &frame(1, 4, 3, &[0x8e; 200]), 150);
    let out = talk.close();
    let aborted = |it: &&Exchange| matches!(it.outcome, Outcome::Aborted(_));
    assert_eq!(out.exchanges.iter().filter(aborted).count(), 0);
}

#[test]
fn what_is_no_http_2_is_given_back() {
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET /index.html"]
    {
        let mut talk =
            Talk { dissector: Http2::new(), out: Output::default(), at: [0; 2], time: 0 };
        talk.say(Side::Client, bytes);
        assert_eq!(talk.out.handover, Some(crate::Handover::NotMine));
    }
}

#[test]
fn a_server_may_speak_first_and_requests_are_found_by_position() {
    let mut talk = Talk { dissector: Http2::new(), out: Output::default(), at: [0; 2], time: 0 };
    talk.say(Side::Server, b"\0\0\0\x04\0\0\0\0\0");
    talk.say(Side::Client, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    talk.ask(1, GET);
    assert_eq!(talk.dissector.open_request(33 + 11).unwrap().position, 33);
    assert_eq!(talk.dissector.open_request(32), None);
    assert_eq!(talk.dissector.open_request(33 + 12), None);
}

/// A GraphQL operation over HTTP ("POST", `application/json`), its body in two DATA frames.
#[test]
fn the_api_behind_http_is_told_from_the_body() {
    let mut talk = Talk::new();
    // `:method: POST`, `:path: /graphql`, `content-type: application/json`.
    let block = b"\x83\x86\x04\x08/graphql\x0f\x10\x10application/json";
    talk.say(Side::Client, &frame(1, 4, 1, block));
    talk.say(Side::Client, &frame(0, 0, 1, br#"{"query":"query Hero { hero"#));
    talk.say(Side::Client, &frame(0, 1, 1, br#" { name } }"}"#));
    talk.answer(1, OK);
    let out = talk.close();
    let Facts::Http(http) = &out.exchanges[0].facts else { panic!("{out:?}") };
    let Some(Api::GraphQl(operation)) = http.api.as_deref() else { panic!("{http:?}") };
    assert_eq!(operation.name.as_deref(), Some("Hero"));
}

/// Any bytes, behind a preface or not: no panic, no endless loop.
#[test]
fn any_bytes_are_survived() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..300 {
        let dissector = if round % 2 == 0 { Http2::late() } else { Http2::new() };
        let mut talk = Talk { dissector, out: Output::default(), at: [0; 2], time: 0 };
        if round % 2 == 1 {
            talk.say(Side::Client, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
            talk.say(Side::Server, b"\0\0\0\x04\0\0\0\0\0");
        }
        for _ in 0..60 {
            let side = if next() % 2 == 0 { Side::Client } else { Side::Server };
            let payload: Vec<u8> = (0..next() % 60).map(|_| next() as u8).collect();
            let mut bytes =
                frame(next() as u8 % 11, next() as u8 & 0x2d, next() as u32 % 8, &payload);
            if next() % 4 == 0 {
                let at = next() as usize % bytes.len();
                bytes[at] = next() as u8;
            }
            let missing = if next() % 8 == 0 { next() as usize % bytes.len() } else { 0 };
            talk.say_cut(side, &bytes, missing);
        }
        talk.close();
    }
}

/// A call whose response has begun, and then what `end` does some time later.
fn call(end: impl FnOnce(&mut Talk)) -> (Exchange, u64) {
    // POST, http, `/S/M`; `content-type: application/grpc`, which is in no table.
    let ask = [&[0x83, 0x86, 0x04, 4][..], b"/S/M", &[0x0f, 16, 16], b"application/grpc"].concat();
    let mut talk = Talk::new();
    talk.say(Side::Client, &frame(1, 4, 1, &ask));
    talk.say(Side::Server, &frame(1, 4, 1, OK));
    talk.time += 1_000_000;
    end(&mut talk);
    let at = talk.time;
    let mut out = talk.out;
    talk.dissector.closed(
        Ending::Closed,
        Moment { start: at, end: at + 1, ..Moment::default() },
        &mut out,
    );
    let [exchange] = &out.exchanges[..] else { panic!("{:?}", out.exchanges) };
    assert!(matches!(exchange.facts, Facts::Grpc(_)));
    (exchange.clone(), at)
}

#[test]
fn a_call_lasts_as_long_as_its_stream() {
    let (cancelled, at) = call(|talk| talk.say(Side::Client, &frame(3, 0, 1, &[0, 0, 0, 8])));
    assert_eq!(cancelled.outcome, Outcome::Cancelled);
    assert_eq!(cancelled.over.map(|over| over.start), Some(at));
    let (closed, at) = call(|_| {});
    assert_eq!(closed.outcome, Outcome::Aborted(Ending::Closed));
    assert_eq!(closed.over.map(|over| over.start), Some(at));
    // `grpc-status: 0`, in no table.
    let trailers = [&[0x00, 11][..], b"grpc-status", &[1, b'0']].concat();
    let (ended, _) = call(|talk| {
        talk.say(Side::Client, &frame(0, 1, 1, b""));
        talk.answer(1, &trailers);
    });
    assert_eq!((ended.outcome, ended.over), (Outcome::Complete, None));
    // Not only to the head of the response.
    assert_eq!(ended.answered, None);
}
