//! One end of a connection: its addresses, and how it came to be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use onlooker_common::event::{self, flag, role, role_evidence};
use onlooker_protocol::{Origin, Side, Task};

use crate::span::Text;
use crate::span::model::address_text;

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const IPPROTO_UDP: u16 = 17;

/// How the bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A TCP stream.
    Tcp,
    /// UDP datagrams.
    Udp,
    /// A Unix stream.
    Unix,
}

impl Transport {
    /// The value of `network.transport`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Unix => "unix",
        }
    }
}

/// One end of a connection: addresses and how it came to be.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// How the bytes travel.
    pub transport: Transport,
    /// The process that uses this end.
    pub process: u32,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// Which end it is.
    pub side: Side,
    /// Which end it is was seen, not concluded from the absence of a listener.
    pub side_certain: bool,
    /// Its address and port.
    pub local: Option<(IpAddr, u16)>,
    /// The other end's.
    pub peer: Option<(IpAddr, u16)>,
    /// Its address as text: every span of the connection has it.
    pub peer_text: Option<Text>,
    /// Unix: the server's bound path.
    pub path: Option<Arc<str>>,
    /// The task that opened it and what that task had read; the thread is zero if unknown.
    pub opener: Task,
    /// The connect was seen, so the first byte is the connection's first.
    pub seen_opening: bool,
}

impl Endpoint {
    /// The end that a socket record tells of; `origin` says what its places mean.
    pub(super) fn of(record: &event::Socket, origin: impl Fn(&event::Place) -> Origin) -> Self {
        let transport = match (record.family, record.protocol) {
            (AF_INET | AF_INET6, IPPROTO_UDP) => Transport::Udp,
            (AF_INET | AF_INET6, _) => Transport::Tcp,
            _ => Transport::Unix,
        };
        let internet = transport != Transport::Unix;
        let local = address(record.family, &record.local);
        let peer = address(record.family, &record.remote);
        let path = (record.path_length > 0 && !internet)
            .then(|| socket_path(&record.path, record.path_length))
            .flatten();
        // A datagram socket that is bound to no one port of renown asks.
        let side = if record.role == role::SERVER { Side::Server } else { Side::Client };
        let opener = Task {
            process: record.header.tgid,
            thread: record.opener as u32,
            id: record.opener,
            cause: origin(&record.cause),
            resumed: origin(&record.resumed),
            inherited: false,
            polls: record.opener_flags & u32::from(flag::POLLS) != 0,
            waited: record.opener_flags & u32::from(flag::WAITED) != 0,
        };
        Self {
            transport,
            process: record.header.tgid,
            netns: record.netns,
            side,
            side_certain: matches!(
                record.role_evidence,
                role_evidence::CONNECT | role_evidence::LISTENER | role_evidence::BOUND_NAME
            ),
            local: internet.then_some((local, record.local_port)),
            peer: (internet && record.remote_port != 0).then_some((peer, record.remote_port)),
            peer_text: internet.then(|| address_text(peer)),
            path,
            opener,
            seen_opening: record.role_evidence == role_evidence::CONNECT,
        }
    }
}

pub(super) fn address(family: u16, bytes: &[u8; 16]) -> IpAddr {
    if family == AF_INET {
        return Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into();
    }
    let address = Ipv6Addr::from(*bytes);
    // A dual-stack socket that talks IPv4.
    address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)
}

pub(super) fn socket_path(bytes: &[u8; 108], length: u16) -> Option<Arc<str>> {
    let bytes = bytes.get(..length as usize)?;
    let text = match bytes.split_first()? {
        (0, name) => format!("@{}", String::from_utf8_lossy(name)),
        _ => {
            let path = bytes.split(|&byte| byte == 0).next()?;
            String::from_utf8_lossy(path).into_owned()
        }
    };
    Some(text.into())
}
