//! Reads an event file, which may be cut or damaged.

use std::fmt;
use std::io::{self, Read};

use super::checksum::checksum;
use super::frame::{self, Frame, Head, Unread};
use super::{FRAME_HEAD, LONGEST_FRAME, MAGIC, OLDEST_VERSION, VERSION};

/// Why an input cannot be read as an event file.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It does not start with [`MAGIC`].
    #[error("not an event file of Onlooker")]
    NotARecording,
    /// A format that came later.
    #[error(
        "an event file of version {0}; this Onlooker reads versions up to {VERSION}: use a newer one"
    )]
    Newer(u32),
    /// A format older than those that are read.
    #[error(
        "an event file of version {0}; this Onlooker reads versions from {OLDEST_VERSION} on: use the one \
         that wrote it"
    )]
    Older(u32),
    /// It ends within its head.
    #[error("the event file ends within its head: nothing can be read")]
    HeadCut,
    /// Its head is damaged.
    #[error("the head of the event file is damaged: nothing can be read")]
    HeadDamaged,
    /// Reading failed.
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
}

/// How a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With its last frame.
    Complete,
    /// Between two frames, before its last one: the agent that wrote it was killed.
    WithoutEnd,
    /// Within the frame at this offset, in bytes from the start of the file.
    Truncated {
        /// Where the frame begins.
        offset: u64,
    },
    /// The length of the frame at this offset makes no sense, so what follows cannot be found.
    Corrupt {
        /// Where the frame begins.
        offset: u64,
    },
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("read to the end"),
            Self::WithoutEnd => f.write_str(
                "the file has no end: the agent that wrote it was killed, or runs still",
            ),
            Self::Truncated { offset } => {
                write!(f, "the file breaks off in the frame at byte {offset}")
            }
            Self::Corrupt { offset } => write!(f, "unreadable from byte {offset} on"),
        }
    }
}

/// What was read and what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that were read.
    pub frames: u64,
    /// Frames that were passed over: their checksum is wrong, or their content makes no sense.
    pub damaged: u64,
    /// Frames of kinds that are not known.
    pub unknown: u64,
    /// Bytes behind the last frame that was found.
    pub unread_bytes: u64,
}

/// An event file being read.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    head: Head,
    offset: u64,
    over: bool,
    ended: Ended,
    counters: Counters,
    buffer: Vec<u8>,
}

/// What was found where a frame is to be.
enum Found {
    /// A frame whose checksum is this.
    Frame(u32),
    Nothing,
    Cut,
    Nonsense,
}

impl<R: Read> Reader<R> {
    /// Reads the head of a file.
    ///
    /// # Errors
    ///
    /// When it is not the head of an event file of a version that is known.
    pub fn open(mut input: R) -> Result<Self, RecordingError> {
        let mut start = Vec::new();
        input.by_ref().take(12).read_to_end(&mut start)?;
        let common = MAGIC.len().min(start.len());
        if start.len() < 4 || start[..4] != MAGIC[..4] {
            return Err(RecordingError::NotARecording);
        }
        // As a transfer as text leaves it.
        if start[..common] != MAGIC[..common] {
            return Err(RecordingError::HeadDamaged);
        }
        let version = start.get(MAGIC.len()..).and_then(|bytes| bytes.try_into().ok());
        let version = version.map(u32::from_le_bytes).ok_or(RecordingError::HeadCut)?;
        if version > VERSION {
            return Err(RecordingError::Newer(version));
        }
        if version < OLDEST_VERSION {
            return Err(RecordingError::Older(version));
        }
        let mut reader = Self {
            input,
            head: Head {
                payloads: frame::Payloads::Redacted,
                epoch: 0,
                seed: 0,
                agent: String::new(),
                kernel: String::new(),
            },
            offset: start.len() as u64,
            over: false,
            ended: Ended::Complete,
            counters: Counters::default(),
            buffer: Vec::new(),
        };
        reader.head = match reader.find()? {
            Found::Frame(sum) if sum == checksum(&reader.buffer) => {
                frame::read_head(&reader.buffer).ok_or(RecordingError::HeadDamaged)?
            }
            Found::Frame(_) | Found::Nonsense => return Err(RecordingError::HeadDamaged),
            Found::Nothing | Found::Cut => return Err(RecordingError::HeadCut),
        };
        Ok(reader)
    }

    /// What is known before the first record.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The next frame; `None` when there is none, or none that can be found (see
    /// [`ended`](Self::ended)). Damaged frames are passed over and counted.
    ///
    /// # Errors
    ///
    /// Only when reading itself fails.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, RecordingError> {
        loop {
            if self.over {
                return Ok(None);
            }
            let offset = self.offset;
            let sum = match self.find()? {
                Found::Frame(sum) => sum,
                Found::Nothing => return self.stop(Ended::WithoutEnd),
                Found::Cut => {
                    self.counters.unread_bytes += self.offset - offset;
                    return self.stop(Ended::Truncated { offset });
                }
                Found::Nonsense => {
                    self.counters.unread_bytes += self.offset - offset;
                    return self.stop(Ended::Corrupt { offset });
                }
            };
            if sum != checksum(&self.buffer) {
                self.counters.damaged += 1;
                continue;
            }
            // Read twice, as what is given back borrows the buffer, which the next turn would fill:
            // cheap, but for the frames that are rare.
            match frame::read(&self.buffer) {
                Err(Unread::Unknown) => self.counters.unknown += 1,
                Err(Unread::Damaged) => self.counters.damaged += 1,
                Ok(found) => {
                    self.counters.frames += 1;
                    if matches!(found, Frame::End(_)) {
                        self.stop(Ended::Complete)?;
                    }
                    break;
                }
            }
        }
        Ok(frame::read(&self.buffer).ok())
    }

    /// How the file ended, once [`next_frame`](Self::next_frame) gave `None`.
    #[must_use]
    pub fn ended(&self) -> Ended {
        self.ended
    }

    /// What was read and what was not.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Reads the next frame's kind and content into the buffer, which grows with the bytes that
    /// come, not with the claim.
    fn find(&mut self) -> io::Result<Found> {
        let Self { input, offset, buffer, .. } = self;
        let mut fill = |length: u64, buffer: &mut Vec<u8>| {
            buffer.clear();
            let n = input.by_ref().take(length).read_to_end(buffer)? as u64;
            *offset += n;
            io::Result::Ok(n)
        };
        match fill(FRAME_HEAD as u64, buffer)? {
            0 => return Ok(Found::Nothing),
            n if n < FRAME_HEAD as u64 => return Ok(Found::Cut),
            _ => {}
        }
        let number = |at: usize| {
            let bytes = buffer.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u32::from_le_bytes)
        };
        let (length, sum) = (number(0), number(4));
        if !(1..=LONGEST_FRAME).contains(&length) {
            return Ok(Found::Nonsense);
        }
        let whole = fill(length.into(), buffer)? == u64::from(length);
        Ok(if whole { Found::Frame(sum) } else { Found::Cut })
    }

    /// Nothing more is read; what is left is counted.
    fn stop(&mut self, ended: Ended) -> Result<Option<Frame<'_>>, RecordingError> {
        self.over = true;
        self.ended = ended;
        let rest = io::copy(&mut self.input, &mut io::sink())?;
        self.counters.unread_bytes += rest;
        self.offset += rest;
        Ok(None)
    }
}
