//! A capture as the kernel programs would have told it: the records that the pipeline takes.
//!
//! The kernel watches processes, each of which holds one end of a connection; a capture watches
//! the wire between. So one end has to be chosen ([`Ends`]). Threads and causes are not on the
//! wire: each connection is a task of its own, and nothing is the cause of anything.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use onlooker_common::event::{self, Header, Kind, Place, direction, flag, role, role_evidence};
use onlooker_common::view::Record;
use onlooker_protocol::Side;

use crate::event::{ConnectionId, End, Event, FailedConnect, Opened, Role, Transport};

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const ECONNRESET: u32 = 104;
const ETIMEDOUT: u32 = 110;
const ECONNREFUSED: u32 = 111;
/// Where the stream of a connection begins whose first bytes are not in the capture: not at zero,
/// which would mean its first byte.
const MIDDLE: u64 = 1 << 16;
/// The longest run of bytes that one record tells of: positions have 32 bits.
const LONGEST: u64 = 1 << 30;

/// How many hosts are told apart. Those beyond share the process number zero.
pub const MAX_HOSTS: usize = 65_536;

/// Which ends of the connections are watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ends {
    /// Those that ask: one span an exchange, of kind CLIENT (PRODUCER, CONSUMER).
    #[default]
    Clients,
    /// Those that are asked.
    Servers,
    /// Both: two spans an exchange, one the child of the other.
    Both,
}

/// Makes records of events.
#[derive(Debug, Default)]
pub struct Recorder {
    ends: Ends,
    connections: HashMap<ConnectionId, Open>,
    hosts: Vec<IpAddr>,
    /// Their indices, plus one.
    processes: HashMap<IpAddr, u32>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    opened: Opened,
    /// The numbers of the hosts, which stand for processes.
    client: u32,
    server: u32,
    /// UDP: how many datagrams each end sent.
    sent: [u64; 2],
}

impl Recorder {
    /// A recorder that watches these ends.
    #[must_use]
    pub fn new(ends: Ends) -> Self {
        Self { ends, ..Self::default() }
    }

    /// The hosts that were seen. The first stands for the process with number one, and so on.
    #[must_use]
    pub fn hosts(&self) -> &[IpAddr] {
        &self.hosts
    }

    /// Makes the records of an event.
    pub fn take(&mut self, event: &Event<'_>, record: &mut dyn FnMut(Record<'_>)) {
        match *event {
            Event::Opened(opened) => self.opened(opened, record),
            Event::Data { id, side, position, bytes, missing, time } => {
                let Some(open) = self.connections.get(&id) else { return };
                let from_start = open.opened.role == Role::Handshake;
                let position = if from_start { position } else { position + MIDDLE };
                for end in self.watched() {
                    open.data(end, side, position, bytes, missing, time, 0, record);
                }
            }
            Event::Datagram { id, side, bytes, missing, time } => {
                let Some(open) = self.connections.get_mut(&id) else { return };
                let count = &mut open.sent[usize::from(side == Side::Server)];
                let position = *count;
                *count += 1;
                let open = *open;
                for end in self.watched() {
                    open.data(end, side, position, bytes, missing, time, flag::DATAGRAM, record);
                }
            }
            Event::ConnectFailed { client, server, why, time } => {
                let tgid = self.process(client.ip());
                let (family, remote) = address(server);
                record(Record::ConnectFailure(event::ConnectFailure {
                    header: Header {
                        kind: Kind::ConnectFailure as u32,
                        tgid,
                        tid: 0,
                        captured: 0,
                        time,
                    },
                    error: match why {
                        FailedConnect::Refused => ECONNREFUSED,
                        FailedConnect::Unanswered => ETIMEDOUT,
                    },
                    family,
                    remote_port: server.port(),
                    remote,
                    path_length: 0,
                    path: [0; 108],
                }));
            }
            Event::HalfClosed { id, side, time } => {
                let Some(open) = self.connections.get(&id) else { return };
                // A process learns of the other end's FIN by reading zero bytes.
                for end in self.watched().filter(|end| *end != side) {
                    open.data(end, side, 0, &[], 0, time, flag::END, record);
                }
            }
            Event::Closed { id, end, time } => {
                let Some(open) = self.connections.remove(&id) else { return };
                let error = match end {
                    End::Reset => ECONNRESET,
                    End::Fin | End::Replaced | End::Forgotten => 0,
                    // Nothing ended but the capture.
                    End::Capture => return,
                };
                for end in self.watched() {
                    record(Record::SocketEnd(event::SocketEnd {
                        header: open.header(end, Kind::SocketEnd, time, 0),
                        socket: open.socket(end),
                        inode: open.inode(),
                        error,
                    }));
                }
            }
        }
    }

    fn watched(&self) -> impl Iterator<Item = Side> + use<> {
        let ends = self.ends;
        [Side::Client, Side::Server].into_iter().filter(move |side| {
            matches!(
                (ends, side),
                (Ends::Both, _) | (Ends::Clients, Side::Client) | (Ends::Servers, Side::Server)
            )
        })
    }

    fn opened(&mut self, opened: Opened, record: &mut dyn FnMut(Record<'_>)) {
        let client = self.process(opened.client.ip());
        let server = self.process(opened.server.ip());
        let open = Open { opened, client, server, sent: [0; 2] };
        self.connections.insert(opened.id, open);
        for end in self.watched() {
            record(Record::Socket(open.record(end)));
        }
    }

    /// The number that stands for a host.
    fn process(&mut self, host: IpAddr) -> u32 {
        if let Some(process) = self.processes.get(&host) {
            return *process;
        }
        if self.hosts.len() >= MAX_HOSTS {
            return 0;
        }
        self.hosts.push(host);
        let process = self.hosts.len() as u32;
        self.processes.insert(host, process);
        process
    }
}

impl Open {
    fn socket(&self, end: Side) -> u64 {
        (self.opened.id.0 + 1) << 1 | u64::from(end == Side::Server)
    }

    fn inode(&self) -> u32 {
        self.opened.id.0 as u32
    }

    /// The sequence numbers of the first bytes of client and server, which name the connection.
    fn bases(&self) -> (u32, u32) {
        ((self.opened.id.0 >> 32) as u32, self.opened.id.0 as u32)
    }

    fn header(&self, end: Side, kind: Kind, time: u64, captured: usize) -> Header {
        let tgid = match end {
            Side::Client => self.client,
            Side::Server => self.server,
        };
        let tid = self.socket(end) as u32;
        Header { kind: kind as u32, tgid, tid, captured: captured as u32, time }
    }

    fn record(&self, end: Side) -> event::Socket {
        let Opened { client, server, transport, role, time, .. } = self.opened;
        let (client_base, server_base) = self.bases();
        // An opener's SYN counts as a byte.
        let (local, remote, role_is, sent_base, received_base) = match end {
            Side::Client => {
                (client, server, role::CLIENT, client_base.wrapping_sub(1), server_base)
            }
            Side::Server => (server, client, role::SERVER, server_base, client_base),
        };
        let known = role == Role::Handshake;
        let (family, _) = address(local);
        event::Socket {
            header: self.header(end, Kind::Socket, time, 0),
            socket: self.socket(end),
            peer_inode: 0,
            opener_flags: 0,
            inode: self.inode(),
            netns: 0,
            sent_base,
            received_base,
            family,
            protocol: match transport {
                Transport::Tcp => crate::ip::TCP.into(),
                Transport::Udp => crate::ip::UDP.into(),
            },
            local_port: local.port(),
            remote_port: remote.port(),
            local: address(local).1,
            remote: address(remote).1,
            role: role_is,
            role_evidence: if known { role_evidence::CONNECT } else { role_evidence::NONE },
            path_length: 0,
            path: [0; 108],
            cause: Place::default(),
            resumed: Place::default(),
            opener: 0,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a record")]
    fn data(
        &self,
        end: Side,
        sender: Side,
        position: u64,
        bytes: &[u8],
        missing: u64,
        time: u64,
        flags: u16,
        record: &mut dyn FnMut(Record<'_>),
    ) {
        let base = match (self.opened.transport, sender) {
            (Transport::Udp, _) => 0,
            (Transport::Tcp, Side::Client) => self.bases().0,
            (Transport::Tcp, Side::Server) => self.bases().1,
        };
        let (mut position, mut bytes, mut missing) = (position, bytes, missing);
        loop {
            let after = missing.min(LONGEST - (bytes.len() as u64).min(LONGEST));
            let length = bytes.len() as u64 + after;
            let place = Place {
                socket: self.socket(end),
                position: match self.opened.transport {
                    Transport::Tcp => u64::from(base.wrapping_add(position as u32)),
                    Transport::Udp => position,
                },
                inode: self.inode(),
                length: length as u32,
            };
            let data = event::Data {
                header: self.header(end, Kind::Data, time, bytes.len()),
                start: time,
                place,
                direction: if sender == end { direction::OUT } else { direction::IN },
                flags,
                task: self.socket(end),
                ..event::Data::default()
            };
            record(Record::Data(data, bytes));
            position += length;
            missing -= after;
            bytes = &[];
            if missing == 0 {
                return;
            }
        }
    }
}

fn address(end: SocketAddr) -> (u16, [u8; 16]) {
    match end.ip() {
        IpAddr::V4(address) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&address.octets());
            (AF_INET, bytes)
        }
        IpAddr::V6(address) => (AF_INET6, address.octets()),
    }
}
