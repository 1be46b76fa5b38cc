//! Load: as many clients as asked for, as fast as answered or at a constant rate.

use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use onlooker_e2e::http::Connection;

use crate::shell::Result;

/// Sends requests when a line comes on standard input, and says how it went.
#[derive(Args)]
pub(crate) struct Options {
    #[arg(long)]
    port: u16,
    #[arg(long)]
    path: String,
    #[arg(long)]
    connections: u32,
    /// Requests a second.
    #[arg(long)]
    rate: u32,
    #[arg(long)]
    seconds: u32,
}

/// What a load at a constant rate met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    /// Sorted, of each request answered with 200.
    sorted: Vec<Duration>,
    /// Requests that were answered otherwise, or not.
    pub(crate) failed: u64,
}

impl Latencies {
    /// Requests answered with 200.
    pub(crate) fn answered(&self) -> u64 {
        self.sorted.len() as u64
    }

    /// The latency that a share (0 to 1) of the requests did not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
    }
}

/// `xtask load`: in a process of its own, which can be traced.
pub(crate) fn run(options: &Options) -> Result {
    println!("ready");
    io::stdout().flush().map_err(|why| why.to_string())?;
    io::stdin().read_line(&mut String::new()).map_err(|why| why.to_string())?;
    let Options { port, connections, rate, seconds, .. } = *options;
    let latencies = at_rate(port, &options.path, connections, rate, seconds);
    println!("{} {}", latencies.answered(), latencies.failed);
    Ok(())
}

/// Sends `rate` requests a second for so many seconds, spread evenly over keep-alive connections.
///
/// A request that waits for the one before on its connection counts from when it was due: a server
/// that stalls does not get to slow the clock down, too.
pub(crate) fn at_rate(
    port: u16,
    path: &str,
    connections: u32,
    rate: u32,
    seconds: u32,
) -> Latencies {
    let started = Instant::now() + Duration::from_millis(50);
    let clients: Vec<_> = (0..connections)
        .map(|client| {
            let path = path.to_owned();
            thread::spawn(move || {
                let numbers = (client..rate * seconds).step_by(connections as usize);
                let due = |number: u32| {
                    started + Duration::from_secs_f64(f64::from(number) / f64::from(rate))
                };
                one_client(port, &path, numbers.map(due))
            })
        })
        .collect();
    let mut all = Latencies::default();
    for client in clients {
        let latencies = client.join().unwrap_or_default();
        all.sorted.extend(latencies.sorted);
        all.failed += latencies.failed;
    }
    all.sorted.sort_unstable();
    all
}

fn one_client(port: u16, path: &str, requests: impl Iterator<Item = Instant>) -> Latencies {
    let mut latencies = Latencies::default();
    let mut connection = Connection::to(port);
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench.example\r\n\r\n");
    for due in requests {
        let wait = due.saturating_duration_since(Instant::now());
        thread::sleep(wait);
        // How late the timer fires is no latency of the server.
        let start = if wait.is_zero() { due } else { Instant::now() };
        connection.send(&request);
        match connection.try_response(true) {
            Ok(response) if response.status == 200 => latencies.sorted.push(start.elapsed()),
            _ => latencies.failed += 1,
        }
    }
    latencies
}

/// Sends `requests` requests, each with a path of its own (`/r/0`, `/r/1`, …), from so many clients
/// that each wait for an answer before they ask again. How many were answered with 200.
pub(crate) fn numbered(port: u16, clients: u32, requests: u32) -> u32 {
    let clients: Vec<_> = (0..clients)
        .map(|client| {
            thread::spawn(move || {
                let mut connection = Connection::to(port);
                (client..requests)
                    .step_by(clients as usize)
                    .filter(|number| connection.get(&format!("/r/{number}")).status == 200)
                    .count() as u32
            })
        })
        .collect();
    clients.into_iter().map(|client| client.join().unwrap_or_default()).sum()
}

#[cfg(test)]
mod tests {
    use super::Latencies;
    use std::time::Duration;

    #[test]
    fn quantiles_are_of_the_sorted_latencies() {
        let sorted = (1..=101).map(Duration::from_millis).collect();
        let latencies = Latencies { sorted, failed: 0 };
        assert_eq!(latencies.quantile(0.5), Duration::from_millis(51));
        assert_eq!(latencies.quantile(0.99), Duration::from_millis(100));
        assert_eq!(latencies.quantile(1.0), Duration::from_millis(101));
        assert_eq!(Latencies::default().quantile(0.5), Duration::ZERO);
    }
}
