//! Writes an event file, up to a limit.

use std::fmt;
use std::io::{self, Write};

use onlooker_common::view::Record;
use onlooker_pipeline::process::Handlers;
use onlooker_pipeline::span::{Attributes, Resource};

use super::checksum::checksum;
use super::frame::{self, End, Head, Payloads, Why};
use super::redact::{self, Redactor};
use super::{FRAME_HEAD, LONGEST_FRAME, MAGIC, VERSION};

/// Inode numbers in one frame.
const INODES_AT_ONCE: usize = 8 * 1024;
/// Room that is kept for the last frame.
const END_ROOM: u64 = 512;

/// An event file being written. What fails is told once, by [`stopped`](Self::stopped); from then on
/// frames are counted and not written.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    redactor: Option<Redactor>,
    limit: u64,
    written: u64,
    frames: u64,
    left_out: u64,
    left_out_bytes: u64,
    stopped: Option<Stopped>,
    frame: Vec<u8>,
    payload: Vec<u8>,
}

/// Why nothing more is written.
#[derive(Debug)]
pub enum Stopped {
    /// The file has its limit, in bytes.
    Limit(u64),
    /// Writing failed.
    Failed(io::Error),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(bytes) => write!(f, "the limit of {bytes} bytes was reached"),
            Self::Failed(error) => write!(f, "writing failed: {error}"),
        }
    }
}

/// What became of a recording.
#[derive(Debug)]
pub struct Summary {
    /// Bytes of the file.
    pub bytes: u64,
    /// Frames in it.
    pub frames: u64,
    /// Frames that are not in it.
    pub left_out: u64,
    /// Their bytes.
    pub left_out_bytes: u64,
    /// Why they are not.
    pub stopped: Option<Stopped>,
}

impl<W: Write> Writer<W> {
    /// Writes the head. The file will have `limit` bytes at most. Payloads become what the head
    /// says of them.
    ///
    /// # Errors
    ///
    /// Writing fails, or the limit is too low for the head.
    pub fn start(out: W, head: &Head, limit: u64) -> io::Result<Self> {
        let redactor = (head.payloads == Payloads::Redacted).then(Redactor::default);
        let mut writer = Self {
            out,
            redactor,
            limit: limit.saturating_sub(END_ROOM),
            written: 0,
            frames: 0,
            left_out: 0,
            left_out_bytes: 0,
            stopped: None,
            frame: Vec::new(),
            payload: Vec::new(),
        };
        writer.out.write_all(&MAGIC)?;
        writer.out.write_all(&VERSION.to_le_bytes())?;
        writer.written = (MAGIC.len() + size_of_val(&VERSION)) as u64;
        writer.put(|out| frame::write_head(out, head));
        match writer.stopped {
            None => Ok(writer),
            Some(Stopped::Failed(error)) => Err(error),
            Some(Stopped::Limit(_)) => {
                let why = "the limit is too low for the head of an event file";
                Err(io::Error::new(io::ErrorKind::InvalidInput, why))
            }
        }
    }

    /// The pipeline was fed a record.
    pub fn record(&mut self, record: Option<&Record<'_>>) {
        let mut payload = std::mem::take(&mut self.payload);
        let redacted = match (&mut self.redactor, record) {
            (Some(redactor), Some(record)) => Some(redactor.redact(record, &mut payload)),
            _ => None,
        };
        self.put(|out| frame::write_record(out, redacted.as_ref().or(record)));
        self.payload = payload;
    }

    /// Time passed: `CLOCK_MONOTONIC`, in nanoseconds.
    pub fn tick(&mut self, now: u64) {
        self.put(|out| frame::write_tick(out, now));
    }

    /// The wall clock was read: nanoseconds from the records' clock to 1970.
    pub fn epoch(&mut self, epoch: u64) {
        self.put(|out| frame::write_epoch(out, epoch));
    }

    /// The pipeline was told of sockets that are older than the agent.
    pub fn older_sockets(&mut self, inodes: &[u32]) {
        for inodes in inodes.chunks(INODES_AT_ONCE) {
            self.put(|out| frame::write_older(out, inodes));
        }
    }

    /// What a process is. If its attributes are too many for a frame, only its service is written.
    pub fn process(&mut self, process: u32, handlers: Handlers, resource: &Resource) {
        let masked = self.redactor.is_some().then(|| redact::resource(resource));
        let resource = masked.as_ref().unwrap_or(resource);
        let length = |resource: &Resource| {
            let mut out = Vec::new();
            frame::write_process(&mut out, process, handlers, resource);
            out.len() as u64
        };
        if length(resource) <= u64::from(LONGEST_FRAME) {
            self.put(|out| frame::write_process(out, process, handlers, resource));
            return;
        }
        let service: String = resource.service.chars().take(256).collect();
        let mut attributes = Attributes::default();
        attributes.set("service.name", service.clone());
        let short = Resource { service, attributes };
        self.put(|out| frame::write_process(out, process, handlers, &short));
    }

    /// The pipeline was told that a process ended.
    pub fn process_ended(&mut self, process: u32) {
        self.put(|out| frame::write_process_ended(out, process));
    }

    /// Why nothing more is written, if so.
    #[must_use]
    pub fn stopped(&self) -> Option<&Stopped> {
        self.stopped.as_ref()
    }

    /// Hands everything to the system.
    pub fn flush(&mut self) {
        if let Err(error) = self.out.flush() {
            self.stopped.get_or_insert(Stopped::Failed(error));
        }
    }

    /// Writes the last frame, with what the kernel programs counted.
    pub fn finish(mut self, kernel: &[u64]) -> Summary {
        let limit = matches!(self.stopped, Some(Stopped::Limit(_)));
        let end = End {
            why: if limit { Why::Limit } else { Why::Ended },
            left_out: self.left_out,
            left_out_bytes: self.left_out_bytes,
            kernel: kernel.to_vec(),
        };
        if !matches!(self.stopped, Some(Stopped::Failed(_))) {
            self.limit = self.limit.saturating_add(END_ROOM);
            let stopped = self.stopped.take();
            self.put(|out| frame::write_end(out, &end));
            self.stopped = self.stopped.or(stopped);
            if let Err(error) = self.out.flush() {
                self.stopped = Some(Stopped::Failed(error));
            }
        }
        let Self { written, frames, left_out, left_out_bytes, stopped, .. } = self;
        Summary { bytes: written, frames, left_out, left_out_bytes, stopped }
    }

    fn put(&mut self, content: impl FnOnce(&mut Vec<u8>)) {
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        frame.extend([0; FRAME_HEAD]);
        content(&mut frame);
        self.write(&mut frame);
        self.frame = frame;
    }

    fn write(&mut self, frame: &mut [u8]) {
        let length = frame.len() as u64;
        if self.stopped.is_none() && self.written + length > self.limit {
            self.stopped = Some(Stopped::Limit(self.limit.saturating_add(END_ROOM)));
        }
        if self.stopped.is_none() {
            let (head, content) = frame.split_at_mut(FRAME_HEAD);
            head[..4].copy_from_slice(&(content.len() as u32).to_le_bytes());
            head[4..].copy_from_slice(&checksum(content).to_le_bytes());
            match self.out.write_all(frame) {
                Ok(()) => {
                    self.written += length;
                    self.frames += 1;
                    return;
                }
                Err(error) => self.stopped = Some(Stopped::Failed(error)),
            }
        }
        self.left_out += 1;
        self.left_out_bytes += length;
    }
}
