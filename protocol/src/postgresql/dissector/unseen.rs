//! Requests that were not captured, behind some that were: of a turn, only so much is copied.
//!
//! What was asked before the hole is answered before anything in it. So a `COPY … FROM STDIN` of any
//! length has its answer, and so has an execution of which the long parameters were seen to begin
//! (Bind) and the Execute was not. What else the hole asked for is passed over up to ReadyForQuery.

use super::{Footing, Postgresql};
use crate::dissector::Output;
use crate::exchange::Extent;
use crate::postgresql::step::{Step, StepKind};

/// What is known of requests in a hole.
#[derive(Debug)]
pub(super) struct Unseen {
    /// The execution that was begun before the hole, if one was.
    begun: Option<Begun>,
    /// The hole is in one long request, as far as can be told. Else the client does not wait.
    alone: bool,
}

/// An execution without its Execute.
#[derive(Debug)]
struct Begun {
    step: Step,
    /// Its Bind was seen, or the answer to it.
    bound: bool,
}

impl Postgresql {
    /// The client's bytes have a hole at which a message would begin.
    pub(super) fn miss_requests(&mut self, out: &mut Output) {
        if self.pass_over() {
            return;
        }
        if !self.paired
            || self.steps.is_empty()
            || self.discarding
            || self.server_footing == Footing::Lost
        {
            return self.lose_client(out);
        }
        let ends = self.steps.iter().filter(|step| step.kind.ends_ready()).count();
        let begun = self.begun();
        let mut asked = self.steps.iter().filter(|step| step.kind.is_asked());
        let alone = match (&begun, asked.next()) {
            (Some(_), first) => first.is_none(),
            (None, Some(step)) => asked.next().is_none() && copies(step),
            (None, None) => false,
        };
        // Else the first ReadyForQuery to come answers the last turn.
        self.pipelined |= ends + usize::from(begun.is_some()) > 1;
        self.lose_names();
        self.group = self.group.wrapping_add(1);
        self.server_spoke = false;
        self.ready = false;
        self.unseen = Some(Unseen { begun, alone });
    }

    /// More of the client's bytes, whose messages cannot be told apart. `false` if they can.
    pub(super) fn pass_over(&mut self) -> bool {
        let Some(unseen) = &mut self.unseen else { return false };
        if self.server_spoke {
            // A turn of its own, which may execute something else, or the same at its own time.
            unseen.begun = None;
        }
        true
    }

    /// The execution that what was asked last is a part of.
    fn begun(&mut self) -> Option<Begun> {
        self.group_first?;
        let back = self.steps.back()?;
        let group = self.steps.iter().rev().take_while(|step| step.group == back.group);
        let mut bound = false;
        for step in group {
            match step.kind {
                StepKind::Bind => bound = true,
                StepKind::Parse { .. } | StepKind::Describe => {}
                _ => return None,
            }
        }
        let context = match &self.parsed_context {
            Some((of, _))
                if back.statement.as_ref().is_some_and(|s| std::sync::Arc::ptr_eq(s, of)) =>
            {
                self.parsed_context.take().map(|(_, context)| context)
            }
            _ => None,
        };
        let step = Step {
            kind: StepKind::Execute,
            group: back.group,
            request: Extent { last: self.client.last().into(), ..back.request },
            statement: back.statement.clone(),
            context,
        };
        Some(Begun { step, bound })
    }

    /// A message of the server, when all that was seen is answered. `false` if it is none of the
    /// hole's, or belongs to what was begun before it, which then is the front of the steps.
    pub(super) fn take_unseen(&mut self, kind: u8, out: &mut Output) -> bool {
        let Some(unseen) = &mut self.unseen else { return false };
        match kind {
            b'Z' => {
                self.discarding = false;
                self.ready = true;
                self.end_unseen();
            }
            // Something else was prepared in the hole, so the next answers can be to that.
            b'1' => unseen.begun = None,
            b'2' => match &mut unseen.begun {
                Some(begun) if !begun.bound => begun.bound = true,
                begun => *begun = None,
            },
            b'D' | b'C' | b'I' | b's' | b'G' | b'H' | b'E' => match unseen.begun.take() {
                Some(begun) => {
                    self.steps.push_front(begun.step);
                    return false;
                }
                None => out.lost += u64::from(matches!(kind, b'C' | b'I' | b's' | b'E')),
            },
            _ => {}
        }
        true
    }

    /// ReadyForQuery: if all that was seen is answered, so is what was not, as a client waits for it.
    pub(super) fn end_unseen(&mut self) {
        if self.steps.is_empty() && self.unseen.take().is_some() {
            // One that does not wait may have more under way.
            self.paired = !self.pipelined;
        }
    }

    /// The answers have a hole as well. Of several requests in flight, nobody knows which it answered.
    pub(super) fn lose_answers(&mut self, out: &mut Output) {
        match &self.unseen {
            Some(unseen) if !unseen.alone => self.lose_pairing(out),
            _ => self.expect_unseen(out),
        }
    }

    /// What is known of the hole is all that will be: what was bound becomes a step like any other, and a Sync ends
    /// all, as the client will wait for its answer.
    pub(super) fn expect_unseen(&mut self, out: &mut Output) {
        let Some(unseen) = self.unseen.take() else { return };
        match unseen.begun {
            Some(begun) if begun.bound => self.steps.push_back(begun.step),
            // Perhaps it was only to be prepared.
            Some(_) => out.lost += 1,
            None => {}
        }
        let Some(back) = self.steps.back() else { return };
        if !back.kind.ends_ready() {
            let (group, request) = (back.group.wrapping_add(1), back.request);
            let kind = StepKind::Sync;
            self.steps.push_back(Step { kind, group, request, statement: None, context: None });
        }
    }
}

/// Whether this may ask for data of the client, of any length.
fn copies(step: &Step) -> bool {
    let text = step.statement.as_deref().map(|statement| statement.text.trim_ascii_start());
    text.and_then(|text| text.get(..4)).is_some_and(|verb| verb.eq_ignore_ascii_case("COPY"))
}
