//! When to try again: exponential backoff with jitter, and what servers ask for.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The pause before the first repetition, before jitter.
const FIRST: Duration = Duration::from_millis(500);

/// The longest pause, before jitter. Short, so that a collector that is back is used soon.
const LONGEST: Duration = Duration::from_secs(10);

/// The longest pause that a server may ask for: a mistaken `Retry-After` of a day must not
/// silence an agent for a day.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// The pauses of one request.
#[derive(Debug)]
pub(super) struct Backoff {
    pause: Duration,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { pause: FIRST }
    }

    /// The next pause: what the server asked for, but not less than between one half and the whole
    /// of a length that doubles each time. A server that asks for none would else be asked without pause.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST);
        let own = pause.mul_f64(0.5 + random_fraction() / 2.0);
        asked.map_or(own, |asked| asked.min(LONGEST_ASKED).max(own))
    }
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds or an HTTP date.
pub(super) fn retry_after(value: &str, clock: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let then = UNIX_EPOCH + Duration::from_secs(http_date(value)?);
    Some(then.duration_since(clock).unwrap_or_default())
}

/// Seconds since 1970 of an IMF-fixdate (RFC 9110 section 5.6.7): `Sun, 06 Nov 1994 08:49:37
/// GMT`. The two obsolete forms, which senders must not generate, are not read.
fn http_date(value: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut parts = value.split_once(", ")?.1.split(' ');
    let day = parts.next()?.parse::<u64>().ok().filter(|day| (1..=31).contains(day))?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let year = parts.next()?.parse::<u64>().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut clock = parts.next()?.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if parts.next() != Some("GMT") || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days of the proleptic Gregorian calendar, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let since_1970 = days.checked_sub(719_468)?;
    Some(since_1970 * 86_400 + hour * 3600 + minute * 60 + second)
}

/// A number in `[0, 1)`: enough randomness to keep agents from retrying in step.
fn random_fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::{Backoff, FIRST, LONGEST, LONGEST_ASKED, http_date, retry_after};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn pauses_grow_to_a_limit_and_vary() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..12).map(|_| backoff.next(None)).collect();
        assert!(pauses[0] >= FIRST / 2 && pauses[0] <= FIRST);
        assert!(pauses[1] >= FIRST && pauses[1] <= FIRST * 2);
        assert!(pauses.iter().all(|pause| *pause <= LONGEST));
        assert!(pauses[11] >= LONGEST / 2);
        assert!(pauses[8..].windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn the_server_is_obeyed_within_reason() {
        let mut backoff = Backoff::new();
        assert!(backoff.next(Some(Duration::ZERO)) >= FIRST / 2);
        assert!(backoff.next(Some(Duration::ZERO)) >= FIRST);
        assert_eq!(backoff.next(Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(backoff.next(Some(Duration::from_secs(86_400))), LONGEST_ASKED);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // RFC 9110 section 5.6.7 gives the date, `date -u -d` the number.
        const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(http_date(DATE), Some(784_111_777));
        assert_eq!(http_date("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        assert_eq!(http_date("Fri, 01 Mar 2024 00:00:00 GMT"), Some(1_709_251_200));
        let clock = UNIX_EPOCH + Duration::from_secs(784_111_770);
        assert_eq!(retry_after(DATE, clock), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(" 120 ", clock), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:30 GMT", clock), Some(Duration::ZERO));
        for bad in ["", "-1", "soon", "Sun, 06 Now 1994 08:49:37 GMT", "99999999999999999999"] {
            assert_eq!(retry_after(bad, clock), None, "{bad}");
        }
    }
}
