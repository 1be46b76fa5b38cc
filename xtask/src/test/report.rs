//! Counts what `cargo test` reports.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::shell::Result;

/// Tests counted so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Those that returned early among them.
    passed: u64,
    failed: u64,
    ignored: u64,
    failures: Vec<String>,
    skips: Vec<String>,
    /// Between `successes:` and the next heading stands the output of tests that passed.
    in_successes: bool,
}

impl Report {
    /// Runs `cargo test … -- --show-output`, shows its output without that of tests that passed,
    /// and counts.
    pub(super) fn cargo_test(&mut self, what: &str, command: &mut Command) -> Result {
        println!("\n== {what}");
        let mut child =
            command.stdout(Stdio::piped()).spawn().map_err(|why| format!("{what}: {why}"))?;
        if let Some(stdout) = child.stdout.take() {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line);
                if self.take(text.trim_end()) {
                    print!("{text}");
                }
                line.clear();
            }
        }
        let status = child.wait().map_err(|why| format!("{what}: {why}"))?;
        if status.success() { Ok(()) } else { Err(format!("{what} failed")) }
    }

    /// Takes a line of output; whether it is worth showing.
    fn take(&mut self, line: &str) -> bool {
        if let Some(counts) = line.strip_prefix("test result:") {
            self.in_successes = false;
            self.passed += count(counts, "passed");
            self.failed += count(counts, "failed");
            self.ignored += count(counts, "ignored");
            return true;
        }
        if let Some(why) = line.strip_prefix("skipped: ") {
            self.skips.push(why.to_owned());
            return false;
        }
        if let Some(name) =
            line.strip_prefix("test ").and_then(|test| test.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
        }
        match line {
            "successes:" => self.in_successes = true,
            "failures:" => self.in_successes = false,
            _ => {}
        }
        !self.in_successes
    }

    /// Prints what failed, what was left out and why, and, as the last line, the counts.
    pub(super) fn print(&mut self, failed_steps: &[&str], time: Duration) {
        self.skips.sort();
        for group in self.skips.chunk_by(|one, other| one == other) {
            println!("skipped {} times: {}", group.len(), group[0]);
        }
        for failure in &self.failures {
            println!("FAILED: {failure}");
        }
        for step in failed_steps {
            println!("FAILED step: {step}");
        }
        println!("took {} s", time.as_secs());
        let (passed, failed, skipped) = self.counts();
        println!("{passed} passed, {failed} failed, {skipped} skipped");
    }

    /// Passed, failed and skipped: a test that was left out has not passed.
    fn counts(&self) -> (u64, u64, u64) {
        let skips = self.skips.len() as u64;
        (self.passed.saturating_sub(skips), self.failed, self.ignored + skips)
    }
}

/// The number before a word, in `ok. 3 passed; 0 failed; …`.
fn count(counts: &str, what: &str) -> u64 {
    counts
        .split([';', '.'])
        .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn results_are_counted_and_skips_are_not_passes() {
        let mut report = Report::default();
        let shown: Vec<&str> = "running 4 tests\n\
            test a ... ok\n\
            test b ... FAILED\n\
            successes:\n\
            ---- a stdout ----\n\
            skipped: needs root\n\
            failures:\n\
            ---- b stdout ----\n\
            test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 5 filtered out"
            .lines()
            .filter(|line| report.take(line))
            .collect();
        assert_eq!(report.counts(), (2, 1, 3));
        assert_eq!(report.failures, ["b"]);
        assert!(!shown.contains(&"---- a stdout ----"));
        assert!(shown.contains(&"---- b stdout ----"));
    }
}
