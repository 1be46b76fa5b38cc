//! From frames to connections.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::net::SocketAddr;

use crate::capture::Frame;
use crate::connections::Connections;
use crate::count::Counters;
use crate::flows::Flows;
use crate::fragment::Fragments;
use crate::ip::{self, Packet};
use crate::link::{self, Inside};
use crate::table::Context;
use crate::tcp::connection::Listener;
use crate::{tcp, tunnel, udp};

/// How many TCP connections, and how many UDP flows, are followed at a time. Beyond it the longest
/// idle eighth is forgotten.
pub const MAX_CONNECTIONS: usize = 32_768;
/// How many bytes may wait behind gaps over all connections. Beyond it, the gaps of a connection
/// that would keep more count as lost.
pub const MAX_BUFFERED: usize = 64 << 20;

/// Takes frames and tells what they mean.
#[derive(Debug, Default)]
pub struct Assembler {
    counters: Counters,
    fragments: Fragments,
    connections: Connections,
    flows: Flows,
    next_id: u64,
    max_buffered: usize,
    max_connections: usize,
    /// Time of the last frame.
    time: u64,
    /// Where the last frame was captured.
    vantage: u64,
}

impl Assembler {
    /// An assembler with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(MAX_CONNECTIONS, MAX_BUFFERED)
    }

    /// An assembler with other limits than [`MAX_CONNECTIONS`] and [`MAX_BUFFERED`].
    #[must_use]
    pub fn with_limits(max_connections: usize, max_buffered: usize) -> Self {
        Self { max_connections: max_connections.max(1), max_buffered, ..Self::default() }
    }

    /// What was read so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What was read.
    #[must_use]
    pub fn into_counters(self) -> Counters {
        self.counters
    }

    /// Takes the next frame.
    pub fn frame(&mut self, frame: &Frame<'_>, listener: &mut Listener<'_>) {
        self.counters.frames += 1;
        self.time = frame.time;
        let cut = frame.wire_len - (frame.bytes.len() as u64).min(frame.wire_len);
        self.counters.cut_frames += u64::from(cut > 0);
        let vantage = (frame.interface, link::vantage(frame.link, frame.bytes));
        self.vantage = hash(vantage);
        match link::inside(frame.link, frame.bytes) {
            Inside::UnknownLink => self.counters.count_unknown_link(frame.link.0),
            inside => self.inside(inside, cut, 0, listener),
        }
    }

    /// Ends everything that is open: the capture is over.
    pub fn finish(&mut self, listener: &mut Listener<'_>) {
        self.fragments.finish();
        self.counters.fragments_lost += self.fragments.take_lost();
        let mut context = Context {
            counters: &mut self.counters,
            next_id: &mut self.next_id,
            time: self.time,
            vantage: self.vantage,
            listener,
        };
        self.connections.finish(&mut context);
        self.flows.finish(&mut context);
    }

    /// Takes what a frame or a tunnel wraps, of which `cut` bytes are not in the capture.
    fn inside(&mut self, inside: Inside<'_>, cut: u64, depth: usize, listener: &mut Listener<'_>) {
        let packet = match inside {
            Inside::Ip(bytes) => ip::packet(bytes, bytes.len() as u64 + cut),
            Inside::NotIp | Inside::UnknownLink => {
                self.counters.not_ip += 1;
                return;
            }
            Inside::Malformed => None,
        };
        let Some(packet) = packet else {
            self.counters.malformed += 1;
            return;
        };
        if packet.fragment.is_none() {
            self.packet(&packet, depth, listener);
            return;
        }
        self.counters.fragments += 1;
        let whole = self.fragments.push(&packet, self.time);
        self.counters.fragments_lost += self.fragments.take_lost();
        if let Some(whole) = whole {
            self.counters.reassembled += 1;
            let wire_len = whole.payload.len() as u64;
            let packet = Packet {
                protocol: whole.protocol,
                payload: &whole.payload,
                wire_len,
                fragment: None,
                ..packet
            };
            self.packet(&packet, depth, listener);
        }
    }

    fn packet(&mut self, packet: &Packet<'_>, depth: usize, listener: &mut Listener<'_>) {
        let Packet { source, destination, protocol, payload, wire_len, .. } = *packet;
        let datagram = match protocol {
            ip::UDP => udp::datagram(payload, wire_len),
            _ => None,
        };
        let tunnel = match &datagram {
            Some(it) => tunnel::in_udp(it.source_port, it.destination_port, it.payload),
            None => tunnel::in_ip(protocol, payload),
        };
        if let Some(tunnel) = tunnel {
            *self.counters.tunnels.entry(tunnel.name).or_default() += 1;
            if depth >= tunnel::MAX_DEPTH {
                self.counters.too_deep += 1;
                return;
            }
            self.vantage = hash((self.vantage, tunnel.name));
            let cut = wire_len.saturating_sub(payload.len() as u64);
            return self.inside(tunnel.inside, cut, depth + 1, listener);
        }
        let mut context = Context {
            counters: &mut self.counters,
            next_id: &mut self.next_id,
            time: self.time,
            vantage: self.vantage,
            listener,
        };
        match (protocol, datagram) {
            (ip::TCP, _) => match tcp::segment(payload, wire_len) {
                Some(segment) => {
                    context.counters.tcp_segments += 1;
                    let source = SocketAddr::new(source, segment.source_port);
                    let destination = SocketAddr::new(destination, segment.destination_port);
                    let most = (self.max_connections, self.max_buffered);
                    self.connections.segment(source, destination, &segment, most, &mut context);
                }
                None => context.counters.malformed += 1,
            },
            (ip::UDP, Some(datagram)) => {
                context.counters.udp_datagrams += 1;
                let source = SocketAddr::new(source, datagram.source_port);
                let destination = SocketAddr::new(destination, datagram.destination_port);
                let most = self.max_connections;
                self.flows.datagram(source, destination, &datagram, most, &mut context);
            }
            (ip::UDP, None) => context.counters.malformed += 1,
            _ => {
                context.counters.other_transport += 1;
                *context.counters.other_transports.entry(protocol).or_default() += 1;
            }
        }
    }
}

/// A number that stands for a place.
fn hash(place: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    hasher.finish()
}
