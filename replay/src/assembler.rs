//! From frames to connections.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use onlooker_protocol::Side;

use crate::capture::Frame;
use crate::count::Counters;
use crate::event::{ConnectionId, End, Event, Opened, Role, Transport};
use crate::fragment::Fragments;
use crate::ip::{self, Packet};
use crate::link::{self, Inside};
use crate::tcp::connection::{Connection, Listener, Syn};
use crate::tcp::{self, Flags, Segment};
use crate::udp::{self, Datagram};

/// How many TCP connections, and how many UDP flows, are followed at a time. Beyond it the longest
/// idle eighth is forgotten.
pub const MAX_CONNECTIONS: usize = 32_768;
/// How many bytes may wait behind gaps over all connections. Beyond it, the gaps of a connection
/// that would keep more count as lost.
pub const MAX_BUFFERED: usize = 64 << 20;

/// Registered and privileged ports are below this number (the default of
/// `net.ipv4.ip_local_port_range` begins here).
const FIRST_EPHEMERAL_PORT: u16 = 32_768;

/// Both ends, the smaller address first: the same for both directions.
type Ends = (SocketAddr, SocketAddr);

/// Takes frames and tells what they mean.
#[derive(Debug, Default)]
pub struct Assembler {
    counters: Counters,
    fragments: Fragments,
    connections: HashMap<Ends, Entry>,
    flows: HashMap<Ends, Flow>,
    next_id: u64,
    buffered: usize,
    max_buffered: usize,
    max_connections: usize,
    /// Time of the last frame.
    time: u64,
}

#[derive(Debug)]
struct Entry {
    client: SocketAddr,
    connection: Connection,
    /// The frame's number when it was last used.
    used: u64,
}

#[derive(Debug)]
struct Flow {
    id: ConnectionId,
    client: SocketAddr,
    /// Time of the last datagram.
    time: u64,
    used: u64,
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
        let packet = match link::inside(frame.link, frame.bytes) {
            Inside::Ip(bytes) => ip::packet(bytes, bytes.len() as u64 + cut),
            Inside::NotIp => {
                self.counters.not_ip += 1;
                return;
            }
            Inside::UnknownLink => {
                self.counters.count_unknown_link(frame.link.0);
                return;
            }
            Inside::Malformed => None,
        };
        let Some(packet) = packet else {
            self.counters.malformed += 1;
            return;
        };
        if packet.fragment.is_none() {
            self.packet(&packet, listener);
            return;
        }
        self.counters.fragments += 1;
        let whole = self.fragments.push(&packet, frame.time);
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
            self.packet(&packet, listener);
        }
    }

    /// Ends everything that is open: the capture is over.
    pub fn finish(&mut self, listener: &mut Listener<'_>) {
        self.fragments.finish();
        self.counters.fragments_lost += self.fragments.take_lost();
        let mut connections: Vec<_> =
            self.connections.drain().map(|(_, entry)| entry.connection).collect();
        connections.sort_by_key(Connection::id);
        for mut connection in connections {
            connection.end(End::Capture, self.time, &mut self.counters, listener);
        }
        let mut flows: Vec<_> = self.flows.drain().map(|(_, flow)| flow).collect();
        flows.sort_by_key(|flow| flow.id);
        for flow in flows {
            listener(Event::Closed { id: flow.id, end: End::Capture, time: self.time });
        }
        self.buffered = 0;
    }

    fn packet(&mut self, packet: &Packet<'_>, listener: &mut Listener<'_>) {
        match packet.protocol {
            ip::TCP => match tcp::segment(packet.payload, packet.wire_len) {
                Some(segment) => {
                    self.counters.tcp_segments += 1;
                    self.segment(packet.source, packet.destination, &segment, listener);
                }
                None => self.counters.malformed += 1,
            },
            ip::UDP => match udp::datagram(packet.payload, packet.wire_len) {
                Some(datagram) => {
                    self.counters.udp_datagrams += 1;
                    self.datagram(packet.source, packet.destination, &datagram, listener);
                }
                None => self.counters.malformed += 1,
            },
            _ => self.counters.other_transport += 1,
        }
    }

    fn segment(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        segment: &Segment<'_>,
        listener: &mut Listener<'_>,
    ) {
        let source = SocketAddr::new(source, segment.source_port);
        let destination = SocketAddr::new(destination, segment.destination_port);
        let ends = ends(source, destination);
        let flags = segment.flags;
        if flags.has(Flags::SYN)
            && !flags.has(Flags::RST)
            && let Some(entry) = self.connections.get_mut(&ends)
            && entry.connection.judge_syn(side(entry.client, source), segment) == Syn::Another
        {
            self.buffered -= entry.connection.buffered();
            entry.connection.end(End::Replaced, self.time, &mut self.counters, listener);
            self.connections.remove(&ends);
        }
        if !self.connections.contains_key(&ends) {
            self.make_room(listener);
            let (client, role) = match (flags.has(Flags::SYN), flags.has(Flags::ACK)) {
                (true, false) => (source, Role::Handshake),
                (true, true) => (destination, Role::Handshake),
                (false, _) => (guess_client(source, destination), Role::Guessed),
            };
            let server = if client == source { destination } else { source };
            let id = self.open(Transport::Tcp, client, server, role, listener);
            let connection = Connection::new(id, self.time);
            self.connections.insert(ends, Entry { client, connection, used: 0 });
        }
        let Some(entry) = self.connections.get_mut(&ends) else { return };
        entry.used = self.counters.frames;
        self.buffered -= entry.connection.buffered();
        let side = side(entry.client, source);
        entry.connection.segment(side, segment, self.time, &mut self.counters, listener);
        if self.buffered + entry.connection.buffered() > self.max_buffered {
            entry.connection.flush(&mut self.counters, listener);
        }
        self.buffered += entry.connection.buffered();
    }

    fn datagram(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        datagram: &Datagram<'_>,
        listener: &mut Listener<'_>,
    ) {
        let source = SocketAddr::new(source, datagram.source_port);
        let destination = SocketAddr::new(destination, datagram.destination_port);
        let ends = ends(source, destination);
        let is_idle = |flow: &Flow| flow.time.saturating_add(udp::IDLE) < self.time;
        if let Some(flow) = self.flows.get(&ends)
            && is_idle(flow)
        {
            listener(Event::Closed { id: flow.id, end: End::Forgotten, time: self.time });
            self.flows.remove(&ends);
        }
        if !self.flows.contains_key(&ends) {
            self.make_room(listener);
            let client = guess_client(source, destination);
            let server = if client == source { destination } else { source };
            let id = self.open(Transport::Udp, client, server, Role::Guessed, listener);
            self.flows.insert(ends, Flow { id, client, time: self.time, used: 0 });
        }
        let Some(flow) = self.flows.get_mut(&ends) else { return };
        flow.time = flow.time.max(self.time);
        flow.used = self.counters.frames;
        let (bytes, missing) = (datagram.payload, datagram.missing);
        self.counters.bytes += bytes.len() as u64;
        self.counters.missing_bytes += missing;
        let side = side(flow.client, source);
        listener(Event::Datagram { id: flow.id, side, bytes, missing, time: flow.time });
    }

    fn open(
        &mut self,
        transport: Transport,
        client: SocketAddr,
        server: SocketAddr,
        role: Role,
        listener: &mut Listener<'_>,
    ) -> ConnectionId {
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        self.counters.connections += 1;
        listener(Event::Opened(Opened { id, transport, client, server, role, time: self.time }));
        id
    }

    /// Forgets the longest idle eighth of a table that is full.
    fn make_room(&mut self, listener: &mut Listener<'_>) {
        if self.connections.len() >= self.max_connections {
            let used = self.connections.values().map(|entry| entry.used);
            let border = eighth(used.collect());
            let old = self.connections.extract_if(|_, entry| entry.used <= border);
            let mut old: Vec<_> = old.map(|(_, entry)| entry.connection).collect();
            old.sort_by_key(Connection::id);
            for mut connection in old {
                self.buffered -= connection.buffered();
                self.counters.forgotten += u64::from(!connection.has_ended());
                connection.end(End::Forgotten, self.time, &mut self.counters, listener);
            }
        }
        if self.flows.len() >= self.max_connections {
            let used = self.flows.values().map(|flow| flow.used);
            let border = eighth(used.collect());
            let old = self.flows.extract_if(|_, flow| flow.used <= border);
            let mut old: Vec<_> = old.map(|(_, flow)| flow).collect();
            old.sort_by_key(|flow| flow.id);
            for flow in old {
                self.counters.forgotten += 1;
                listener(Event::Closed { id: flow.id, end: End::Forgotten, time: self.time });
            }
        }
    }
}

fn ends(one: SocketAddr, other: SocketAddr) -> Ends {
    (one.min(other), one.max(other))
}

fn side(client: SocketAddr, source: SocketAddr) -> Side {
    if client == source { Side::Client } else { Side::Server }
}

/// The value that an eighth of the values (one at least) do not exceed.
fn eighth(mut values: Vec<u64>) -> u64 {
    let index = (values.len() / 8).min(values.len().saturating_sub(1));
    if values.is_empty() { 0 } else { *values.select_nth_unstable(index).1 }
}

/// Without a handshake: the end with an ephemeral port is the client; if both or none have one,
/// the one with a port that needs no privilege; else the one that was seen speaking first.
fn guess_client(first: SocketAddr, second: SocketAddr) -> SocketAddr {
    for border in [FIRST_EPHEMERAL_PORT, 1024] {
        match (first.port() >= border, second.port() >= border) {
            (true, false) => return first,
            (false, true) => return second,
            _ => {}
        }
    }
    first
}
