//! The life of processes and threads.

use aya_ebpf::programs::RawTracePointContext;
use onlooker_common::counter::Counter;
use onlooker_common::event::Kind;
use onlooker_common::map::{Offset, Target, target};

use crate::kernel::field;
use crate::map::{TARGETS, TASKS};
use crate::{counter, emit, globals, task};

/// A thread or process was made; runs in the parent.
#[inline(always)]
pub fn forked(context: &RawTracePointContext) {
    let parent: u64 = context.arg(0);
    let child: u64 = context.arg(1);
    let parent_tgid: u32 = field(parent, Offset::TaskTgid);
    if !task::is_target(parent_tgid) {
        return exclude(parent_tgid, field(child, Offset::TaskTgid));
    }
    let parent_tid: u32 = field(parent, Offset::TaskPid);
    let child_tgid: u32 = field(child, Offset::TaskTgid);
    let child_tid: u32 = field(child, Offset::TaskPid);
    if child_tgid == parent_tgid {
        task::inherit(parent_tid, child_tid);
        return;
    }
    let flags = match TARGETS.get_ptr(parent_tgid) {
        // SAFETY: a live map value.
        Some(known) => unsafe { (*known).flags },
        None => target::FOLLOW,
    };
    if flags & target::FOLLOW == 0 {
        return;
    }
    if TARGETS.insert(child_tgid, Target { flags }, 0).is_err() {
        counter::add(Counter::TargetsFull, 1);
        return;
    }
    task::inherit(parent_tid, child_tid);
    let header = emit::header(Kind::Fork, (child_tgid, child_tid));
    emit::process(header, parent_tgid, 0);
}

/// Where every process is a target, the child of one that is excluded has to be excluded, too, until it executes
/// a program of its own.
#[inline(always)]
fn exclude(parent: u32, child: u32) {
    let excluded = TARGETS.get_ptr(parent).is_some();
    if globals::all() == 0 || !excluded || child == parent {
        return;
    }
    if TARGETS.insert(child, Target { flags: target::EXCLUDED }, 0).is_err() {
        counter::add(Counter::TargetsFull, 1);
    }
}

/// A process executed a program. All its threads but one have ended, and that one has the first's id.
#[inline(always)]
pub fn executed(context: &RawTracePointContext) {
    let who = task::current();
    let before: u32 = context.arg(1);
    if before != who.1 {
        // Of a thread of this id no end is told.
        let _ = TASKS.remove(before);
    }
    // One that was excluded for what it ran before is judged again.
    let decided = match TARGETS.get_ptr(who.0) {
        // SAFETY: a live map value.
        Some(known) => unsafe { (*known).flags & target::EXCLUDED == 0 },
        None => false,
    };
    if !decided && who.0 != globals::agent() {
        let flags = globals::discover();
        if flags == 0 {
            return;
        }
        if TARGETS.insert(who.0, Target { flags }, 0).is_err() {
            counter::add(Counter::TargetsFull, 1);
            return;
        }
    }
    emit::process(emit::header(Kind::Exec, who), 0, 0);
}

/// A thread ended.
#[inline(always)]
pub fn exited(context: &RawTracePointContext) {
    let who = task::current();
    // Also where the process is no target any more: what is remembered of a thread would fill the table, and be
    // taken for the next one's that has its id.
    if task::existing(who.1).is_some() {
        let _ = TASKS.remove(who.1);
    }
    let target = task::is_target(who.0);
    let known = TARGETS.get_ptr(who.0).is_some();
    if !target && !known {
        return;
    }
    let ended: u64 = context.arg(0);
    let signal: u64 = field(ended, Offset::TaskSignal);
    let live: u32 = field(signal, Offset::SignalLive);
    let kind = if live == 0 { Kind::Exit } else { Kind::ThreadExit };
    if live == 0 {
        let _ = TARGETS.remove(who.0);
    }
    emit::process(emit::header(kind, who), 0, 0);
}
