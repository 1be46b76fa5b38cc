//! What is measured: a service between its clients and a server that it calls.

use std::collections::HashMap;
use std::fs;

use onlooker_e2e::servers::{Nginx, PhpFpm};
use onlooker_e2e::services::{Service, gunicorn, node_service, python_service};
use onlooker_e2e::workload as script;

/// Requests overlap because each works so long, at most, before it calls.
const DELAY_MS: &str = "5";

/// A kind of service.
pub(super) struct Workload {
    pub(super) name: &'static str,
    kind: Kind,
    /// How often the service calls for each request.
    pub(super) calls: u32,
}

enum Kind {
    Nginx,
    Python(&'static str),
    PrePython(&'static [&'static str]),
    Asyncio,
    Node(&'static str),
    Php,
}

pub(super) const ALL: &[Workload] = &[
    one("Python, thread per connection", Kind::Python("inline")),
    one("Python, gunicorn, 8 processes", Kind::PrePython(&["--workers", "8"])),
    one(
        "Python, gunicorn, 2 processes of 8 threads",
        Kind::PrePython(&["--workers", "2", "--threads", "8"]),
    ),
    one("PHP-FPM, 8 processes", Kind::Php),
    one("Python, thread started for the call", Kind::Python("join")),
    one("Python, thread that outlives the request", Kind::Python("forget")),
    one("Python, ThreadPoolExecutor", Kind::Python("pool")),
    one("Python, asyncio", Kind::Asyncio),
    one("Node, inline", Kind::Node("inline")),
    Workload { name: "Node, two calls in a row", kind: Kind::Node("twice"), calls: 2 },
    one("Node, setImmediate", Kind::Node("immediate")),
    one("Node, setTimeout", Kind::Node("timeout")),
    one("nginx, proxying", Kind::Nginx),
];

const fn one(name: &'static str, kind: Kind) -> Workload {
    Workload { name, kind, calls: 1 }
}

/// What part a process plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// nginx before a service that speaks FastCGI.
    Front,
    /// The service that is measured.
    Service,
    /// The server that it calls.
    Leaf,
}

/// A workload that runs.
pub(super) struct Running {
    front: Option<Nginx>,
    service: Measured,
    leaf: Nginx,
}

enum Measured {
    Service(Service),
    Php(PhpFpm),
    Nginx(Nginx),
}

impl Workload {
    /// Starts it.
    pub(super) fn start(&self) -> Running {
        let leaf = Nginx::start("location / { return 200 leaf; }");
        let next = format!("127.0.0.1:{}", leaf.port);
        let next = next.as_str();
        let environment = [("NEXT", next), ("DELAY_MS", DELAY_MS)];
        let mut front = None;
        let service = match self.kind {
            Kind::Python(mode) => {
                Measured::Service(python_service("hop.py", &[next, mode, DELAY_MS]))
            }
            Kind::Asyncio => Measured::Service(python_service("hop_asyncio.py", &[next, DELAY_MS])),
            Kind::Node(mode) => Measured::Service(node_service("hop.js", &[next, mode, DELAY_MS])),
            Kind::PrePython(arguments) => {
                // Synchronous workers close each connection, so clients come again through nginx.
                let service = gunicorn("hop_wsgi", arguments, &environment);
                front = Some(Nginx::start(&format!(
                    "location / {{ proxy_pass http://127.0.0.1:{}; }}",
                    service.port
                )));
                Measured::Service(service)
            }
            Kind::Php => {
                let php = PhpFpm::start(8, &environment);
                front = Some(Nginx::start(&php.location("/", &script("hop.php"))));
                Measured::Php(php)
            }
            Kind::Nginx => Measured::Nginx(Nginx::start(&format!(
                "location / {{ proxy_pass http://{next}; }}"
            ))),
        };
        Running { front, service, leaf }
    }

    /// Whether nginx stands before the service.
    pub(super) fn has_front(&self) -> bool {
        matches!(self.kind, Kind::PrePython(_) | Kind::Php)
    }

    /// The service's own span, a span at both ends of each of its calls, and the front's two.
    pub(super) fn spans_per_request(&self) -> u32 {
        1 + 2 * self.calls + if self.has_front() { 2 } else { 0 }
    }
}

impl Running {
    /// Where clients come in.
    pub(super) fn port(&self) -> u16 {
        match (&self.front, &self.service) {
            (Some(nginx), _) | (None, Measured::Nginx(nginx)) => nginx.port,
            (None, Measured::Service(service)) => service.port,
            (None, Measured::Php(_)) => unreachable!("PHP-FPM has a front"),
        }
    }

    /// The processes to trace, each with its children.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.roots().iter().map(|(pid, _)| *pid).collect()
    }

    /// The role of every process there is, by its id.
    pub(super) fn roles(&self) -> HashMap<i64, Role> {
        let mut roles: HashMap<i64, Role> =
            self.roots().into_iter().map(|(pid, role)| (pid.into(), role)).collect();
        // Children of the roots are deep enough: none of the services goes further.
        let parents: Vec<(i64, i64)> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse().ok()?;
                Some((pid, parent(&fs::read_to_string(entry.path().join("stat")).ok()?)?))
            })
            .collect();
        for (pid, parent) in parents {
            if let Some(&role) = roles.get(&parent) {
                roles.insert(pid, role);
            }
        }
        roles
    }

    fn roots(&self) -> Vec<(u32, Role)> {
        let service = match &self.service {
            Measured::Service(service) => service.pid(),
            Measured::Php(php) => php.pid(),
            Measured::Nginx(nginx) => nginx.pid(),
        };
        let front = self.front.as_ref().map(|nginx| (nginx.pid(), Role::Front));
        let rest = [(service, Role::Service), (self.leaf.pid(), Role::Leaf)];
        front.into_iter().chain(rest).collect()
    }
}

/// The fourth field of `/proc/PID/stat`; the second is in parentheses and may hold anything.
fn parent(stat: &str) -> Option<i64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_with_parentheses_does_not_hide_the_parent() {
        assert_eq!(super::parent("12 (a) S 3) (b) S 7 12 12 0"), Some(7));
        assert_eq!(super::parent("12"), None);
    }
}
