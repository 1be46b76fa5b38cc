//! A limit on what the readers of all connections hold together.
//!
//! Each reader has limits of its own, which are what one honest connection may need: a head of 64 KiB, a thousand
//! statements, 4,096 streams. Tens of thousands of connections that use them up would take gigabytes. So from time
//! to time all are asked what they hold, and those that hold most are given up: what they have is given out as it
//! stands, and they are read afresh, like connections that are older than the agent.

use onlooker_protocol::{Ending, Moment};

use super::Pipeline;
use crate::process::Processes;

/// What the readers of all connections may hold, in bytes. In between two looks it can be more.
pub(super) const MOST_HELD: usize = 32 * 1024 * 1024;
/// Where they are brought to when they hold more, in bytes.
const ENOUGH: usize = MOST_HELD / 4 * 3;
/// All are looked at when records of half of the room that is left have come, and no sooner than after so much, in
/// bytes: seldom enough that 60,000 idle connections cost little.
const LOOK_AFTER: usize = 4 * 1024 * 1024;
/// What is kept of a short message is more than the message: so many times as much, for what comes in between two
/// looks.
const A_BYTE: usize = 4;
/// What a record counts for beside its bytes.
const A_RECORD: usize = 64;

/// When to look next.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// What came since the last look, in bytes.
    came: usize,
    /// What the readers held then, in bytes.
    then: usize,
}

impl Held {
    /// A record came with so many bytes. Whether it is time to look.
    pub(super) fn came(&mut self, bytes: usize) -> bool {
        self.came += bytes * A_BYTE + A_RECORD;
        self.came >= LOOK_AFTER && self.came >= MOST_HELD.saturating_sub(self.then) / 2
    }
}

impl<P: Processes> Pipeline<P> {
    /// What the readers of all connections hold, in bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.table.iter().map(|connection| connection.conversation.held()).sum()
    }

    /// Gives up readers if all together hold too much: those that hold most.
    pub(super) fn relieve(&mut self) {
        let mut held = self.held();
        self.held = Held { came: 0, then: held };
        if held <= MOST_HELD {
            return;
        }
        let of_each = self.table.iter().map(|it| (it.conversation.held(), it.id));
        let mut of_each: Vec<_> = of_each.filter(|(held, _)| *held > 0).collect();
        // The numbers decide between equals, so that a replay does the same.
        of_each.sort_unstable_by_key(|&(held, id)| (std::cmp::Reverse(held), id));
        let at = Moment { start: self.now, end: self.now, ..Moment::default() };
        for (its, id) in of_each {
            if held <= ENOUGH {
                break;
            }
            held -= its;
            let Some(mut connection) = self.table.lend(id) else { continue };
            connection.conversation.start_over(Ending::Forgotten, at, &mut self.output);
            self.counters.started_over += 1;
            self.collect(&mut connection);
            self.table.give_back(connection);
        }
    }
}
