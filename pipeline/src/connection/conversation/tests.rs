//! Handovers, later turns, and what waits.

use super::*;

/// Lets both sides speak in turn, one call each.
fn hear(conversation: &mut Conversation, says: &[(Side, &[u8])]) -> Output {
    let mut out = Output::default();
    let mut positions = [0_u64; 2];
    conversation.starts(Side::Client, true);
    conversation.starts(Side::Server, true);
    for (time, &(side, bytes)) in (0..).zip(says) {
        let position = &mut positions[index(side)];
        let first = Moment { position: *position, start: time, end: time, ..Moment::default() };
        *position += bytes.len() as u64;
        conversation.feed(&Chunk::new(side, first, bytes), &mut out);
    }
    out
}

fn statuses(out: &Output) -> Vec<Option<u16>> {
    let status = |exchange: &Exchange| match &exchange.facts {
        Facts::Http(facts) => facts.status,
        other => panic!("{other:?}"),
    };
    out.exchanges.iter().map(status).collect()
}

/// RFC 9113 §3.1 (h2c upgrade, from RFC 7540 §3.2): the response to the request that asked
/// for the upgrade is on stream 1.
#[test]
fn an_upgrade_to_http_2_is_one_exchange() {
    let mut conversation = Conversation::new(80, true, true, true);
    let request = b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n\
        Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n";
    let switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
        Upgrade: h2c\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    // HEADERS with END_HEADERS and END_STREAM on stream 1: `:status: 404`, indexed.
    let response = b"\0\0\x01\x01\x05\0\0\0\x01\x8d";
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let out = hear(
        &mut conversation,
        &[
            (Side::Client, request),
            (Side::Server, switched),
            (Side::Client, preface),
            (Side::Server, response),
        ],
    );
    assert_eq!(conversation.taken(), Taken::For("http/2", Evidence::Certain));
    assert_eq!(statuses(&out), [Some(404)]);
    let Facts::Http(facts) = &out.exchanges[0].facts else { panic!() };
    assert_eq!(facts.path.as_deref(), Some("/a"));
}

/// RFC 1035, section 4.2.1: a datagram is a message. Two queries in a row are not one of twice
/// the length.
#[test]
fn datagrams_are_judged_one_by_one() {
    let query = |id: u8, kind: u8| {
        [&[0, id, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], &b"\x04shop\0\0"[..], &[kind, 0, 1]].concat()
    };
    let (a, aaaa) = (query(1, 1), query(2, 28));
    let answer = |query: &[u8]| {
        let mut answer = query.to_vec();
        answer[2] = 0x80;
        answer
    };
    let mut conversation = Conversation::new(5353, true, true, true);
    let mut out = Output::default();
    let datagrams =
        [(Side::Client, a.clone()), (Side::Client, aaaa.clone()), (Side::Server, answer(&a))];
    for (time, (side, bytes)) in (0..).zip(&datagrams) {
        let first = Moment { position: time * 100, start: time, end: time, ..Moment::default() };
        let chunk = Chunk { datagram: true, ..Chunk::new(*side, first, bytes) };
        conversation.feed(&chunk, &mut out);
    }
    assert_eq!(conversation.taken(), Taken::For("dns", Evidence::Likely));
    assert_eq!(out.exchanges.len(), 1);
}

#[test]
fn a_tunnel_is_detected_anew() {
    let mut conversation = Conversation::new(3128, true, true, true);
    let out = hear(
        &mut conversation,
        &[
            (Side::Client, b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
            (Side::Server, b"HTTP/1.1 200 Connection established\r\n\r\n"),
            (Side::Client, b"\x16\x03\x01\x00\xc4\x01\x00\x00\xc0\x03\x03\xcb\x34\xec\xb1"),
            (Side::Server, b"\x16\x03\x03\x00\x5a\x02\x00\x00\x56\x03\x03\xa6\xaf\x06\xa4"),
        ],
    );
    assert_eq!(statuses(&out), [Some(200)]);
    assert_eq!(conversation.taken(), Taken::Opaque("tls"));
    assert_eq!(out.capture, Some(Capture::Mute));
}

/// RFC 1928: behind the handshake is what the client speaks with the host that it asked for.
#[test]
fn a_connection_through_a_socks_proxy_is_detected_anew() {
    let mut conversation = Conversation::new(1080, true, true, true);
    let out = hear(
        &mut conversation,
        &[
            (Side::Client, b"\x05\x01\0"),
            (Side::Server, b"\x05\0"),
            (Side::Client, b"\x05\x01\0\x03\x01h\0\x50"),
            (Side::Server, b"\x05\0\0\x01\x0a\0\0\x01\x12\x34"),
            (Side::Client, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Side::Server, b"HTTP/1.1 204 No Content\r\n\r\n"),
            (Side::Client, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Side::Server, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
    );
    assert_eq!(statuses(&out), [Some(204), Some(200)]);
    assert_eq!(conversation.taken(), Taken::For("http/1", Evidence::Certain));
}

/// The PROXY protocol, section 2: behind the header is what the client speaks. The proxy that is nearest to
/// the client says last who that is.
#[test]
fn a_connection_that_a_proxy_passes_on_is_detected_behind_its_header() {
    let mut conversation = Conversation::new(80, true, true, true);
    let signature = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a";
    let addresses = b"\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x00\x50";
    let second = [&signature[..], b"\x21\x11\x00\x0c", addresses].concat();
    let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let out = hear(
        &mut conversation,
        &[
            (Side::Client, b"PROXY TCP4 192.0.2.2 198.51.100.2 "),
            (Side::Client, b"56324 443\r\n"),
            (Side::Client, &[&second[..], request].concat()),
            (Side::Server, b"HTTP/1.1 204 No Content\r\n\r\n"),
            (Side::Client, request),
            (Side::Server, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
    );
    assert_eq!(statuses(&out), [Some(204), Some(200)]);
    assert_eq!(conversation.taken(), Taken::For("http/1", Evidence::Certain));
    assert_eq!(conversation.client(), Some("192.0.2.1".parse().unwrap()));
}

/// A server that speaks first waits for the header, and then greets.
#[test]
fn a_greeting_behind_the_header_of_a_proxy() {
    let mut conversation = Conversation::new(3306, true, true, true);
    let out = hear(
        &mut conversation,
        &[
            (Side::Client, b"PROXY TCP6 ::1 ::1 56324 3306\r\n"),
            (Side::Server, b"\x4a\0\0\0\x0a5.5.5-10.11.6-MariaDB\0\x08\0\0\0abcdefgh\0\xfe\xf7\x2d\x02\0\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0abcdefghijkl\0mysql_native_password\0"),
            (Side::Client, b"\x54\0\0\x01\x84\xa6\x3f\0\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0root\0\0mysql_native_password\0"),
        ],
    );
    assert!(out.exchanges.is_empty());
    assert_eq!(conversation.client(), Some("::1".parse().unwrap()));
    assert_ne!(conversation.taken(), Taken::Opaque("proxy"));
    assert_ne!(conversation.taken(), Taken::Opaque("unknown"));
}

/// A capture that begins with MySQL's login, or of which the greeting is cut: nothing there can
/// be known for what it is, but a later command and the answer to it can.
#[test]
fn a_later_turn_tells_what_the_first_ones_do_not() {
    let greeting = &b"\x4a\0\0\0\x0a5.5.5-10.11.6-MariaDB\0"[..];
    let login = &b"\x54\0\0\x01\x84\xa6\x3f\0\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0"[..];
    let later = [
        (Side::Server, &b"\x07\0\0\x02\0\0\0\x02\0\0\0"[..], 0),
        (Side::Client, &b"\x09\0\0\0\x03select 1"[..], 0),
        (Side::Server, &b"\x07\0\0\x01\0\0\0\x02\0\0\0"[..], 0),
        (Side::Client, &b"\x01\0\0\0\x0e"[..], 0),
        (Side::Server, &b"\x07\0\0\x01\0\0\0\x02\0\0\0"[..], 0),
        (Side::Client, &b"\x01\0\0\0\x0e"[..], 0),
        (Side::Server, &b"\x07\0\0\x01\0\0\0\x02\0\0\0"[..], 0),
    ];
    let starts = [
        (false, vec![(Side::Client, login, 64)]),
        (true, vec![(Side::Server, greeting, 51), (Side::Client, login, 64)]),
    ];
    for (from_start, mut says) in starts {
        let mut conversation = Conversation::new(3306, true, from_start, from_start);
        let mut out = Output::default();
        says.extend(later);
        let mut positions = [0_u64; 2];
        for (time, (side, bytes, missing)) in (0..).zip(says) {
            let position = &mut positions[index(side)];
            let first = Moment { position: *position, start: time, end: time, ..Moment::default() };
            *position += bytes.len() as u64 + missing;
            conversation.feed(&Chunk { missing, ..Chunk::new(side, first, bytes) }, &mut out);
        }
        assert_eq!(conversation.taken(), Taken::For("mysql", Evidence::Certain));
        assert!(!out.exchanges.is_empty());
    }
}

/// HTTP/2 with 80 KB on a stream, of which too little else was captured, then a request whose
/// answer fills what is kept.
#[test]
fn a_long_answer_is_judged_before_it_is_given_up() {
    let mut conversation = Conversation::new(8080, true, false, false);
    let mut out = Output::default();
    let data = |stream| [&b"\0\x40\0\0\0\0\0\0"[..], &[stream], &[0; 0x4000]].concat();
    let headers = b"\0\0\x05\x01\x05\0\0\0\x03\x82\x86\x84\x01\0".repeat(3);
    let answer = [&b"\0\0\x01\x01\x04\0\0\0\x03\x88"[..], &data(3).repeat(2)].concat();
    let says = [
        (Side::Client, b"\0\x40\0\x01\x05\0\0\0\x01\x82\x86".to_vec()),
        (Side::Server, data(1).repeat(5)),
        (Side::Client, headers),
        (Side::Server, answer),
    ];
    let mut positions = [0_u64; 2];
    for (time, (side, bytes)) in (0..).zip(&says) {
        let position = &mut positions[index(*side)];
        let first = Moment { position: *position, start: time, end: time, ..Moment::default() };
        *position += bytes.len() as u64;
        conversation.feed(&Chunk::new(*side, first, bytes), &mut out);
    }
    assert_eq!(conversation.taken(), Taken::For("http/2", Evidence::Certain));
}

#[test]
fn what_waits_is_given_out_in_time() {
    let mut conversation = Conversation::new(80, true, false, false);
    let mut out = Output::default();
    let at = |end: u64| Moment { start: end, end, ..Moment::default() };
    conversation
        .feed(&Chunk::new(Side::Client, at(0), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"), &mut out);
    conversation.feed(&Chunk::new(Side::Server, at(9), b"HTTP/1.1 204 N\r\n\r\n"), &mut out);
    assert!(out.exchanges.is_empty() && conversation.waits());
    conversation.idle(1_000_000_000, &mut out);
    assert_eq!(statuses(&out), [Some(204)]);
    assert!(!conversation.waits());
}

/// Both sides of an older connection in records of 16 KiB, as the kernel tells them: so many bytes of a long
/// turn of the server, then all that the client says, again and again.
fn overhear(sides_known: bool, server: &[u8], client: &[u8]) -> (Conversation, Output) {
    let mut conversation = Conversation::new(8080, sides_known, false, false);
    let mut out = Output::default();
    let (mut time, mut positions) = (0, [0_u64; 2]);
    for turn in server.chunks(64 * 1024) {
        let records = turn.chunks(16 * 1024).map(|record| (Side::Server, record));
        for (side, bytes) in records.chain([(Side::Client, client)]) {
            time += 1;
            let position = &mut positions[index(side)];
            let first = Moment { position: *position, start: time, end: time, ..Moment::default() };
            *position += bytes.len() as u64;
            conversation.feed(&Chunk::new(side, first, bytes), &mut out);
        }
    }
    (conversation, out)
}

/// Frames of DATA of the usual size (RFC 9113 §6.1) on two streams in turn.
fn bodies() -> Vec<u8> {
    let data = |stream: u8| [&b"\0\x40\0\0\0\0\0\0"[..], &[stream], &[0x5a; 16_384]].concat();
    [data(1), data(3)].concat().repeat(16)
}

/// WINDOW_UPDATE (RFC 9113 §6.9) of the connection, and of a stream.
const WINDOWS: &[u8] = b"\0\0\x04\x08\0\0\0\0\0\0\x01\0\0\0\0\x04\x08\0\0\0\0\x01\0\x01\0\0";

#[test]
fn bodies_alone_tell_http_2_where_the_sides_are_known() {
    // HEADERS of a response, at the end of all.
    let head = b"\0\0\x01\x01\x05\0\0\0\x05\x88";
    for start in [0, 1, 7_000, 16_392] {
        let server = [&bodies()[start..], head].concat();
        let (conversation, _) = overhear(true, &server, WINDOWS);
        assert_eq!(conversation.taken(), Taken::For("http/2", Evidence::Certain), "{start}");
        // Either side could say that: which is the client would be a guess.
        let (conversation, _) = overhear(false, &bodies()[start..], WINDOWS);
        assert!(!matches!(conversation.taken(), Taken::For(..)), "{start}");
    }
}

#[test]
fn bodies_that_look_like_http_2_are_none_without_the_other_side() {
    for client in [&b"GET / HTTP/1.0\r\n"[..], b"\0\0\x04\x08", b"+OK\r\n", &[0; 26]] {
        let (conversation, _) = overhear(true, &bodies()[7_000..], client);
        assert_ne!(conversation.taken(), Taken::For("http/2", Evidence::Certain), "{client:?}");
    }
    // Nor are frames that do not follow each other.
    let mut torn = bodies();
    for at in (0..torn.len()).step_by(2 * 16_393) {
        torn[at] = 0x5a;
    }
    let (conversation, _) = overhear(true, &torn[7_000..], WINDOWS);
    assert!(!matches!(conversation.taken(), Taken::For(..)));
}

/// Thousands of connections may say what nobody understands: little of each is kept.
#[test]
fn what_nobody_understands_from_its_start_is_given_up_after_16_kib() {
    let mut conversation = Conversation::new(8080, true, true, true);
    let mut out = Output::default();
    for said in 0..4 {
        assert_eq!(conversation.taken(), Taken::Undecided, "after {said} pieces");
        let first = Moment { position: said * 4_096, ..Moment::default() };
        conversation.feed(&Chunk::new(Side::Client, first, &[0x5a; 4_096]), &mut out);
    }
    assert_eq!(conversation.taken(), Taken::Opaque("unknown"));
}
