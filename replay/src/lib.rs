//! Packet captures as connections, and event files of the live agent.
//!
//! A capture file goes in, [`Event`]s come out: connections that open, bytes of each direction in
//! order with what is missing, datagrams, ends. [`Counters`] say what could not be read. Nothing
//! here knows protocols above TCP and UDP, and nothing needs privileges.
//!
//! Reading order: [`capture`] (frames out of a file), [`link`], [`ip`] and [`tunnel`] (packets out of frames),
//! [`tcp`] (bytes in order out of segments), [`assembler`] (all of it together), [`event`] (what
//! comes out), [`record`] (the same, as the kernel would have told it); [`recording`] (event files,
//! which hold what the kernel did tell).
#![forbid(unsafe_code)]

use std::io::Read;

pub mod assembler;
pub mod capture;
pub mod count;
pub mod event;
pub mod fragment;
pub mod ip;
pub mod link;
pub mod record;
pub mod recording;
pub mod tcp;
pub mod tunnel;
pub mod udp;

mod bytes;
mod connections;
mod flows;
mod table;

pub use assembler::Assembler;
pub use capture::{Capture, CaptureError, Ended, Frame};
pub use count::Counters;
pub use event::{ConnectionId, End, Event, FailedConnect, Opened, Role, Transport};
pub use link::LinkType;
pub use record::{Ends, Recorder};

/// What became of a capture.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How the file ended.
    pub ended: Ended,
    /// What was read and what could not be.
    pub counters: Counters,
}

/// Reads a whole capture and tells `listener` everything that happened in it.
///
/// # Errors
///
/// When the input is no capture at all. A file that breaks off, or turns into nonsense after some
/// frames, is no error: [`Summary::ended`] says so.
pub fn replay(
    input: impl Read,
    listener: &mut dyn FnMut(Event<'_>),
) -> Result<Summary, CaptureError> {
    let mut capture = Capture::open(input)?;
    let mut assembler = Assembler::new();
    while let Some(frame) = capture.next_frame()? {
        assembler.frame(&frame, listener);
    }
    assembler.finish(listener);
    let mut counters = assembler.into_counters();
    counters.unreadable_records = capture.unreadable_records();
    Ok(Summary { ended: capture.ended(), counters })
}
