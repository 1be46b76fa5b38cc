//! Capture files of every kind, whole, cut and broken. Layouts are those of
//! draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.

mod wire;

use onlooker_protocol::Side;
use onlooker_replay::{Capture, CaptureError, Ended, Event, LinkType, Transport, replay};
use wire::{ACK, client, ipv4, pcap, pcap_head, told, udp};

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn n16(self, n: u16) -> [u8; 2] {
        match self {
            Self::Little => n.to_le_bytes(),
            Self::Big => n.to_be_bytes(),
        }
    }

    fn n32(self, n: u32) -> [u8; 4] {
        match self {
            Self::Little => n.to_le_bytes(),
            Self::Big => n.to_be_bytes(),
        }
    }
}

const BOTH: [Order; 2] = [Order::Little, Order::Big];

/// A pcapng block of a type.
fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let total = padded as u32 + 12;
    let mut block = Vec::new();
    block.extend(order.n32(kind));
    block.extend(order.n32(total));
    block.extend(body);
    block.resize(8 + padded, 0);
    block.extend(order.n32(total));
    block
}

fn section(order: Order) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(order.n32(0x1a2b_3c4d));
    body.extend(order.n16(1));
    body.extend(order.n16(0));
    body.extend([0xff; 8]);
    block(order, 0x0a0d_0d0a, &body)
}

fn interface(order: Order, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(order.n16(link));
    body.extend([0; 2]);
    body.extend(order.n32(snaplen));
    for (code, value) in options {
        body.extend(order.n16(*code));
        body.extend(order.n16(value.len() as u16));
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    block(order, 1, &body)
}

fn enhanced(order: Order, interface: u32, ticks: u64, frame: &[u8], wire_len: u32) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(order.n32(interface));
    body.extend(order.n32((ticks >> 32) as u32));
    body.extend(order.n32(ticks as u32));
    body.extend(order.n32(frame.len() as u32));
    body.extend(order.n32(wire_len));
    body.extend(frame);
    block(order, 6, &body)
}

/// A frame as read: link type, time, bytes, length on the wire.
type Read = (u32, u64, Vec<u8>, u64);

fn frames(file: &[u8]) -> (Vec<Read>, Ended, u64) {
    let mut capture = Capture::open(file).expect("a capture");
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame().expect("memory does not fail") {
        frames.push((frame.link.0, frame.time, frame.bytes.to_vec(), frame.wire_len));
    }
    (frames, capture.ended(), capture.unreadable_records())
}

fn error(file: &[u8]) -> CaptureError {
    match Capture::open(file) {
        Ok(_) => panic!("{file:?} is no capture"),
        Err(error) => error,
    }
}

#[test]
fn classic_pcap_in_both_orders_and_precisions() {
    for order in BOTH {
        for (magic, extra, nanoseconds) in
            [(0xa1b2_c3d4, 0, 7_000), (0xa1b2_3c4d, 0, 7), (0xa1b2_cd34, 8, 7_000)]
        {
            let mut file = Vec::new();
            file.extend(order.n32(magic));
            file.extend(order.n16(2));
            file.extend(order.n16(4));
            file.extend([0; 12]);
            file.extend(order.n32(0x1400_0001)); // a frame check sequence of four bytes
            for n in [1_700_000_000, 7, 3, 90] {
                file.extend(order.n32(n));
            }
            file.extend(vec![0; extra]);
            file.extend(b"abc");
            let frame = (1, 1_700_000_000_000_000_000 + nanoseconds, b"abc".to_vec(), 90);
            assert_eq!(frames(&file), (vec![frame], Ended::Complete, 0));
        }
    }
}

#[test]
fn pcapng_with_interfaces_of_their_own() {
    for order in BOTH {
        let mut file = section(order);
        let offset = match order {
            Order::Little => 100_i64.to_le_bytes(),
            Order::Big => 100_i64.to_be_bytes(),
        };
        file.extend(interface(order, 1, 0, &[]));
        file.extend(interface(order, 101, 2, &[(2, b"eth0"), (9, &[9]), (0, b"")]));
        file.extend(interface(order, 113, 0, &[(9, &[0x80 | 1]), (14, &offset)]));
        file.extend(block(order, 0x0bad, b"what nobody knows"));
        file.extend(enhanced(order, 0, 5, b"one", 3));
        file.extend(enhanced(order, 1, 6, b"two", 60));
        file.extend(enhanced(order, 2, 3, b"three", 5));
        let mut packet = Vec::new(); // an obsolete packet block: interface, drops, time, lengths
        packet.extend(order.n16(1));
        packet.extend(order.n16(44));
        for n in [0, 8, 4, 4] {
            packet.extend(order.n32(n));
        }
        packet.extend(b"four");
        file.extend(block(order, 2, &packet));
        let mut simple = order.n32(4).to_vec();
        simple.extend(b"five");
        file.extend(block(order, 3, &simple));
        let expected = vec![
            (1, 5_000, b"one".to_vec(), 3),
            (101, 6, b"two".to_vec(), 60),
            (113, 101_500_000_000, b"three".to_vec(), 5),
            (101, 8, b"four".to_vec(), 4),
            (1, 8, b"five".to_vec(), 4),
        ];
        assert_eq!(frames(&file), (expected, Ended::Complete, 0));
    }
}

#[test]
fn a_new_section_has_its_own_order_and_interfaces() {
    let mut file = section(Order::Little);
    file.extend(interface(Order::Little, 1, 0, &[]));
    file.extend(enhanced(Order::Little, 0, 5, b"one", 3));
    file.extend(section(Order::Big));
    file.extend(enhanced(Order::Big, 0, 6, b"of no interface", 3));
    file.extend(interface(Order::Big, 101, 0, &[]));
    file.extend(enhanced(Order::Big, 0, 7, b"two", 3));
    let expected = vec![(1, 5_000, b"one".to_vec(), 3), (101, 7_000, b"two".to_vec(), 3)];
    assert_eq!(frames(&file), (expected, Ended::Complete, 1));
}

#[test]
fn what_is_no_capture_is_named() {
    assert!(matches!(error(b""), CaptureError::Empty));
    assert!(matches!(error(b"GIF89a"), CaptureError::NotACapture([b'G', b'I', b'F', b'8'])));
    assert!(matches!(error(b"ab"), CaptureError::NotACapture(_)));
    assert!(matches!(error(&[0x1f, 0x8b, 8, 0]), CaptureError::Compressed("gunzip")));
    assert!(matches!(error(b"snoop\0\0\0"), CaptureError::OtherFormat("snoop")));
    assert!(matches!(error(&pcap_head(1)[..23]), CaptureError::HeadCut));
    assert!(matches!(error(&section(Order::Big)[..20]), CaptureError::HeadCut));
    let mut version = pcap_head(1);
    version[4] = 3;
    let found = error(&version);
    assert!(matches!(found, CaptureError::Version { major: 3, minor: 4, .. }), "{found:?}");
    let text = error(b"\x7fELF").to_string();
    assert_eq!(
        text,
        "neither a pcap nor a pcapng file, nor an event file (it starts with 7f 45 4c 46)"
    );
}

#[test]
fn a_file_cut_anywhere_gives_what_is_whole() {
    let packets = [
        client(1, 1, ACK, b"one").packet(),
        client(4, 1, ACK, b"two").packet(),
        client(7, 1, ACK, b"three").packet(),
    ];
    let mut pcapng = section(Order::Little);
    pcapng.extend(interface(Order::Little, 101, 0, &[]));
    let mut whole_at = vec![pcapng.len()];
    for packet in &packets {
        pcapng.extend(enhanced(Order::Little, 0, 1, packet, packet.len() as u32));
        whole_at.push(pcapng.len());
    }
    let classic = pcap(&packets);
    let steps: Vec<_> = packets.iter().map(|packet| packet.len() + 16).collect();
    let classic_at: Vec<_> = (0..=3).map(|n| 24 + steps[..n].iter().sum::<usize>()).collect();

    for (file, whole_at, head) in [(&classic, &classic_at, 24), (&pcapng, &whole_at, 28)] {
        for cut in head..=file.len() {
            let (read, ended, _) = frames(&file[..cut]);
            let begun = whole_at.iter().filter(|end| **end <= cut).count();
            if head == 24 || cut >= whole_at[0] {
                assert_eq!(read.len(), begun - 1, "cut at {cut}");
            }
            match ended {
                Ended::Complete => assert!(whole_at.contains(&cut) || cut == head, "cut at {cut}"),
                Ended::Truncated { offset } => assert!(offset < cut as u64),
                Ended::Corrupt { .. } => panic!("cut at {cut} is not corrupt"),
            }
        }
    }
}

#[test]
fn lengths_that_cannot_be_end_the_reading() {
    let mut file = pcap(&[client(1, 1, ACK, b"one").packet()]);
    let end = file.len() as u64;
    file.extend([0; 8]);
    file.extend(u32::MAX.to_le_bytes());
    file.extend([0; 4]);
    let (read, ended, _) = frames(&file);
    assert_eq!(read.len(), 1);
    assert!(matches!(ended, Ended::Corrupt { offset, .. } if offset == end));

    for total in [0_u32, 8, 13] {
        let mut file = section(Order::Little);
        file.extend(6_u32.to_le_bytes());
        file.extend(total.to_le_bytes());
        file.extend([0; 40]);
        assert!(matches!(frames(&file).1, Ended::Corrupt { offset: 28, .. }), "{total}");
    }

    // A block of 2 GiB, of which nothing is there.
    let mut file = section(Order::Little);
    file.extend(6_u32.to_le_bytes());
    file.extend(0x8000_0000_u32.to_le_bytes());
    assert_eq!(frames(&file).1, Ended::Truncated { offset: 28 });

    // A packet block that claims more than it holds.
    let mut file = section(Order::Little);
    file.extend(interface(Order::Little, 101, 0, &[]));
    let mut packet = enhanced(Order::Little, 0, 1, b"abcd", 4);
    packet[20] = 5;
    file.extend(packet);
    assert_eq!(frames(&file), (vec![], Ended::Complete, 1));
}

#[test]
fn unknown_link_types_are_counted_by_number() {
    let mut file = pcap_head(105); // 802.11
    file.extend([0; 8]);
    file.extend(4_u32.to_le_bytes());
    file.extend(4_u32.to_le_bytes());
    file.extend(b"wifi");
    let (all, summary) = told(&file);
    assert!(all.is_empty());
    assert_eq!(summary.counters.unknown_link, 1);
    assert_eq!(summary.counters.unknown_links.get(&105), Some(&1));
    assert_eq!(LinkType(105).0, 105);
}

#[test]
fn datagrams_make_flows() {
    let packets =
        [ipv4(1, 2, 17, 0, &udp(50_000, 53, b"who?")), ipv4(2, 1, 17, 0, &udp(53, 50_000, b"me"))];
    let (mut all, summary) = told(&wire::pcap_with_snaplen(&packets, 31));
    assert_eq!((all.len(), summary.counters.udp_datagrams), (1, 2));
    let (_, flow) = all.pop_first().expect("one flow");
    let opened = flow.opened.expect("opened");
    assert_eq!((opened.transport, opened.server.port()), (Transport::Udp, 53));
    let expected = vec![(Side::Client, b"who".to_vec(), 1), (Side::Server, b"me".to_vec(), 0)];
    assert_eq!(flow.datagrams, expected);
}

#[test]
fn a_datagram_in_fragments_is_put_together() {
    let whole = udp(50_000, 53, b"a question in two parts");
    let packets = [
        ipv4(1, 2, 17, 2, &whole[16..]),
        ipv4(1, 2, 17, 0x2000, &whole[..16]),
        ipv4(1, 2, 17, 0x2000, &whole[..8]),
    ];
    let (mut all, summary) = told(&pcap(&packets));
    let (_, flow) = all.pop_first().expect("one flow");
    assert_eq!(flow.datagrams, [(Side::Client, b"a question in two parts".to_vec(), 0)]);
    let counters = summary.counters;
    assert_eq!((counters.fragments, counters.reassembled, counters.fragments_lost), (3, 1, 1));
}

#[test]
fn nothing_but_ip_is_read_and_everything_is_counted() {
    let packets = [
        ipv4(1, 2, 1, 0, b"icmp"),
        ipv4(1, 2, 6, 0, b"too short for tcp"),
        ipv4(1, 2, 17, 0, b"udp?"),
        vec![0x45],
        vec![],
    ];
    let (all, summary) = told(&pcap(&packets));
    assert!(all.is_empty());
    assert_eq!(summary.counters.frames, 5);
    assert_eq!(summary.counters.other_transport, 1);
    assert_eq!(summary.counters.malformed, 4);
}

#[test]
fn tables_are_bounded() {
    let mut assembler = onlooker_replay::Assembler::with_limits(16, 1 << 20);
    let (mut open, mut most) = (0_i32, 0);
    let mut listener = |event: Event<'_>| {
        match event {
            Event::Opened(_) => open += 1,
            Event::Closed { .. } => open -= 1,
            _ => {}
        }
        most = most.max(open);
    };
    for port in 0..1000_u16 {
        let mut segment = client(1, 1, ACK, b"x");
        segment.client_port = 40_000 + port % 500;
        let packets = [segment.packet(), ipv4(1, 2, 17, 0, &udp(40_000 + port % 500, 53, b"x"))];
        for bytes in &packets {
            let wire_len = bytes.len() as u64;
            let link = LinkType::RAW;
            let frame = onlooker_replay::Frame { link, interface: 0, time: 0, bytes, wire_len };
            assembler.frame(&frame, &mut listener);
        }
    }
    assembler.finish(&mut listener);
    assert_eq!(open, 0);
    assert!(most <= 32, "{most} open at a time");
    assert!(assembler.counters().forgotten > 900);
}

#[test]
fn reading_stops_at_an_error_of_the_input() {
    struct Broken(usize);
    impl std::io::Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let head = pcap_head(1);
            let rest = head.get(self.0..).unwrap_or_default();
            if rest.is_empty() {
                return Err(std::io::Error::other("the disk is gone"));
            }
            let n = rest.len().min(buffer.len());
            buffer[..n].copy_from_slice(&rest[..n]);
            self.0 += n;
            Ok(n)
        }
    }
    let result = replay(Broken(0), &mut |_| {});
    assert!(matches!(result, Err(CaptureError::Io(error)) if error.to_string().contains("gone")));
}
