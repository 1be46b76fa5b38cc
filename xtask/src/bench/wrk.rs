//! wrk: as many requests as a server can answer.

use std::process::Command;

use crate::shell::{Result, run_quietly};

/// Requests answered a second, by 2 threads over so many connections.
pub(super) fn saturate(port: u16, path: &str, connections: u32, seconds: u32) -> Result<f64> {
    let url = format!("http://127.0.0.1:{port}{path}");
    let arguments = [format!("-c{connections}"), format!("-d{seconds}s"), url];
    let said = run_quietly(Command::new("wrk").arg("-t2").args(arguments))?;
    parse(&said).ok_or(format!("wrk said:\n{said}"))
}

/// The figure, unless requests failed.
fn parse(said: &str) -> Option<f64> {
    let failed = ["Non-2xx", "Socket errors"].iter().any(|words| said.contains(words));
    let line = said.lines().find_map(|line| line.strip_prefix("Requests/sec:"))?;
    line.trim().parse().ok().filter(|_| !failed)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_rate_is_read_and_failures_are_noticed() {
        let said =
            "  120 requests in 1.00s, 1MB read\nRequests/sec:  12345.67\nTransfer/sec: 1MB\n";
        assert_eq!(parse(said), Some(12_345.67));
        assert_eq!(parse(&format!("  Non-2xx or 3xx responses: 3\n{said}")), None);
    }
}
