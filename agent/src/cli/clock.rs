//! The kernel's clock and the wall's.

use rustix::time::{ClockId, clock_gettime};

/// The clock of the kernel's records, in nanoseconds.
pub(super) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Nanoseconds from the kernel's clock to 1970.
pub(super) fn epoch() -> u64 {
    let time = clock_gettime(ClockId::Realtime);
    let real = time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs();
    real.saturating_sub(now())
}
