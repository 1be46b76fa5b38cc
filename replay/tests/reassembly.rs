//! TCP as it is, and as captures show it.

mod wire;

use onlooker_protocol::Side;
use onlooker_replay::{Assembler, End, Event, Frame, LinkType, Role};
use wire::{ACK, FIN, PSH, RST, SYN, Segment, client, pcap, server, text, told, told_of};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

fn handshake(client_isn: u32, server_isn: u32) -> Vec<Segment> {
    vec![
        client(client_isn, 0, SYN, b""),
        server(server_isn, client_isn.wrapping_add(1), SYN | ACK, b""),
        client(client_isn.wrapping_add(1), server_isn.wrapping_add(1), ACK, b""),
    ]
}

/// A request in three segments, a response in two, and an orderly end.
fn conversation(client_isn: u32, server_isn: u32) -> Vec<Segment> {
    let (c, s) = (client_isn.wrapping_add(1), server_isn.wrapping_add(1));
    let (c_end, s_end) =
        (c.wrapping_add(REQUEST.len() as u32), s.wrapping_add(RESPONSE.len() as u32));
    let mut segments = handshake(client_isn, server_isn);
    segments.extend([
        client(c, s, ACK, &REQUEST[..5]),
        client(c.wrapping_add(5), s, ACK, &REQUEST[5..9]),
        client(c.wrapping_add(9), s, ACK | PSH, &REQUEST[9..]),
        server(s, c_end, ACK, &RESPONSE[..10]),
        server(s.wrapping_add(10), c_end, ACK | PSH, &RESPONSE[10..]),
        client(c_end, s_end, ACK | FIN, b""),
        server(s_end, c_end.wrapping_add(1), ACK | FIN, b""),
        client(c_end.wrapping_add(1), s_end.wrapping_add(1), ACK, b""),
    ]);
    segments
}

#[test]
fn a_whole_connection() {
    let (told, summary) = told_of(&conversation(100, 5_000));
    let opened = told.opened.expect("opened");
    assert_eq!(opened.role, Role::Handshake);
    assert_eq!(opened.client.to_string(), "10.0.0.1:40000");
    assert_eq!(opened.server.to_string(), "10.0.0.2:80");
    let turns = vec![(Side::Client, REQUEST.to_vec()), (Side::Server, RESPONSE.to_vec())];
    assert_eq!(told.turns, turns);
    assert_eq!(told.half_closed, [Side::Client, Side::Server]);
    assert_eq!(told.end, Some(End::Fin));
    assert_eq!(summary.counters.missing_bytes, 0);
    assert_eq!(summary.counters.bytes, (REQUEST.len() + RESPONSE.len()) as u64);
}

/// The SYN-ACK and the first response are lost, and an acknowledgement overtakes: nothing says that
/// the server's first byte seen is its first.
#[test]
fn an_acknowledgement_behind_the_first_byte_tells_no_start() {
    let c_end = 101 + REQUEST.len() as u32;
    let (told, summary) = told_of(&[
        client(100, 0, SYN, b""),
        client(c_end, 5_280, ACK, b""),
        client(101, 5_000, ACK | PSH, REQUEST),
        server(5_280, c_end, ACK | PSH, RESPONSE),
    ]);
    assert_eq!(summary.counters.missing_bytes, 1);
    assert_eq!(told.server.first(), Some(&None), "a byte is missing in front");
}

#[test]
fn sequence_numbers_wrap() {
    let (told, summary) = told_of(&conversation(u32::MAX - 3, u32::MAX - 12));
    assert_eq!(text(&told.client).as_bytes(), REQUEST);
    assert_eq!(text(&told.server).as_bytes(), RESPONSE);
    assert_eq!((told.end, summary.counters.missing_bytes), (Some(End::Fin), 0));
}

#[test]
fn a_stream_longer_than_the_sequence_space_keeps_its_positions() {
    // 5 GiB in steps of 512 MiB of which the capture shows one byte each.
    let step = 512_u32 << 20;
    let mut file = wire::pcap_head(101);
    let mut sequence = 1_u32;
    let mut packets = handshake(0, 0);
    for _ in 0..10 {
        packets.push(client(sequence, 1, ACK, b"x"));
        sequence = sequence.wrapping_add(step);
        packets.push(server(1, sequence, ACK, b""));
    }
    packets.push(client(sequence, 1, ACK, b"end"));
    for packet in packets.iter().map(Segment::packet) {
        file.extend([0; 8]);
        file.extend((packet.len() as u32).to_le_bytes());
        file.extend((packet.len() as u32).to_le_bytes());
        file.extend(&packet);
    }
    let mut last = (0, Vec::new());
    onlooker_replay::replay(&file[..], &mut |event| {
        if let onlooker_replay::Event::Data { position, bytes, .. } = event
            && !bytes.is_empty()
        {
            last = (position, bytes.to_vec());
        }
    })
    .expect("a capture");
    assert_eq!(last, (10 * u64::from(step), b"end".to_vec()));
}

#[test]
fn segments_in_the_wrong_order_come_in_order() {
    let mut segments = conversation(100, 5_000);
    segments.swap(3, 5);
    segments.swap(6, 7);
    let (told, summary) = told_of(&segments);
    let turns = vec![(Side::Client, REQUEST.to_vec()), (Side::Server, RESPONSE.to_vec())];
    assert_eq!((told.turns, told.end), (turns, Some(End::Fin)));
    assert_eq!(summary.counters.missing_bytes, 0);
}

#[test]
fn a_response_captured_before_its_request_waits_for_it() {
    let mut segments = conversation(100, 5_000);
    segments.swap(5, 6);
    let (told, summary) = told_of(&segments);
    let turns = vec![(Side::Client, REQUEST.to_vec()), (Side::Server, RESPONSE.to_vec())];
    assert_eq!((told.turns, summary.counters.missing_bytes), (turns, 0));
}

#[test]
fn retransmissions_are_counted_and_dropped() {
    let mut segments = conversation(100, 5_000);
    segments.insert(6, client(101, 5_001, ACK, REQUEST));
    segments.insert(4, segments[3].clone());
    segments.insert(1, segments[0].clone());
    let (told, summary) = told_of(&segments);
    assert_eq!(text(&told.client).as_bytes(), REQUEST);
    assert_eq!(summary.counters.repeated_bytes, REQUEST.len() as u64 + 5);
    assert_eq!(summary.counters.conflicting_overlaps, 0);
}

#[test]
fn the_bytes_seen_first_stay() {
    let mut segments = handshake(100, 5_000);
    segments.extend([
        client(101, 5_001, ACK, b"abcd"),
        client(103, 5_001, ACK, b"XXef"), // behind: "cd" again, differently
        client(111, 5_001, ACK, b"klmn"), // ahead
        client(109, 5_001, ACK, b"ijYYY"), // ahead, over what waits
        client(107, 5_001, ACK, b"gh"),
    ]);
    let (told, summary) = told_of(&segments);
    assert_eq!(text(&told.client), "abcdefghijklmn");
    assert_eq!(summary.counters.conflicting_overlaps, 2);
    assert_eq!(summary.counters.repeated_bytes, 5);
}

#[test]
fn what_was_acknowledged_and_never_seen_is_missing() {
    let mut segments = conversation(100, 5_000);
    segments.remove(4);
    let (told, summary) = told_of(&segments);
    assert_eq!(text(&told.client), "GET /????P/1.1\r\n\r\n");
    assert_eq!(told.turns.last().map(|turn| turn.0), Some(Side::Server));
    assert_eq!((told.end, summary.counters.missing_bytes), (Some(End::Fin), 4));
}

#[test]
fn a_direction_that_was_not_captured_is_missing_bytes() {
    let segments: Vec<_> =
        conversation(100, 5_000).into_iter().filter(|segment| segment.from_client).collect();
    let (told, summary) = told_of(&segments);
    assert_eq!(text(&told.client).as_bytes(), REQUEST);
    assert_eq!(told.server, vec![None; RESPONSE.len() + 1], "the FIN cannot be told from a byte");
    assert_eq!(summary.counters.missing_bytes, RESPONSE.len() as u64 + 1);
}

#[test]
fn a_capture_that_starts_in_mid_connection() {
    let (told, _) = told_of(&conversation(100, 5_000)[4..]);
    assert_eq!(told.opened.map(|opened| opened.role), Some(Role::Guessed));
    assert_eq!(told.endpoints().map(|(_, server)| server.port()), Some(80));
    assert_eq!(text(&told.client).as_bytes(), &REQUEST[5..]);
    assert_eq!(text(&told.server).as_bytes(), RESPONSE);

    let (told, _) = told_of(&conversation(100, 5_000)[6..]);
    assert_eq!(told.endpoints().map(|(_, server)| server.port()), Some(80));
    assert_eq!(text(&told.server).as_bytes(), RESPONSE);
}

#[test]
fn a_capture_that_starts_with_the_syn_ack_knows_both_ends() {
    let (told, _) = told_of(&conversation(100, 5_000)[1..]);
    assert_eq!(told.opened.map(|opened| opened.role), Some(Role::Handshake));
    assert_eq!(told.endpoints().map(|(_, server)| server.port()), Some(80));
    assert_eq!((told.client.len(), told.server.len()), (REQUEST.len(), RESPONSE.len()));
}

#[test]
fn packets_cut_by_the_snap_length_are_missing_bytes() {
    let packets: Vec<_> = conversation(100, 5_000).iter().map(Segment::packet).collect();
    let (mut all, summary) = told(&wire::pcap_with_snaplen(&packets, 44));
    let (_, told) = all.pop_first().expect("one connection");
    assert_eq!(text(&told.client), "GET ? HTTP/1.?????");
    assert_eq!(summary.counters.cut_frames, 4);
    assert_eq!(text(&told.server), "HTTP??????04 N?????????????");
}

#[test]
fn keep_alives_are_no_data() {
    let mut segments = conversation(100, 5_000);
    let c_end = 101 + REQUEST.len() as u32;
    let s_end = 5_001 + RESPONSE.len() as u32;
    segments.insert(8, client(c_end - 1, s_end, ACK, b"\0"));
    segments.insert(9, server(s_end, c_end, ACK, b""));
    segments.insert(10, client(c_end - 1, s_end, ACK, b""));
    let (told, summary) = told_of(&segments);
    assert_eq!(text(&told.client).as_bytes(), REQUEST);
    assert_eq!(summary.counters.keep_alives, 2);
    assert_eq!(summary.counters.conflicting_overlaps, 0);
}

#[test]
fn a_capture_that_starts_with_a_keep_alive_misses_nothing() {
    let segments = [
        server(5_000, 101, ACK, b""),
        client(101, 5_001, ACK, b""),
        client(101, 5_001, ACK, b"ask"),
        server(5_001, 104, ACK, b"tell"),
    ];
    let (told, summary) = told_of(&segments);
    assert_eq!((text(&told.client), text(&told.server)), ("ask".into(), "tell".into()));
    assert_eq!(summary.counters.missing_bytes, 0);
}

/// What lies between was on its way when the capture began, or is the beginning of the answer:
/// "tell" must not pass for that.
#[test]
fn what_follows_the_first_acknowledgement_of_a_capture_is_missing() {
    let segments = [client(101, 5_001, ACK, b"ask"), server(5_040, 104, ACK, b"tell")];
    let (told, summary) = told_of(&segments);
    let answer = "?".repeat(39) + "tell";
    assert_eq!((text(&told.client), text(&told.server)), ("ask".into(), answer));
    assert_eq!(summary.counters.missing_bytes, 39);
}

#[test]
fn a_reset_ends_a_connection_after_what_was_sent() {
    let mut segments = conversation(100, 5_000);
    segments.truncate(7);
    segments.push(client(119, 5_011, RST, b""));
    segments.push(server(5_011, 119, ACK, b"late"));
    let (told, summary) = told_of(&segments);
    assert_eq!(told.end, Some(End::Reset));
    assert_eq!(text(&told.server).as_bytes(), &RESPONSE[..10]);
    assert_eq!(summary.counters.after_end, 1);
}

#[test]
fn nothing_comes_behind_a_fin() {
    let mut segments = handshake(100, 5_000);
    segments.extend([
        server(5_011, 101, ACK, b"far"),
        server(5_001, 101, ACK | FIN, b"end"),
        server(5_004, 101, ACK, b"more"),
        client(105, 5_001, ACK | FIN, b""),
    ]);
    let (told, summary) = told_of(&segments);
    assert_eq!((text(&told.server), told.end), ("end".into(), Some(End::Fin)));
    assert_eq!(summary.counters.out_of_window, 1);
}

#[test]
fn a_reset_from_nowhere_is_not_believed() {
    let mut segments = conversation(100, 5_000);
    segments.insert(6, server(4_000_000_000, 0, RST, b""));
    let (told, summary) = told_of(&segments);
    assert_eq!((told.end, summary.counters.out_of_window), (Some(End::Fin), 1));
}

#[test]
fn a_refused_connection() {
    let segments = [client(100, 0, SYN, b""), server(0, 101, RST | ACK, b"")];
    let (told, _) = told_of(&segments);
    assert_eq!((told.end, told.client.len(), told.server.len()), (Some(End::Reset), 0, 0));
}

#[test]
fn a_port_used_again_is_a_new_connection() {
    let mut segments = conversation(100, 5_000);
    segments.truncate(8);
    segments.extend(conversation(900, 77));
    let packets: Vec<_> = segments.iter().map(Segment::packet).collect();
    let (all, _) = told(&pcap(&packets));
    let ends: Vec<_> = all.values().map(|told| told.end).collect();
    assert_eq!(ends, [Some(End::Replaced), Some(End::Fin)]);
    assert!(all.values().all(|told| text(&told.client).as_bytes() == REQUEST));
    assert!(all.values().all(|told| text(&told.server).as_bytes() == RESPONSE));
}

/// What is remembered of handshakes is that of the last connection of each port: 20,000 over 2,000 ports took two
/// minutes when it was not.
#[test]
fn ports_that_are_used_again_and_again_leave_nothing_behind() {
    let mut assembler = Assembler::new();
    let mut opened = 0;
    let mut listener = |event: Event<'_>| opened += u32::from(matches!(event, Event::Opened(_)));
    for n in 0..20_000_u32 {
        let from =
            |segment: Segment| Segment { client_port: 30_000 + (n % 2_000) as u16, ..segment };
        let syn = from(client(n.wrapping_mul(7_919), 0, SYN, b""));
        let accepted =
            from(server(n.wrapping_mul(104_729), n.wrapping_mul(7_919) + 1, SYN | ACK, b""));
        for segment in [syn, accepted] {
            let bytes = segment.packet();
            let wire_len = bytes.len() as u64;
            let time = u64::from(n) * 1_000_000;
            let frame = Frame { link: LinkType::RAW, interface: 0, time, bytes: &bytes, wire_len };
            assembler.frame(&frame, &mut listener);
        }
    }
    assembler.finish(&mut listener);
    assert_eq!(opened, 20_000);
}

#[test]
fn data_on_the_syn() {
    let segments = [
        client(100, 0, SYN, b"fast"),
        server(5_000, 105, SYN | ACK, b""),
        client(105, 5_001, ACK, b" open"),
    ];
    let (told, summary) = told_of(&segments);
    assert_eq!((text(&told.client), summary.counters.missing_bytes), ("fast open".into(), 0));
}

#[test]
fn a_simultaneous_open_is_one_connection() {
    let segments = [
        client(100, 0, SYN, b""),
        server(5_000, 0, SYN, b""),
        client(100, 5_001, SYN | ACK, b""),
        server(5_000, 101, SYN | ACK, b""),
        client(101, 5_001, ACK, b"hello"),
    ];
    let (told, _) = told_of(&segments);
    assert_eq!(text(&told.client), "hello");
}

#[test]
fn what_waits_is_bounded() {
    let mut segments = handshake(100, 5_000);
    // One byte lost, then 2 MiB that nobody acknowledges.
    for n in 0..2048_u32 {
        segments.push(client(102 + n * 1024, 5_001, ACK, &[b'x'; 1024]));
    }
    let packets: Vec<_> = segments.iter().map(Segment::packet).collect();
    let mut before_end = 0;
    onlooker_replay::replay(&pcap(&packets)[..], &mut |event| match event {
        onlooker_replay::Event::Data { .. } => before_end += 1,
        onlooker_replay::Event::Closed { .. } => assert!(before_end > 1024),
        _ => {}
    })
    .expect("a capture");
}

/// A generator of pseudo-random numbers (xorshift64*), so that failures repeat.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    }
}

/// Whatever a network or a capture does to segments, what is told of them is right.
#[test]
fn any_disorder_gives_the_same_bytes() {
    for seed in 1..=300 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let stream: Vec<u8> = (0..400).map(|_| dice.roll(26) as u8 + b'a').collect();
        let isn = dice.roll(u32::MAX as usize) as u32;
        let mut segments = Vec::new();
        // Overlapping segments that together cover the stream.
        let mut at = 0;
        while at < stream.len() {
            let from = at - dice.roll(at.min(20) + 1);
            let to = (at + 1 + dice.roll(40)).min(stream.len());
            let sequence = isn.wrapping_add(1 + from as u32);
            segments.push(client(sequence, 5_001, ACK, &stream[from..to]));
            at = to;
        }
        let lost = (dice.roll(3) == 0 && segments.len() > 4)
            .then(|| segments.remove(2 + dice.roll(segments.len() - 3)));
        for n in 0..segments.len() {
            let other = (n + dice.roll(4)).min(segments.len() - 1);
            segments.swap(n, other);
        }
        for _ in 0..dice.roll(5) {
            let again = segments[dice.roll(segments.len())].clone();
            segments.insert(dice.roll(segments.len()), again);
        }
        let mut all = handshake(isn, 5_000);
        all.append(&mut segments);
        all.push(server(5_001, isn.wrapping_add(1 + stream.len() as u32), ACK, b"ok"));
        let (told, summary) = told_of(&all);
        assert_eq!(told.client.len(), stream.len(), "seed {seed}");
        let right =
            told.client.iter().zip(&stream).all(|(told, sent)| told.is_none_or(|b| b == *sent));
        assert!(right, "seed {seed}");
        assert_eq!(text(&told.server), "ok", "seed {seed}");
        assert_eq!(summary.counters.conflicting_overlaps, 0, "seed {seed}");
        let missing = told.client.iter().filter(|byte| byte.is_none()).count() as u64;
        assert_eq!(missing, summary.counters.missing_bytes, "seed {seed}");
        assert!(lost.is_some() || missing == 0, "seed {seed}: {missing} missing");
    }
}
