//! Frames out of a capture file.
//!
//! Formats: classic pcap (microseconds, nanoseconds, and Kuznetzov's variant, in both byte
//! orders; `draft-ietf-opsawg-pcap`) and pcapng (`draft-ietf-opsawg-pcapng`).

use std::fmt;
use std::io::{self, Read};

use crate::link::LinkType;

mod pcap;
mod pcapng;

/// The largest frame that is read, in bytes. libpcap's largest snap length for the link types
/// known here is 262,144.
pub const MAX_FRAME: u32 = 1 << 20;

/// One captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What the frame starts with.
    pub link: LinkType,
    /// The number of the interface within the file; 0 in a classic pcap file.
    pub interface: u32,
    /// Nanoseconds since 1970 (UTC).
    pub time: u64,
    /// The bytes that were captured.
    pub bytes: &'a [u8],
    /// The frame's length on the wire, in bytes; never less than `bytes.len()`.
    pub wire_len: u64,
}

/// Why an input cannot be read as a capture.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The input has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The input does not start like a capture. The first bytes are given.
    #[error(
        "neither a pcap nor a pcapng file, nor an event file (it starts with {:02x} {:02x} {:02x} {:02x})",
        .0[0], .0[1], .0[2], .0[3]
    )]
    NotACapture([u8; 4]),
    /// The input is compressed, by this program.
    #[error("the file is compressed: decompress it with {0} first")]
    Compressed(&'static str),
    /// A capture, but in this other format.
    #[error("a capture in {0} format: convert it first, for instance with `editcap -F pcapng`")]
    OtherFormat(&'static str),
    /// A version of pcap or pcapng that is not known.
    #[error("{format} version {major}.{minor} is not known")]
    Version {
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// The version's number before the dot.
        major: u16,
        /// The version's number behind the dot.
        minor: u16,
    },
    /// The input ends within the head of the file.
    #[error("the file ends within its head: nothing can be read")]
    HeadCut,
    /// Reading failed.
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
}

/// How reading a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// At the end of the file, between two records.
    Complete,
    /// The file ends in the middle of a record that begins at this offset.
    Truncated {
        /// In bytes from the start of the file.
        offset: u64,
    },
    /// The record at this offset makes no sense, so what follows cannot be found.
    Corrupt {
        /// In bytes from the start of the file.
        offset: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("read to the end"),
            Self::Truncated { offset } => {
                write!(f, "the file breaks off in the record at byte {offset}")
            }
            Self::Corrupt { offset, reason } => {
                write!(f, "unreadable from byte {offset} on: {reason}")
            }
        }
    }
}

/// A capture file being read.
pub struct Capture<R> {
    input: Input<R>,
    format: Format,
    ended: Ended,
    over: bool,
    buffer: Vec<u8>,
}

enum Format {
    Pcap(pcap::Pcap),
    Pcapng(pcapng::Pcapng),
}

impl<R: Read> Capture<R> {
    /// Reads the head of a file.
    ///
    /// # Errors
    ///
    /// When it is not the head of a capture.
    pub fn open(input: R) -> Result<Self, CaptureError> {
        let mut input = Input { reader: input, offset: 0 };
        let mut magic = [0; 4];
        match input.fill(&mut magic)? {
            Filled::Nothing => return Err(CaptureError::Empty),
            Filled::Partly => return Err(not_a_capture(magic)),
            Filled::Fully => {}
        }
        let format = if magic == pcapng::MAGIC {
            Format::Pcapng(pcapng::Pcapng::open(&mut input)?)
        } else if let Some(variant) = pcap::variant(magic) {
            Format::Pcap(pcap::Pcap::open(variant, &mut input)?)
        } else {
            return Err(not_a_capture(magic));
        };
        Ok(Self { input, format, ended: Ended::Complete, over: false, buffer: Vec::new() })
    }

    /// The next frame; `None` when there is none, or none that can be read (see
    /// [`ended`](Self::ended)).
    ///
    /// # Errors
    ///
    /// Only when reading itself fails.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        if self.over {
            return Ok(None);
        }
        let step = match &mut self.format {
            Format::Pcap(pcap) => pcap.step(&mut self.input, &mut self.buffer)?,
            Format::Pcapng(pcapng) => pcapng.step(&mut self.input, &mut self.buffer)?,
        };
        match step {
            Step::Frame { link, interface, time, from, to, wire_len } => {
                let bytes = self.buffer.get(from..to).unwrap_or_default();
                let wire_len = wire_len.max(bytes.len() as u64);
                Ok(Some(Frame { link, interface, time, bytes, wire_len }))
            }
            Step::Over(ended) => {
                self.over = true;
                self.ended = ended;
                Ok(None)
            }
        }
    }

    /// How the file ended, once [`next_frame`](Self::next_frame) gave `None`.
    #[must_use]
    pub fn ended(&self) -> Ended {
        self.ended
    }

    /// Records that were passed over because they could not be read.
    #[must_use]
    pub fn unreadable_records(&self) -> u64 {
        match &self.format {
            Format::Pcap(_) => 0,
            Format::Pcapng(pcapng) => pcapng.unreadable_records(),
        }
    }
}

/// What reading one record gave. The frame is `buffer[from..to]`.
enum Step {
    Frame { link: LinkType, interface: u32, time: u64, from: usize, to: usize, wire_len: u64 },
    Over(Ended),
}

/// A reader that knows its offset.
struct Input<R> {
    reader: R,
    offset: u64,
}

/// How much of a buffer the input could fill.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Filled {
    Nothing,
    Partly,
    Fully,
}

impl<R: Read> Input<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<Filled> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.reader.read(rest) {
                Ok(0) => {
                    return Ok(if done == 0 { Filled::Nothing } else { Filled::Partly });
                }
                Ok(n) => {
                    done += n;
                    self.offset += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Filled::Fully)
    }

    /// Reads `len` bytes into `buffer`, in place of what is in it. The buffer grows with the bytes
    /// that come, not with the claim. False if the input ends before.
    fn read(&mut self, len: u32, buffer: &mut Vec<u8>) -> io::Result<bool> {
        buffer.clear();
        let n = self.reader.by_ref().take(len.into()).read_to_end(buffer)?;
        self.offset += n as u64;
        Ok(n as u64 == u64::from(len))
    }

    /// Passes over `len` bytes. False if the input ends before.
    fn pass(&mut self, len: u64) -> io::Result<bool> {
        let n = io::copy(&mut self.reader.by_ref().take(len), &mut io::sink())?;
        self.offset += n;
        Ok(n == len)
    }
}

fn not_a_capture(magic: [u8; 4]) -> CaptureError {
    match magic {
        [0x1f, 0x8b, ..] => CaptureError::Compressed("gunzip"),
        [0x28, 0xb5, 0x2f, 0xfd] => CaptureError::Compressed("unzstd"),
        [0xfd, b'7', b'z', b'X'] => CaptureError::Compressed("unxz"),
        [b'B', b'Z', b'h', _] => CaptureError::Compressed("bunzip2"),
        [0x04, 0x22, 0x4d, 0x18] => CaptureError::Compressed("unlz4"),
        [b'P', b'K', 3, 4] => CaptureError::Compressed("unzip"),
        [b's', b'n', b'o', b'o'] => CaptureError::OtherFormat("snoop"),
        [b'X', b'C', b'P', 0] => CaptureError::OtherFormat("NetXRay"),
        [b'G', b'M', b'B', b'U'] => CaptureError::OtherFormat("Network Monitor"),
        magic => CaptureError::NotACapture(magic),
    }
}
