//! The way of the data: records in, spans out.

mod bytes;
mod life;
mod memory;
mod peers;
mod report;

use std::collections::VecDeque;

use onlooker_common::event::Kind;
use onlooker_common::view::Record;
use onlooker_protocol::{Ending, Output};
use rustc_hash::FxHashSet;

use crate::causality::{Causality, IdSource, LinkCounters};
use crate::connection::{Connection, ConnectionId, FailedConnects, Table, Verdict};
use crate::counters::PipelineCounters;
use crate::messages::MessageCounters;
use crate::process::Processes;
use crate::span::{Sampler, Span};
use life::Closing;
use peers::Peers;

/// What the pipeline is told once.
#[derive(Clone, Copy, Debug)]
pub struct PipelineOptions {
    /// Seed of span and trace ids.
    pub seed: u64,
    /// Nanoseconds from the records' clock to 1970.
    pub epoch: u64,
}

/// Records in, spans out. Single-threaded; nothing in it blocks.
#[derive(Debug)]
pub struct Pipeline<P> {
    processes: P,
    table: Table,
    causality: Causality,
    known_methods: Option<Box<[Box<str>]>>,
    verdicts: Vec<Verdict>,
    output: Output,
    counters: PipelineCounters,
    failed_connects: FailedConnects,
    /// Sockets that are older than the watch, by inode.
    older: FxHashSet<u32>,
    /// Connections whose streams hold records back.
    holding: Vec<ConnectionId>,
    /// Unix sockets that have read their end, by when they are looked at.
    closing: VecDeque<Closing>,
    /// Connections whose dissectors hold exchanges back.
    waiting: FxHashSet<ConnectionId>,
    held: memory::Held,
    now: u64,
    /// Connections that ended, if somebody wants to know of them.
    ended: Option<Vec<Connection>>,
}

impl<P: Processes> Pipeline<P> {
    /// An empty pipeline.
    pub fn new(processes: P, options: PipelineOptions) -> Self {
        Self {
            processes,
            table: Table::default(),
            causality: Causality::new(IdSource::new(options.seed), options.epoch),
            known_methods: None,
            verdicts: Vec::new(),
            output: Output::default(),
            counters: PipelineCounters::default(),
            failed_connects: FailedConnects::default(),
            older: FxHashSet::default(),
            holding: Vec::new(),
            closing: VecDeque::new(),
            waiting: FxHashSet::default(),
            held: memory::Held::default(),
            now: 0,
            ended: None,
        }
    }

    /// Takes the connections that ended since the last call; from the first call on they are kept
    /// for it.
    pub fn take_ended(&mut self) -> Vec<Connection> {
        self.ended.replace(Vec::new()).unwrap_or_default()
    }

    /// Tells of sockets that existed before their process was watched. Of such a process something may have been
    /// heard already.
    pub fn add_older_sockets(&mut self, inodes: impl IntoIterator<Item = u32>) {
        self.older.extend(inodes);
        self.table.set_older(&self.older);
    }

    /// Takes one record.
    pub fn feed(&mut self, record: Option<Record<'_>>) {
        self.counters.records += 1;
        match record {
            Some(Record::Data(data, payload)) => self.data(&data, payload),
            Some(Record::Socket(socket)) => self.socket(&socket),
            Some(Record::SocketEnd(end)) => self.socket_end(&end),
            Some(Record::ConnectFailure(failure)) => {
                self.now = self.now.max(failure.header.time);
                let resource = self.processes.resource(failure.header.tgid);
                self.failed_connects.add(&failure, &resource.service);
            }
            Some(Record::Process(Kind::ThreadExit | Kind::Exit, process)) => {
                self.now = self.now.max(process.header.time);
                self.causality.tasks.ended(process.header.tid, process.header.time);
            }
            Some(Record::Process(..)) => {}
            None => self.counters.malformed += 1,
        }
    }

    /// Lets time pass: `now` in the records' clock. Call it after each batch of records; all that are
    /// older than `now` should have been fed, as deadlines are by it.
    pub fn tick(&mut self, now: u64) {
        self.now = self.now.max(now);
        for id in std::mem::take(&mut self.holding) {
            self.release_of(id);
        }
        for id in std::mem::take(&mut self.waiting) {
            self.idle(id);
        }
        self.end_unix();
        self.causality.tick(self.now, &Peers::of(&self.table));
        self.table.bury(self.now);
    }

    /// The time of the newest record, or of the last [`tick`](Self::tick): in the records' clock.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The wall clock was set, or has drifted: nanoseconds from the records' clock to 1970.
    pub fn set_epoch(&mut self, epoch: u64) {
        self.causality.epoch = epoch;
    }

    /// Sets the request methods of HTTP that are told by name, case-sensitive; all others are
    /// `_OTHER`. Unless set, they are those of the semantic conventions.
    pub fn set_known_methods(&mut self, methods: impl IntoIterator<Item = Box<str>>) {
        self.known_methods = Some(methods.into_iter().collect());
    }

    /// Decides about traces that begin from now on; without it all of them are kept that no
    /// caller dropped.
    pub fn set_sampler(&mut self, sampler: Sampler) {
        self.causality.sampler = sampler;
    }

    /// A process ended: its connections that nobody else uses get no end of their own.
    pub fn process_ended(&mut self, process: u32) {
        let gone: Vec<_> = self.table.untold_of(process).collect();
        for id in gone {
            self.end(id, Ending::Closed);
        }
    }

    /// The end: every connection and span is finished as it stands.
    pub fn finish(&mut self) {
        let all: Vec<_> = self.table.iter().map(|connection| connection.id).collect();
        for id in all {
            self.end(id, Ending::Forgotten);
        }
        self.causality.tick(self.now, &Peers::of(&self.table));
        self.causality.finish();
    }

    /// Takes the spans that are done.
    pub fn take_spans(&mut self) -> Vec<Span> {
        // As many come the next time, mostly, or some more.
        let room = Vec::with_capacity(self.causality.spans.len() * 5 / 4);
        std::mem::replace(&mut self.causality.spans, room)
    }

    /// How many spans are done.
    #[must_use]
    pub fn spans_done(&self) -> usize {
        self.causality.spans.len()
    }

    /// Takes the capture policies that the kernel is to follow.
    pub fn take_verdicts(&mut self) -> Vec<Verdict> {
        std::mem::take(&mut self.verdicts)
    }

    /// What was done and not done.
    #[must_use]
    pub fn counters(&self) -> PipelineCounters {
        self.counters
    }

    /// How spans came by their parents.
    #[must_use]
    pub fn links(&self) -> LinkCounters {
        self.causality.counters
    }

    /// How receivers of messages came by links to their senders.
    #[must_use]
    pub fn messages(&self) -> MessageCounters {
        self.causality.linker.counters()
    }

    /// Connections that targets wanted and did not get.
    #[must_use]
    pub fn failed_connects(&self) -> &FailedConnects {
        &self.failed_connects
    }

    /// The connections that are open, for reports.
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.table.iter()
    }

    /// Exchanges that wait for their parents.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.causality.waiting()
    }

    /// The answers about processes.
    pub fn processes(&mut self) -> &mut P {
        &mut self.processes
    }
}
