//! What a daemon has to tell while it runs: nobody waits for its closing summary.

use std::fmt;
use std::time::{Duration, Instant};

use onlooker_common::counter::Counter;
use onlooker_pipeline::connection::FailedConnects;

use super::failures::Failures;
use super::summary::{list, lost_in_kernel};

/// The least time between two tellings.
const TELL_EVERY: Duration = Duration::from_secs(60);

type Kernel = [u64; Counter::Count as usize];

/// Remembers what was told.
#[derive(Debug, Default)]
pub(super) struct Teller {
    failures: Failures,
    kernel: Kernel,
    at: Option<Instant>,
}

/// What came since.
#[derive(Debug)]
pub(super) struct News {
    failures: Failures,
    kernel: Kernel,
}

impl Teller {
    /// What is to be told at this time, if anything is.
    pub(super) fn news(
        &mut self,
        failed: &FailedConnects,
        kernel: Kernel,
        now: Instant,
    ) -> Option<News> {
        if self.at.is_some_and(|at| now.duration_since(at) < TELL_EVERY) {
            return None;
        }
        let failures = Failures::since(failed, &self.failures);
        let mut since = kernel;
        since.iter_mut().zip(self.kernel).for_each(|(n, before)| *n = n.saturating_sub(before));
        let lost = lost_in_kernel(&since).iter().any(|(n, _)| *n > 0);
        if failures.is_empty() && !lost {
            return None;
        }
        *self = Self { failures: Failures::of(failed), kernel, at: Some(now) };
        Some(News { failures, kernel: since })
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failures, kernel } = self;
        writeln!(f, "onlooker: new failures and losses:")?;
        write!(f, "{failures}")?;
        list(f, "lost", &lost_in_kernel(kernel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_told_once_and_not_more_often_than_once_a_minute() {
        let mut teller = Teller::default();
        let none = FailedConnects::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut kernel = Kernel::default();
        assert!(teller.news(&none, kernel, start).is_none());
        // What is no loss is no news.
        kernel[Counter::Submitted as usize] = 5;
        assert!(teller.news(&none, kernel, start).is_none());
        kernel[Counter::SkippedRuns as usize] = 2;
        let first = teller.news(&none, kernel, start).expect("news").to_string();
        assert!(first.contains("lost: 2 looks that the kernel skipped"), "{first}");
        assert!(teller.news(&none, kernel, after(61)).is_none());
        kernel[Counter::LostData as usize] = 7;
        assert!(teller.news(&none, kernel, after(59)).is_none());
        let second = teller.news(&none, kernel, after(61)).expect("news").to_string();
        assert!(second.contains("lost: 7 events") && !second.contains("skipped"), "{second}");
    }
}
