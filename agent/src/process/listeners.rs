//! Which ports are listened on.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};

use onlooker_common::map::Listener;

use super::inspect::netns;

/// A port that a process's network namespace listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// Namespace and port.
    pub listener: Listener,
    /// Inode of the listening socket.
    pub inode: u64,
}

/// The listening TCP ports of network namespaces. Each namespace is read once, by whichever of its
/// processes is asked about first: a machine has many processes and few namespaces.
#[derive(Debug, Default)]
pub struct Listeners {
    known: HashMap<u32, Vec<Listening>>,
}

impl Listeners {
    /// The listening ports of a process's namespace; none if the process has ended.
    pub fn of(&mut self, pid: u32) -> &[Listening] {
        let Some(netns) = netns(pid) else { return &[] };
        self.known.entry(netns).or_insert_with(|| read(pid, netns))
    }

    /// Whether a process's namespace has been read.
    #[must_use]
    pub fn knows(&self, pid: u32) -> bool {
        netns(pid).is_none_or(|netns| self.known.contains_key(&netns))
    }

    /// Forgets what was read.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}

fn read(pid: u32, netns: u32) -> Vec<Listening> {
    ["tcp", "tcp6"]
        .into_iter()
        .filter_map(|table| File::open(format!("/proc/{pid}/net/{table}")).ok())
        .flat_map(|table| listed(BufReader::new(table), netns))
        .collect()
}

/// The listening sockets of a table. They come first (`tcp_get_idx` of `net/ipv4/tcp_ipv4.c`), and
/// behind them may be tens of thousands that are open or were closed within the last minute.
fn listed(table: impl BufRead, netns: u32) -> Vec<Listening> {
    const TCP_LISTEN: &str = "0A";
    let mut listening = Vec::new();
    for line in table.lines().skip(1) {
        let Ok(line) = line else { break };
        // sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, state) = (fields.next(), fields.nth(1));
        if state != Some(TCP_LISTEN) {
            break;
        }
        let port = local
            .and_then(|local| local.rsplit_once(':'))
            .and_then(|(_, port)| u32::from_str_radix(port, 16).ok());
        let inode = fields.nth(5).and_then(|inode| inode.parse().ok());
        if let (Some(port), Some(inode)) = (port, inode) {
            listening.push(Listening { listener: Listener { netns, port }, inode });
        }
    }
    listening
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor, Read};
    use std::net::TcpListener;

    use onlooker_common::map::Listener;

    use super::{Listeners, Listening, listed};

    /// As Linux 6.1 printed it.
    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   105        0 23351 1 0000000000000000 100 0 0 10 0
   1: 00000000:1FA5 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4077611 2 0000000000000000 100 0 0 10 0
   2: 0100007F:1FA5 0100007F:B0A2 06 00000000:00000000 03:00000EB7 00000000     0        0 0 3 0000000000000000
";

    /// A table whose rest would take long to read.
    struct Rest;

    impl Read for Rest {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("what is not listening is read");
        }
    }

    #[test]
    fn what_follows_the_listeners_is_not_read() {
        let listening = listed(BufReader::new(Cursor::new(TABLE).chain(Rest)), 7);
        let of = |port, inode| Listening { listener: Listener { netns: 7, port }, inode };
        assert_eq!(listening, [of(5432, 23_351), of(8101, 4_077_611)]);
    }

    #[test]
    fn a_listener_of_each_family() {
        let listeners: Vec<_> = ["127.0.0.1:0", "[::1]:0"]
            .into_iter()
            .filter_map(|address| TcpListener::bind(address).ok())
            .collect();
        let mut known = Listeners::default();
        for listener in listeners {
            let port = u32::from(listener.local_addr().expect("an address").port());
            let found = known.of(std::process::id());
            assert!(found.iter().any(|found| found.listener.port == port), "{port}: {found:?}");
        }
        assert!(known.knows(std::process::id()));
        known.forget();
        assert!(!known.knows(std::process::id()));
    }
}
