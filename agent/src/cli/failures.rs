//! Connects that failed, told to people.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use onlooker_pipeline::connection::{FailedConnect, FailedConnects};

use crate::sink::escape;
use crate::words::counted;

/// Kinds that are told one by one, the most frequent first.
const MOST: usize = 16;

const ETIMEDOUT: u32 = 110;
const ECONNREFUSED: u32 = 111;

/// Kinds of failures with how often they happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures {
    kinds: Vec<(FailedConnect, u64)>,
    others: u64,
    of_a_capture: bool,
}

impl Failures {
    /// All of them.
    pub(super) fn of(failed: &FailedConnects) -> Self {
        Self::since(failed, &Self::default())
    }

    /// Those that came after some earlier ones.
    pub(super) fn since(failed: &FailedConnects, earlier: &Self) -> Self {
        let known: BTreeMap<_, _> = earlier.kinds.iter().map(|(kind, n)| (kind, *n)).collect();
        let mut kinds: Vec<_> = failed
            .iter()
            .map(|(kind, n)| (kind, n - known.get(kind).copied().unwrap_or_default().min(n)))
            .filter(|(_, n)| *n > 0)
            .map(|(kind, n)| (kind.clone(), n))
            .collect();
        kinds.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
        let others = failed.others().saturating_sub(earlier.others);
        Self { kinds, others, of_a_capture: false }
    }

    /// The same, in words of somebody who saw nothing but the wire.
    pub(super) fn of_a_capture(self) -> Self {
        Self { of_a_capture: true, ..self }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.others == 0
    }

    /// Those of one service.
    pub(super) fn of_service(self, service: &str) -> impl Iterator<Item = (FailedConnect, u64)> {
        self.kinds.into_iter().filter(move |(kind, _)| *kind.service == *service)
    }
}

impl Failures {
    fn reason(&self, error: u32) -> String {
        match error {
            ECONNREFUSED if self.of_a_capture => "refused".to_owned(),
            ETIMEDOUT if self.of_a_capture => "no answer in the capture".to_owned(),
            error => reason(error),
        }
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = self.others + self.kinds.iter().skip(MOST).map(|(_, n)| n).sum::<u64>();
        if self.kinds.is_empty() && others == 0 {
            return Ok(());
        }
        writeln!(f, "  connects that failed:")?;
        for (failed, n) in self.kinds.iter().take(MOST) {
            let FailedConnect { service, .. } = failed;
            let (peer, why) = (escape(&failed.peer.to_string()), self.reason(failed.error));
            writeln!(f, "    {n} of {} to {peer} ({why})", escape(service))?;
        }
        if others > 0 {
            writeln!(f, "    {}", counted(others, "other(s)"))?;
        }
        Ok(())
    }
}

/// The system's words for an errno.
pub(super) fn reason(error: u32) -> String {
    if error == 0 {
        return "closed before there was an answer".to_owned();
    }
    let text = io::Error::from_raw_os_error(error.cast_signed()).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
