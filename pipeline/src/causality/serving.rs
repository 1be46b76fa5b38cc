//! Which request a task was serving when it made a call.

use onlooker_protocol::{Origin, Task};

use super::history::{Bytes, Entry, History, Standing};
use super::node::Finished;
use super::tasks::Tasks;
use crate::connection::ConnectionId;
use crate::process::Handlers;
use crate::span::Evidence;

/// A helper thread may end this long after the request it worked for, in nanoseconds.
const THREAD_END_SLACK: u64 = 50_000_000;

/// What caused a call.
#[derive(Debug)]
pub(crate) enum Cause<'a> {
    /// This exchange of this connection.
    Known(ConnectionId, &'a Entry, Evidence),
    /// An exchange of this connection that is not over yet, whose request is, or begins, in these bytes; or
    /// one that they answer, of which it is not known yet what it was for.
    NotYet(ConnectionId, Origin),
    /// This exchange, by segment, if no other is answered upon the call's answer soon.
    Unless(ConnectionId, &'a Entry),
    /// Perhaps a request that the calling thread was started for: its end will tell.
    ThreadRuns,
    /// Nothing that can be shown.
    None(Why),
}

/// Why a call has no cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The task had served nothing: a client, a timer, a start-up.
    NothingServed,
    /// What it had served was over.
    Over,
    /// The thread serves several requests at once.
    Multiplexed,
    /// A scheduler of the language's own moves requests between threads.
    Scheduled,
    /// The thread is an event loop, and had waited for other events since it read the request.
    Waited,
    /// The request was read by one thread and answered by another.
    HandedOff,
    /// The thread that made the call outlived the request that started it: a pool.
    Pool,
}

/// Finds the cause of a client's exchange. `alive` tells whether a connection may still bring
/// forth exchanges.
pub(crate) fn cause<'a>(
    call: &Finished,
    history: &'a History,
    tasks: &Tasks,
    alive: impl Fn(ConnectionId) -> bool,
) -> Cause<'a> {
    let task = call.request.first.task;
    if call.handlers == Handlers::Scheduled {
        return Cause::None(if task.cause.connection == 0 {
            Why::NothingServed
        } else {
            Why::Scheduled
        });
    }
    if task.inherited {
        return match find(task.cause, call, history, &alive) {
            Cause::Known(on, entry, _) => match tasks.end_of(task.thread) {
                None => Cause::ThreadRuns,
                // An earlier thread's, of the same id.
                Some(end) if end < call.start => Cause::ThreadRuns,
                // It may have done what other requests left to be done before it ended.
                Some(_)
                    if entry.process == task.process
                        && tasks.calls_of(task.thread) > 1
                        && (!entry.serial || tasks.overlaps.since(task.process, entry.start)) =>
                {
                    Cause::None(Why::Pool)
                }
                Some(end) if end <= entry.end.saturating_add(THREAD_END_SLACK) => {
                    Cause::Known(on, entry, Evidence::Lineage)
                }
                Some(_) => Cause::None(Why::Pool),
            },
            other => other,
        };
    }
    let inline = call.handlers == Handlers::Inline;
    if task.polls && !tasks.multiplexes(task.id) && !inline {
        return turn(call, history, tasks, &alive);
    }
    if !tasks.multiplexes(task.id) && !inline {
        return match find(task.cause, call, history, &alive) {
            Cause::Known(on, entry, _) if entry.handed_off || history.hands_on(on) => {
                Cause::None(Why::HandedOff)
            }
            // Nothing shows that it would have answered what it read.
            Cause::Known(_, entry, _) if entry.response.is_none() && tasks.hands_off(task.id) => {
                Cause::None(Why::HandedOff)
            }
            // A thread that serves one request waits for what it asks for it.
            Cause::Known(_, entry, _) if is_answered_after(call, entry.end) => {
                Cause::None(Why::Over)
            }
            // Requests of other streams may have come in the same read, and not be over yet.
            Cause::Known(_, entry, _) if !entry.serial && !entry.asks_all(task.cause) => {
                Cause::None(Why::Multiplexed)
            }
            other => other,
        };
    }
    if !inline {
        return Cause::None(Why::Multiplexed);
    }
    segment(call, history, tasks, &alive)
}

/// Whether the call's answer was read after that time.
fn is_answered_after(call: &Finished, end: u64) -> bool {
    call.response.as_ref().is_some_and(|answer| answer.first.end > end)
}

/// An event loop that serves one request at a time has timers and other tasks all the same. The call is
/// the request's if it was made in the turn that read the request, or that read an answer to an
/// earlier call of it: without a wait for events in between. If it made any call for something else
/// while the request was open, a timer may have been due in those turns as well, and no call is.
fn turn<'a>(
    call: &Finished,
    history: &'a History,
    tasks: &Tasks,
    alive: &impl Fn(ConnectionId) -> bool,
) -> Cause<'a> {
    let by = call.request.first.task;
    let (opener, at) = (call.opener, decided(call));
    let waited = at.waited || tasks.drifts(by.id);
    let (on, entry) = match find(at.cause, call, history, alive) {
        Cause::Known(on, entry, _) if entry.handed_off || history.hands_on(on) => {
            return Cause::None(Why::HandedOff);
        }
        Cause::Known(on, entry, _) if !waited && !entry.shared => (on, entry),
        Cause::Known(..) => return Cause::None(Why::Waited),
        Cause::NotYet(..) if waited => return Cause::None(Why::Waited),
        other => return other,
    };
    // Requests of other streams may have come in the same read, and not be over yet.
    if !entry.serial && !entry.asks_all(at.cause) {
        return Cause::None(Why::Multiplexed);
    }
    let read = at.resumed;
    let continues = |asked: &Entry| {
        asked.answers_within(read) && asked.caused_by == Some((on, entry.request.first))
    };
    // What is read before the first call is the handshake of a connection that the request opened.
    let handshake = read.connection == call.connection.0
        && opener.thread == by.thread
        && opener.cause == at.cause
        && !opener.waited;
    if entry.asks_within(read) && read.connection == on.0
        || handshake
        || history.of(ConnectionId(read.connection)).any(continues)
    {
        Cause::Known(on, entry, Evidence::Segment)
    } else {
        Cause::None(Why::Waited)
    }
}

/// The task when it decided to make a call. A connection that was opened for the call is written to when
/// it is open, which is a turn later.
pub(crate) fn decided(call: &Finished) -> Task {
    decider(call.request.first.task, call.first, &call.opener)
}

/// The same of whoever sends bytes, which may be a connection's `first`.
pub(crate) fn decider(by: Task, first: bool, opener: &Task) -> Task {
    if first && opener.thread == by.thread { *opener } else { by }
}

/// Whether the call was made in a turn that no bytes had begun: if by an event loop, a timer did, or a task
/// of which nothing is known. Any call of that loop may be such a one then, even in a turn that bytes
/// began.
pub(crate) fn drifts(call: &Finished) -> bool {
    decided(call).waited
}

/// The handler that made the call was handling the bytes that the thread read last; or, if a
/// connection was opened for the call, those that it had read last when it connected. But it can have been a
/// timer's (a request that is delayed, a server that does not answer), or that of an error (a server that
/// refuses, so that the next is asked). That shows if the turn had read nothing. If it had, it shows
/// when the call is answered: then it is that other request which is answered in turn, or after the calls that are made
/// upon the answer (`auth_request`).
fn segment<'a>(
    call: &Finished,
    history: &'a History,
    tasks: &Tasks,
    alive: &impl Fn(ConnectionId) -> bool,
) -> Cause<'a> {
    let at = decided(call);
    let read = at.resumed;
    if read.connection == 0 {
        return Cause::None(Why::NothingServed);
    }
    if at.waited {
        return Cause::None(Why::Waited);
    }
    // A response resumed it: whoever had asked for that.
    let on = ConnectionId(read.connection);
    let origin = match history.of(on).find(|entry| entry.answers_within(read)) {
        Some(Entry { caused_by: Some((on, position)), .. }) => {
            Origin { connection: on.0, length: 1, position: *position }
        }
        Some(Entry { standing: Standing::Pending(_), .. }) => return Cause::NotYet(on, read),
        Some(_) => return Cause::None(Why::NothingServed),
        None => read,
    };
    let (on, entry) = match find(origin, call, history, alive) {
        Cause::Known(on, entry, _) => (on, entry),
        other => return other,
    };
    // Requests of other streams may have come in the same read, and not be over yet.
    if !entry.serial && !entry.asks_all(origin) {
        return Cause::None(Why::Multiplexed);
    }
    let this = (on, entry.request.first);
    let answer = call.response.as_ref().map(Bytes::from);
    let answered = answer.map(|answer| history.answered_upon(call.connection, answer));
    match answered.unwrap_or_default().split_first() {
        Some((first, others)) if *first == this && others.iter().all(|other| *other == this) => {
            Cause::Known(on, entry, Evidence::Segment)
        }
        Some(_) => Cause::None(Why::Waited),
        None if tasks.drifts(at.id) => Cause::None(Why::Waited),
        None => Cause::Unless(on, entry),
    }
}

/// The exchange whose request these bytes were, if it was open when the call was made.
fn find<'a>(
    origin: Origin,
    call: &Finished,
    history: &'a History,
    alive: &impl Fn(ConnectionId) -> bool,
) -> Cause<'a> {
    if origin.connection == 0 {
        return Cause::None(Why::NothingServed);
    }
    let on = ConnectionId(origin.connection);
    let end = origin.position.saturating_add(u64::from(origin.length));
    let mut over = false;
    let mut found = None;
    // What the process asks itself on the connection is no request that it read.
    for entry in history.of(on).filter(|entry| !entry.asked) {
        if entry.serial && entry.request.last < origin.position {
            // Those before it were asked earlier still.
            break;
        }
        if !entry.asks_within(origin) {
            // Later requests are over, so this one is too, or was lost.
            over |= entry.serial && entry.request.first >= end;
        } else if entry.start <= call.start && call.start <= entry.end {
            if found.is_some() {
                // Several requests came in one read and were open at once.
                return Cause::None(Why::Multiplexed);
            }
            found = Some(entry);
        } else {
            // What was read may hold the next request as well.
            over |= entry.end < call.start && end <= entry.request.last.saturating_add(1);
        }
    }
    match found {
        Some(entry) => Cause::Known(on, entry, Evidence::SameTask),
        None if over => Cause::None(Why::Over),
        None if alive(on) => Cause::NotYet(on, origin),
        None => Cause::None(Why::NothingServed),
    }
}
