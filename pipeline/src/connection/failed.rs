//! Connections that did not come about. There are no bytes, so there is no protocol and no span: what
//! is left is to count them, by who wanted which and why not.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use onlooker_common::event;

use super::endpoint::{address, socket_path};

/// Different ones that are counted each by itself; more are counted together.
const MOST: usize = 1024;
const AF_UNIX: u16 = 1;
/// Where glibc asks whether a daemon keeps a cache of names. Mostly none does, and nothing is lost.
const NAME_CACHE: &str = "/var/run/nscd/socket";

/// Who was asked for a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// Address and TCP port.
    Internet(SocketAddr),
    /// The path of a Unix socket; an abstract name starts with `@`. Anybody's bytes.
    Unix(Arc<str>),
    /// It could not be read.
    Unknown,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internet(address) => address.fmt(f),
            Self::Unix(path) => f.write_str(path),
            Self::Unknown => f.write_str("an unknown address"),
        }
    }
}

/// A kind of failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FailedConnect {
    /// The service that wanted the connection.
    pub service: Arc<str>,
    /// With whom.
    pub peer: Peer,
    /// The errno of Linux; zero if the service closed its socket before there was an answer.
    pub error: u32,
}

/// How often which connects failed.
#[derive(Debug, Default)]
pub struct FailedConnects {
    counts: BTreeMap<FailedConnect, u64>,
    others: u64,
}

impl FailedConnects {
    /// All there are, in no order of importance.
    pub fn iter(&self) -> impl Iterator<Item = (&FailedConnect, u64)> {
        self.counts.iter().map(|(failed, count)| (failed, *count))
    }

    /// Those that were of too many kinds.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others
    }

    /// Counts one.
    pub(crate) fn add(&mut self, record: &event::ConnectFailure, service: &str) {
        let peer = peer(record);
        if matches!(&peer, Peer::Unix(path) if **path == *NAME_CACHE) {
            return;
        }
        let failed = FailedConnect { service: service.into(), peer, error: record.error };
        if let Some(count) = self.counts.get_mut(&failed) {
            *count += 1;
        } else if self.counts.len() < MOST {
            self.counts.insert(failed, 1);
        } else {
            self.others += 1;
        }
    }
}

fn peer(record: &event::ConnectFailure) -> Peer {
    if record.family == AF_UNIX {
        let path = u16::try_from(record.path_length).ok();
        return path
            .and_then(|length| socket_path(&record.path, length))
            .map_or(Peer::Unknown, Peer::Unix);
    }
    match address(record.family, &record.remote) {
        ip if record.remote_port != 0 => Peer::Internet((ip, record.remote_port).into()),
        _ => Peer::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(
        family: u16,
        remote: &[u8],
        port: u16,
        path: &[u8],
        error: u32,
    ) -> event::ConnectFailure {
        let mut record = event::ConnectFailure {
            header: event::Header::default(),
            error,
            family,
            remote_port: port,
            remote: [0; 16],
            path_length: path.len() as u32,
            path: [0; 108],
        };
        record.remote[..remote.len()].copy_from_slice(remote);
        record.path[..path.len()].copy_from_slice(path);
        record
    }

    fn counted(records: &[event::ConnectFailure]) -> Vec<(String, u32, u64)> {
        let mut failed = FailedConnects::default();
        records.iter().for_each(|record| failed.add(record, "shop"));
        failed.iter().map(|(failed, n)| (failed.peer.to_string(), failed.error, n)).collect()
    }

    #[test]
    fn each_peer_and_reason_has_its_count() {
        let v4 = record(2, &[127, 0, 0, 1], 5432, b"", 111);
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1];
        let same = record(10, &mapped, 5432, b"", 111);
        let late = record(2, &[127, 0, 0, 1], 5432, b"", 110);
        let v6 = record(10, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 80, b"", 0);
        assert_eq!(
            counted(&[v4, same, late, v6]),
            [
                ("127.0.0.1:5432".to_owned(), 110, 1),
                ("127.0.0.1:5432".to_owned(), 111, 2),
                ("[::1]:80".to_owned(), 0, 1),
            ]
        );
    }

    #[test]
    fn unix_sockets_have_names() {
        let path = record(1, &[], 0, b"/run/a\0", 2);
        let name = record(1, &[], 0, b"\0b", 111);
        let none = record(1, &[], 0, b"", 111);
        let long = event::ConnectFailure { path_length: u32::MAX, ..none };
        let names: Vec<_> = counted(&[path, name, none, long]).into_iter().map(|it| it.0).collect();
        assert_eq!(names, ["/run/a", "@b", "an unknown address"]);
    }

    #[test]
    fn that_no_daemon_caches_names_is_no_failure() {
        assert_eq!(counted(&[record(1, &[], 0, b"/var/run/nscd/socket\0", 2)]), []);
    }

    #[test]
    fn too_many_kinds_are_counted_together() {
        let mut failed = FailedConnects::default();
        for port in 1..=2000 {
            failed.add(&record(2, &[10, 0, 0, 1], port, b"", 111), "scanner");
        }
        assert_eq!((failed.iter().count(), failed.others()), (MOST, 2000 - MOST as u64));
    }
}
