//! What is in an event file, and how it is spelled.

use std::borrow::Cow;

use onlooker_common::event::Place;
use onlooker_common::view::{self, AsBytes as _, Record};
use onlooker_pipeline::process::Handlers;
use onlooker_pipeline::span::{Attributes, Resource, Text, Value};

/// Nanoseconds since the start of a machine (146 years), and bytes of a stream, that no kernel tells of.
const IMPLAUSIBLE: u64 = 1 << 62;

pub(super) const HEAD: u8 = 0;
const RECORD: u8 = 1;
const MALFORMED: u8 = 2;
const TICK: u8 = 3;
const EPOCH: u8 = 4;
const OLDER: u8 = 5;
const PROCESS: u8 = 6;
const PROCESS_ENDED: u8 = 7;
const END: u8 = 8;

/// What is known before the first record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// What became of payloads.
    pub payloads: Payloads,
    /// Nanoseconds from the records' clock to 1970.
    pub epoch: u64,
    /// The seed of the live run's ids.
    pub seed: u64,
    /// The version of the agent that wrote the file.
    pub agent: String,
    /// The release of the kernel that it ran on.
    pub kernel: String,
}

/// What became of payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payloads {
    /// What could be a secret was replaced (see [`onlooker_protocol::redact`]).
    #[default]
    Redacted,
    /// They are as they were.
    Complete,
}

/// One thing that the pipeline was told.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "almost every frame is the large one")]
pub enum Frame<'a> {
    /// A record of the ring buffer; `None` where the ring buffer held none.
    Record(Option<Record<'a>>),
    /// Time passed: `CLOCK_MONOTONIC`, in nanoseconds.
    Tick(u64),
    /// The wall clock was read: nanoseconds from the records' clock to 1970.
    Epoch(u64),
    /// Sockets that are older than the agent, by inode.
    OlderSockets(Inodes<'a>),
    /// What a process is, from here on.
    Process(Process),
    /// A process ended.
    ProcessEnded(u32),
    /// The last frame.
    End(End),
}

/// Inode numbers.
#[derive(Clone, Copy, Debug)]
pub struct Inodes<'a>(&'a [u8]);

impl Iterator for Inodes<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (inode, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*inode))
    }
}

/// What the agent knew of a process.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// Its id.
    pub process: u32,
    /// How it runs its handlers.
    pub handlers: Handlers,
    /// What its spans belong to.
    pub resource: Resource,
}

/// How a recording ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Why.
    pub why: Why,
    /// Frames that are not in the file, because it had reached its limit.
    pub left_out: u64,
    /// Their bytes.
    pub left_out_bytes: u64,
    /// What the kernel programs counted, by [`onlooker_common::counter::Counter`]; an agent that
    /// knows fewer or more reasons wrote as many as it knew.
    pub kernel: Vec<u64>,
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Why {
    /// The agent ended.
    #[default]
    Ended,
    /// The file reached its limit.
    Limit,
}

/// Appends a record's kind and content. What lies behind the used part of a record is not copied.
pub(super) fn write_record(out: &mut Vec<u8>, record: Option<&Record<'_>>) {
    out.push(if record.is_some() { RECORD } else { MALFORMED });
    match record {
        None => {}
        Some(Record::Data(data, payload)) => {
            out.extend_from_slice(data.as_bytes());
            out.extend_from_slice(payload);
        }
        Some(Record::Socket(socket)) => {
            let mut socket = *socket;
            let used = usize::from(socket.path_length).min(socket.path.len());
            socket.path[used..].fill(0);
            out.extend_from_slice(socket.as_bytes());
        }
        Some(Record::SocketEnd(end)) => out.extend_from_slice(end.as_bytes()),
        Some(Record::ConnectFailure(failure)) => {
            let mut failure = *failure;
            let used = (failure.path_length as usize).min(failure.path.len());
            failure.path[used..].fill(0);
            out.extend_from_slice(failure.as_bytes());
        }
        Some(Record::Process(_, process)) => out.extend_from_slice(process.as_bytes()),
    }
}

pub(super) fn write_tick(out: &mut Vec<u8>, now: u64) {
    out.push(TICK);
    out.extend(now.to_le_bytes());
}

pub(super) fn write_epoch(out: &mut Vec<u8>, epoch: u64) {
    out.push(EPOCH);
    out.extend(epoch.to_le_bytes());
}

pub(super) fn write_older(out: &mut Vec<u8>, inodes: &[u32]) {
    out.push(OLDER);
    out.extend(inodes.iter().flat_map(|inode| inode.to_le_bytes()));
}

pub(super) fn write_process_ended(out: &mut Vec<u8>, process: u32) {
    out.push(PROCESS_ENDED);
    out.extend(process.to_le_bytes());
}

pub(super) fn write_head(out: &mut Vec<u8>, head: &Head) {
    let Head { payloads, epoch, seed, agent, kernel } = head;
    out.push(HEAD);
    out.push(u8::from(*payloads == Payloads::Complete));
    out.extend(epoch.to_le_bytes());
    out.extend(seed.to_le_bytes());
    write_text(out, agent);
    write_text(out, kernel);
}

pub(super) fn write_process(out: &mut Vec<u8>, process: u32, handlers: Handlers, of: &Resource) {
    out.push(PROCESS);
    out.extend(process.to_le_bytes());
    out.push(match handlers {
        Handlers::Unknown => 0,
        Handlers::Inline => 1,
        Handlers::Scheduled => 2,
    });
    write_text(out, &of.service);
    write_count(out, of.attributes.0.len());
    for (key, value) in &of.attributes.0 {
        write_text(out, key);
        write_value(out, value);
    }
}

pub(super) fn write_end(out: &mut Vec<u8>, end: &End) {
    let End { why, left_out, left_out_bytes, kernel } = end;
    out.push(END);
    out.push(u8::from(*why == Why::Limit));
    out.extend(left_out.to_le_bytes());
    out.extend(left_out_bytes.to_le_bytes());
    out.extend(kernel.iter().flat_map(|count| count.to_le_bytes()));
}

fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Text(text) => {
            out.push(0);
            write_text(out, text);
        }
        Value::Int(number) => {
            out.push(1);
            out.extend(number.to_le_bytes());
        }
        Value::Bool(flag) => out.extend([3, u8::from(*flag)]),
        Value::Texts(texts) => {
            out.push(4);
            write_count(out, texts.len());
            texts.iter().for_each(|text| write_text(out, text));
        }
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// A frame whose counts do not fit is longer than a frame may be, which is refused.
fn write_count(out: &mut Vec<u8>, count: usize) {
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

/// Why a frame says nothing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unread {
    /// It is of a kind that is not known.
    Unknown,
    /// Too short, or with values that make no sense.
    Damaged,
}

/// What a frame's kind and content say.
pub(super) fn read(bytes: &[u8]) -> Result<Frame<'_>, Unread> {
    let Some((&kind, content)) = bytes.split_first() else { return Err(Unread::Damaged) };
    let frame = match kind {
        RECORD => {
            view::record(content).filter(is_plausible).map(|record| Frame::Record(Some(record)))
        }
        MALFORMED => Some(Frame::Record(None)),
        TICK => whole(content, Content::u64).filter(|now| *now < IMPLAUSIBLE).map(Frame::Tick),
        EPOCH => whole(content, Content::u64).map(Frame::Epoch),
        OLDER => content.len().is_multiple_of(4).then_some(Frame::OlderSockets(Inodes(content))),
        PROCESS => whole(content, process).map(Frame::Process),
        PROCESS_ENDED => whole(content, Content::u32).map(Frame::ProcessEnded),
        END => whole(content, end).map(Frame::End),
        _ => return Err(Unread::Unknown),
    };
    frame.ok_or(Unread::Damaged)
}

/// Whether a record's times and positions are such as a kernel tells.
fn is_plausible(record: &Record<'_>) -> bool {
    let (times, places) = match record {
        Record::Data(data, _) => {
            ([data.header.time, data.start], [data.place, data.cause, data.resumed])
        }
        Record::Socket(socket) => {
            ([socket.header.time, 0], [socket.cause, socket.resumed, Place::default()])
        }
        Record::SocketEnd(end) => ([end.header.time, 0], [Place::default(); 3]),
        Record::ConnectFailure(failure) => ([failure.header.time, 0], [Place::default(); 3]),
        Record::Process(_, process) => ([process.header.time, 0], [Place::default(); 3]),
    };
    let numbers = times.into_iter().chain(places.map(|place| place.position));
    numbers.into_iter().all(|number| number < IMPLAUSIBLE)
}

pub(super) fn read_head(bytes: &[u8]) -> Option<Head> {
    let (HEAD, content) = bytes.split_first().map(|(kind, content)| (*kind, content))? else {
        return None;
    };
    whole(content, |content| {
        Some(Head {
            payloads: if content.flag()? { Payloads::Complete } else { Payloads::Redacted },
            epoch: content.u64()?,
            seed: content.u64()?,
            agent: content.text()?.to_owned(),
            kernel: content.text()?.to_owned(),
        })
    })
}

fn process(content: &mut Content<'_>) -> Option<Process> {
    let process = content.u32()?;
    let handlers = match content.u8()? {
        0 => Handlers::Unknown,
        1 => Handlers::Inline,
        2 => Handlers::Scheduled,
        _ => return None,
    };
    let service = content.text()?.to_owned();
    let mut attributes = Attributes::default();
    for _ in 0..content.u32()? {
        let key = content.text()?.to_owned();
        attributes.0.push((Cow::Owned(key), value(content)?));
    }
    Some(Process { process, handlers, resource: Resource { service, attributes } })
}

fn value(content: &mut Content<'_>) -> Option<Value> {
    Some(match content.u8()? {
        0 => Value::from(content.text()?.to_owned()),
        1 => Value::Int(content.u64()?.cast_signed()),
        3 => Value::Bool(content.flag()?),
        4 => {
            let mut texts = Vec::new();
            for _ in 0..content.u32()? {
                texts.push(Text::from(content.text()?));
            }
            Value::Texts(texts.into())
        }
        _ => return None,
    })
}

fn end(content: &mut Content<'_>) -> Option<End> {
    let why = if content.flag()? { Why::Limit } else { Why::Ended };
    let (left_out, left_out_bytes) = (content.u64()?, content.u64()?);
    let mut kernel = Vec::new();
    while !content.0.is_empty() {
        kernel.push(content.u64()?);
    }
    Some(End { why, left_out, left_out_bytes, kernel })
}

/// What `read` reads of the whole content.
fn whole<'a, T>(content: &'a [u8], read: impl FnOnce(&mut Content<'a>) -> Option<T>) -> Option<T> {
    let mut content = Content(content);
    read(&mut content).filter(|_| content.0.is_empty())
}

/// Content that is being read. Counts are believed only as far as there are bytes.
struct Content<'a>(&'a [u8]);

impl<'a> Content<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}
