//! Connects that come to nothing (RFC 9293, sections 3.5 and 3.10.7).

mod wire;

use onlooker_replay::{Assembler, Event, FailedConnect, Frame, LinkType};
use wire::{ACK, RST, SYN, Segment, client, server};

/// The failures that are told of segments, each at its time in milliseconds.
fn failures(segments: &[(u64, Segment)]) -> Vec<FailedConnect> {
    let mut failures = Vec::new();
    let mut listener = |event: Event<'_>| {
        if let Event::ConnectFailed { client, server, why, .. } = event {
            assert_eq!((client.port(), server.port()), (40_000, 80));
            failures.push(why);
        }
    };
    let mut assembler = Assembler::new();
    for (time, segment) in segments {
        let bytes = segment.packet();
        let wire_len = bytes.len() as u64;
        let time = time * 1_000_000;
        let frame = Frame { link: LinkType::RAW, interface: 0, time, bytes: &bytes, wire_len };
        assembler.frame(&frame, &mut listener);
    }
    assembler.finish(&mut listener);
    failures
}

/// Another connection, by which time goes on.
fn later(time: u64) -> (u64, Segment) {
    (time, Segment { client_port: 40_001, ..client(7, 7, ACK, b"x") })
}

#[test]
fn a_reset_refuses() {
    let syn = || client(100, 0, SYN, b"");
    let reset = || server(0, 101, RST | ACK, b"");
    assert_eq!(failures(&[(0, syn()), (1, reset())]), [FailedConnect::Refused]);
    // The copies of another interface.
    let copies = [(0, syn()), (0, syn()), (1, reset()), (1, reset())];
    assert_eq!(failures(&copies), [FailedConnect::Refused]);
    // Tried again from the same port.
    let again = [
        (0, syn()),
        (1, reset()),
        (500, client(900, 0, SYN, b"")),
        (501, server(0, 901, RST | ACK, b"")),
    ];
    assert_eq!(failures(&again), [FailedConnect::Refused; 2]);
}

#[test]
fn silence_of_a_second_is_no_answer() {
    let syn = || client(100, 0, SYN, b"");
    let unanswered = [FailedConnect::Unanswered];
    assert_eq!(failures(&[(0, syn()), (1000, syn()), (3000, syn())]), unanswered);
    assert_eq!(failures(&[(0, syn()), later(1000)]), unanswered);
    assert_eq!(failures(&[(0, syn()), later(999)]), []);
    // Another try from the same port.
    let again = [(0, syn()), (2000, client(900, 0, SYN, b"")), later(4000)];
    assert_eq!(failures(&again), [FailedConnect::Unanswered; 2]);
}

#[test]
fn who_was_accepted_was_not_refused() {
    let syn = client(100, 0, SYN, b"");
    let accepted = server(500, 101, SYN | ACK, b"");
    let reset = server(501, 101, RST | ACK, b"");
    assert_eq!(failures(&[(0, syn.clone()), (1, accepted), (2, reset.clone()), later(5000)]), []);
    // The answer is not in the capture, what follows it is.
    let known = client(101, 501, ACK, b"");
    assert_eq!(failures(&[(0, syn.clone()), (1, known), (2, reset), later(5000)]), []);
    // A reset that acknowledges something else is somebody's guess.
    let forged = server(0, 9_000_000, RST | ACK, b"");
    assert_eq!(failures(&[(0, syn), (1, forged), later(500)]), []);
}

#[test]
fn a_connection_whose_start_was_not_seen_is_not_counted() {
    let reset = server(0, 101, RST | ACK, b"");
    assert_eq!(failures(&[(0, reset), later(5000)]), []);
}
