//! Counting what is given up.

use onlooker_common::counter::Counter;

use crate::map::COUNTERS;

/// Adds to a counter of this CPU.
#[inline(always)]
pub fn add(counter: Counter, n: u64) {
    if let Some(value) = COUNTERS.get_ptr_mut(counter as u32) {
        // SAFETY: the pointer is to this CPU's slot; programs that interrupt each other may lose
        // a count, never memory.
        unsafe { *value = (*value).wrapping_add(n) };
    }
}
