//! Event files: what the live agent's pipeline was told, so that another machine can tell it again.
//!
//! A file is a magic, a version, and frames. All numbers are little-endian.
//!
//! ```text
//! file   = magic version head frame* end
//! magic  = 89 'O' 'N' 'L' 0D 0A 1A 0A         (as PNG's: a transfer as text damages it visibly)
//! version= u32                                (2; every change of a layout is another version)
//! frame  = length:u32 checksum:u32 kind:u8 content
//! ```
//!
//! `length` counts kind and content, and is 1 to [`LONGEST_FRAME`]; `checksum` is the CRC-32 of IEEE
//! 802.3 over the same bytes. `head` is a frame of kind 0. A text is its length (u32) and UTF-8.
//!
//! | kind | content |
//! | --- | --- |
//! | 0 head | payloads (u8: 0 redacted, 1 complete), epoch (u64 ns), seed (u64), agent's version (text), kernel's release (text) |
//! | 1 record | a record of [`onlooker_common::event`], as in the ring buffer, without anything behind its payload |
//! | 2 malformed record | empty: the ring buffer held something that is no record |
//! | 3 tick | time (u64 ns, CLOCK_MONOTONIC) |
//! | 4 epoch | nanoseconds from that clock to 1970 (u64) |
//! | 5 older sockets | inode numbers (u32 each) |
//! | 6 process | process (u32), handlers (u8: 0 unknown, 1 inline, 2 scheduled), service (text), number of attributes (u32), and of each: key (text), type (u8), value |
//! | 7 process ended | process (u32) |
//! | 8 end | why (u8: 0 the agent ended, 1 the limit), frames left out (u64), bytes in those (u64), and the kernel's counters (u64 each, in the order of [`Counter`](onlooker_common::counter::Counter)) |
//!
//! Version 1, which is read as well, had no handlers 2 and no records of failed connects. A reader that does
//! not know of them takes them for damage, so every further value of a byte is another version too.
//!
//! Attribute types: 0 text, 1 integer (i64), 2 double (bits, u64), 3 boolean (u8), 4 list (number u32,
//! texts).
//!
//! The frames are in the order in which the live pipeline was told, but what a process is called
//! stands before the first record that needs it. So a replay does the same as the live run did:
//! the same spans, with the same ids, times and parents.
//!
//! Reading order: [`frame`] (what is in a file), [`write`] (with a limit), [`read`] (with damage),
//! [`redact`] (what does not get into a file).

mod checksum;
pub mod frame;
pub mod read;
pub mod redact;
pub mod write;

pub use frame::{End, Frame, Head, Payloads, Process, Why};
pub use read::{Counters, Ended, Reader, RecordingError};
pub use redact::Redactor;
pub use write::{Stopped, Summary, Writer};

/// What a file starts with.
pub const MAGIC: [u8; 8] = [0x89, b'O', b'N', b'L', 0x0d, 0x0a, 0x1a, 0x0a];
/// The version that is written.
pub const VERSION: u32 = 2;
/// The oldest version that is read.
pub const OLDEST_VERSION: u32 = 1;
/// The most bytes of a frame's kind and content. The longest records have 16 KiB.
pub const LONGEST_FRAME: u32 = 1 << 20;

/// Bytes before a frame's kind: length and checksum.
const FRAME_HEAD: usize = 8;
