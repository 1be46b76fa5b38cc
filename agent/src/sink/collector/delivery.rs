//! Bringing requests to a collector: attempts, pauses, the account, and what is said about it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::answer::Answer;
use super::destination::{Destination, Transport};
use super::retry::Backoff;
use crate::sink::counters::{Counters, DropReason};
use crate::sink::encoding::Request;
use crate::sink::notice::{note, warn};
use crate::sink::text::visible;
use crate::words::counted;

/// Brings requests to the collector and keeps account.
#[derive(Debug)]
pub(super) struct Delivery {
    destination: Destination,
    counters: Arc<Counters>,
    trouble: Trouble,
    /// Spans that the queue had no room for when trouble was told, or its end.
    lost_before: AtomicU64,
    full_queue: Trouble,
    refusal: Occasion,
    remark: Occasion,
}

impl Delivery {
    pub(super) fn new(destination: Destination, counters: Arc<Counters>) -> Self {
        Self {
            destination,
            counters,
            trouble: Trouble::default(),
            lost_before: AtomicU64::new(0),
            full_queue: Trouble::default(),
            refusal: Occasion::default(),
            remark: Occasion::default(),
        }
    }

    /// Tries until the collector has decided. Cancelled from outside when the time is up.
    pub(super) async fn deliver(self: Arc<Self>, request: Request) {
        let body = match &self.destination.transport {
            Transport::Http(http) => http.prepare(request.body),
            Transport::Grpc(_) => request.body,
        };
        let mut backoff = Backoff::new();
        loop {
            match self.attempt(body.clone()).await {
                Answer::Accepted { rejected, message } => {
                    return self.accepted(request.spans, rejected, &message);
                }
                Answer::Refused { error } => return self.refused(request.spans, error),
                Answer::Retry { after, error } => {
                    self.failed(error);
                    self.report_full_queue();
                    tokio::time::sleep(backoff.next(after)).await;
                    self.counters.retry();
                }
            }
        }
    }

    async fn attempt(&self, body: Bytes) -> Answer {
        match &self.destination.transport {
            Transport::Http(http) => http.send(body).await,
            Transport::Grpc(grpc) => grpc.send(body).await,
        }
    }

    fn accepted(&self, spans: u64, rejected: u64, message: &str) {
        let rejected = rejected.min(spans);
        self.counters.export(spans - rejected);
        if rejected > 0 {
            self.counters.lose(DropReason::Rejected, rejected);
        }
        if rejected > 0 || !message.is_empty() {
            let said = visible(message);
            if self.remark.is_due(Instant::now()) {
                let name = self.counters.name();
                match rejected {
                    // "Partial success": a message without rejected spans is a warning.
                    0 => warn(format_args!("{name}: accepted, with a warning: {said}")),
                    _ => warn(format_args!(
                        "{name}: accepted, but {} rejected: {said}",
                        counted(rejected, "span(s)")
                    )),
                }
            }
            if rejected > 0 {
                self.counters.fail(said);
            }
        }
        if self.trouble.ends() {
            self.full_queue.ends();
            let lost = self.counters.lost(DropReason::QueueFull);
            let lost = lost.saturating_sub(self.lost_before.swap(lost, Relaxed));
            note(format_args!("{}: working again{}", self.counters.name(), meanwhile(lost)));
        }
    }

    fn refused(&self, spans: u64, error: String) {
        self.counters.lose(DropReason::Refused, spans);
        if self.refusal.is_due(Instant::now()) {
            warn(format_args!(
                "{}: {error}; these spans are lost, later ones are tried{}",
                self.counters.name(),
                self.destination.hint
            ));
        }
        self.counters.fail(error);
    }

    fn failed(&self, error: String) {
        if self.trouble.goes_on(Instant::now()) {
            self.lost_before.store(self.counters.lost(DropReason::QueueFull), Relaxed);
            warn(format_args!(
                "{}: {error}; trying again, spans are kept while the queue has room{}",
                self.counters.name(),
                self.destination.hint
            ));
        }
        self.counters.fail(error);
    }

    /// Says that spans are lost because the queue is full: once in each trouble, and once without one.
    pub(super) fn report_full_queue(&self) {
        let lost = self.counters.lost(DropReason::QueueFull);
        if lost > self.lost_before.load(Relaxed) && self.full_queue.goes_on(Instant::now()) {
            warn(format_args!(
                "{}: spans come faster than they are taken and the queue is full: {} lost so \
                 far, the closing summary will tell how many in the end",
                self.counters.name(),
                counted(lost, "span(s) (is|are)")
            ));
        }
    }
}

/// What a trouble cost.
fn meanwhile(lost: u64) -> String {
    match lost {
        0 => String::new(),
        lost => format!("; {} lost meanwhile", counted(lost, "span(s) (was|were)")),
    }
}

/// Attempts that fail but may be repeated: the beginning is told, and the end of what was told.
#[derive(Debug, Default)]
struct Trouble {
    told: AtomicBool,
    occasion: Occasion,
}

impl Trouble {
    /// An attempt failed. Whether that is to be told: once, but what comes back too soon after it was
    /// told is told when it has lasted, or else the last word would be that all is well.
    fn goes_on(&self, now: Instant) -> bool {
        let tell = !self.told.load(Relaxed) && self.occasion.is_due(now);
        if tell {
            self.told.store(true, Relaxed);
        }
        tell
    }

    /// An attempt succeeded. Whether that is to be told.
    fn ends(&self) -> bool {
        self.told.swap(false, Relaxed)
    }
}

/// Keeps a report from being made once a request: at most once in a while.
#[derive(Debug, Default)]
struct Occasion {
    latest: Mutex<Option<Instant>>,
}

impl Occasion {
    /// Between two reports of one kind.
    const WHILE: Duration = Duration::from_secs(60);

    fn is_due(&self, now: Instant) -> bool {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let due = latest.is_none_or(|latest| now.duration_since(latest) >= Self::WHILE);
        if due {
            *latest = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::{Occasion, Trouble, meanwhile};
    use std::time::{Duration, Instant};

    #[test]
    fn trouble_that_comes_back_soon_is_told_once_it_has_lasted() {
        let trouble = Trouble::default();
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        assert!(trouble.goes_on(begin));
        assert!(!trouble.goes_on(after(5)) && !trouble.goes_on(after(600)));
        assert!(trouble.ends() && !trouble.ends());

        let again = after(601);
        assert!(trouble.goes_on(again) && trouble.ends());
        // Less than a minute after it was told: first nothing, and "working again" would be the last word.
        assert!(!trouble.goes_on(again + Occasion::WHILE / 2));
        assert!(trouble.goes_on(again + Occasion::WHILE));
        assert!(trouble.ends());
    }

    #[test]
    fn the_end_of_a_trouble_tells_what_it_cost() {
        assert_eq!(meanwhile(0), "");
        assert_eq!(meanwhile(1), "; 1 span was lost meanwhile");
        assert_eq!(meanwhile(76_512), "; 76512 spans were lost meanwhile");
    }
}
