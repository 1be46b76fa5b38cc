//! Frames and capture files made by hand, and what a replay of them tells.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use onlooker_protocol::Side;
use onlooker_replay::{ConnectionId, End, Event, Opened, Summary, replay};

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

/// A TCP segment of the connection 10.0.0.1:40000 → 10.0.0.2:80.
#[derive(Clone)]
pub(crate) struct Segment {
    pub(crate) from_client: bool,
    pub(crate) client_port: u16,
    pub(crate) sequence: u32,
    pub(crate) acknowledgement: u32,
    pub(crate) flags: u8,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn client(sequence: u32, acknowledgement: u32, flags: u8, payload: &[u8]) -> Segment {
    let payload = payload.to_vec();
    Segment { from_client: true, client_port: 40_000, sequence, acknowledgement, flags, payload }
}

pub(crate) fn server(sequence: u32, acknowledgement: u32, flags: u8, payload: &[u8]) -> Segment {
    Segment { from_client: false, ..client(sequence, acknowledgement, flags, payload) }
}

impl Segment {
    pub(crate) fn packet(&self) -> Vec<u8> {
        let (source, destination) = if self.from_client { (1, 2) } else { (2, 1) };
        let (from, to) =
            if self.from_client { (self.client_port, 80) } else { (80, self.client_port) };
        let mut tcp = Vec::new();
        tcp.extend(u16::to_be_bytes(from));
        tcp.extend(u16::to_be_bytes(to));
        tcp.extend(self.sequence.to_be_bytes());
        tcp.extend(self.acknowledgement.to_be_bytes());
        tcp.extend([0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(&self.payload);
        ipv4(source, destination, 6, 0, &tcp)
    }
}

pub(crate) fn ipv4(
    source: u8,
    destination: u8,
    protocol: u8,
    fragment: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 7]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 10, 0, 0, source, 10, 0, 0, destination]);
    packet.extend(payload);
    packet
}

pub(crate) fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(from.to_be_bytes());
    datagram.extend(to.to_be_bytes());
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

/// A little-endian microsecond pcap of raw IP, a frame each millisecond.
pub(crate) fn pcap(packets: &[Vec<u8>]) -> Vec<u8> {
    pcap_with_snaplen(packets, usize::MAX)
}

/// The same, with each frame cut at `snaplen` bytes.
pub(crate) fn pcap_with_snaplen(packets: &[Vec<u8>], snaplen: usize) -> Vec<u8> {
    let mut file = pcap_head(101);
    for (n, packet) in packets.iter().enumerate() {
        let n = n as u32;
        file.extend((1_000 + n / 1_000).to_le_bytes());
        file.extend((n % 1_000 * 1_000).to_le_bytes());
        let captured = &packet[..packet.len().min(snaplen)];
        file.extend((captured.len() as u32).to_le_bytes());
        file.extend((packet.len() as u32).to_le_bytes());
        file.extend(captured);
    }
    file
}

pub(crate) fn pcap_head(link: u32) -> Vec<u8> {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    file.extend([0; 8]);
    file.extend(262_144_u32.to_le_bytes());
    file.extend(link.to_le_bytes());
    file
}

/// What became of one connection.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) opened: Option<Opened>,
    pub(crate) client: Vec<Option<u8>>,
    pub(crate) server: Vec<Option<u8>>,
    /// Runs of the two sides' bytes in the order they were told: `C:GET`, `S:200`.
    pub(crate) turns: Vec<(Side, Vec<u8>)>,
    pub(crate) datagrams: Vec<(Side, Vec<u8>, u64)>,
    pub(crate) half_closed: Vec<Side>,
    pub(crate) end: Option<End>,
}

impl Told {
    pub(crate) fn endpoints(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.opened.map(|opened| (opened.client, opened.server))
    }
}

/// Replays a capture. Checks what holds of every replay: positions without gap or overlap, times
/// that do not run backwards, one start and one end.
pub(crate) fn told(file: &[u8]) -> (BTreeMap<ConnectionId, Told>, Summary) {
    let mut all: BTreeMap<ConnectionId, Told> = BTreeMap::new();
    let mut times: BTreeMap<ConnectionId, u64> = BTreeMap::new();
    let mut bases: BTreeMap<(ConnectionId, Side), u64> = BTreeMap::new();
    let mut in_order = |id, time| {
        let last = times.entry(id).or_insert(time);
        assert!(*last <= time, "time runs backwards in {id:?}");
        *last = time;
    };
    let summary = replay(file, &mut |event| match event {
        Event::Opened(opened) => {
            in_order(opened.id, opened.time);
            let new = Told { opened: Some(opened), ..Told::default() };
            assert!(all.insert(opened.id, new).is_none(), "{opened:?} opened twice");
        }
        Event::Data { id, side, position, bytes, missing, time } => {
            in_order(id, time);
            let told = all.get_mut(&id).expect("opened");
            assert_eq!(told.end, None, "data after the end");
            let stream = match side {
                Side::Client => &mut told.client,
                Side::Server => &mut told.server,
            };
            let base = *bases.entry((id, side)).or_insert(position);
            assert_eq!(position - base, stream.len() as u64, "a gap or an overlap");
            assert!(!bytes.is_empty() || missing > 0, "an empty event");
            stream.extend(bytes.iter().copied().map(Some));
            stream.extend((0..missing).map(|_| None));
            match told.turns.last_mut() {
                Some((last, run)) if *last == side => run.extend(bytes),
                _ => told.turns.push((side, bytes.to_vec())),
            }
        }
        Event::Datagram { id, side, bytes, missing, time } => {
            in_order(id, time);
            let told = all.get_mut(&id).expect("opened");
            told.datagrams.push((side, bytes.to_vec(), missing));
        }
        Event::ConnectFailed { .. } => {}
        Event::HalfClosed { id, side, time } => {
            in_order(id, time);
            all.get_mut(&id).expect("opened").half_closed.push(side);
        }
        Event::Closed { id, end, time } => {
            in_order(id, time);
            let told = all.get_mut(&id).expect("opened");
            assert_eq!(told.end.replace(end), None, "closed twice");
        }
    })
    .expect("a capture");
    assert!(all.values().all(|told| told.end.is_some()), "a connection without an end");
    (all, summary)
}

/// Replays segments. The single connection they make.
pub(crate) fn told_of(segments: &[Segment]) -> (Told, Summary) {
    let packets: Vec<_> = segments.iter().map(Segment::packet).collect();
    let (mut all, summary) = told(&pcap(&packets));
    assert_eq!(all.len(), 1, "one connection");
    (all.pop_first().expect("one").1, summary)
}

/// Bytes as text, with `?` for each missing one.
pub(crate) fn text(stream: &[Option<u8>]) -> String {
    stream.iter().map(|byte| byte.map_or('?', char::from)).collect()
}
