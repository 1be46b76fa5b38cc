//! The way of the data: records in, spans out.

mod peers;
mod report;

use std::collections::VecDeque;

use onlooker_common::event::{self, Kind, direction, flag};
use onlooker_common::run::runs;
use onlooker_common::view::Record;
use onlooker_protocol::{Chunk, Ending, Moment, Output, Side, Task};
use rustc_hash::FxHashSet;

use crate::causality::{Causality, IdSource, LinkCounters};
use crate::connection::{
    Connection, ConnectionId, FailedConnects, Run, Table, Taken, Transport, Verdict, sender,
};
use crate::counters::PipelineCounters;
use crate::messages::MessageCounters;
use crate::process::Processes;
use crate::span::{Sampler, Span};
use peers::Peers;

/// Ends of connections remembered; beyond, those unused longest are forgotten.
const MOST_CONNECTIONS: usize = 64 * 1024;
/// How long a Unix socket that has read its end may go on writing, in nanoseconds.
const UNIX_LINGER: u64 = 1_000_000_000;
/// `ECONNRESET` and `EPIPE`.
const RESETS: [u32; 2] = [104, 32];

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
    verdicts: Vec<Verdict>,
    output: Output,
    counters: PipelineCounters,
    failed_connects: FailedConnects,
    /// Sockets that are older than the agent, by inode.
    older: FxHashSet<u32>,
    /// Connections whose streams hold records back.
    holding: Vec<ConnectionId>,
    /// Unix sockets that have read their end, and when they are taken for closed.
    closing: VecDeque<(u64, ConnectionId)>,
    /// Connections whose dissectors hold exchanges back.
    waiting: FxHashSet<ConnectionId>,
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
            verdicts: Vec::new(),
            output: Output::default(),
            counters: PipelineCounters::default(),
            failed_connects: FailedConnects::default(),
            older: FxHashSet::default(),
            holding: Vec::new(),
            closing: VecDeque::new(),
            waiting: FxHashSet::default(),
            now: 0,
            ended: None,
        }
    }

    /// Takes the connections that ended since the last call; from the first call on they are kept
    /// for it.
    pub fn take_ended(&mut self) -> Vec<Connection> {
        self.ended.replace(Vec::new()).unwrap_or_default()
    }

    /// Tells of sockets that existed before anything was watched.
    pub fn add_older_sockets(&mut self, inodes: impl IntoIterator<Item = u32>) {
        self.older.extend(inodes);
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

    /// Decides about traces that begin from now on; without it all of them are kept that no
    /// caller dropped.
    pub fn set_sampler(&mut self, sampler: Sampler) {
        self.causality.sampler = sampler;
    }

    /// A process ended: its connections that nobody else uses get no end of their own.
    pub fn process_ended(&mut self, process: u32) {
        let of_it = |connection: &&Connection| {
            connection.endpoint.process == process
                && connection.endpoint.transport != Transport::Tcp
        };
        let gone: Vec<_> = self.table.iter().filter(of_it).map(|it| it.id).collect();
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

    fn socket(&mut self, record: &event::Socket) {
        self.now = self.now.max(record.header.time);
        self.counters.connections += 1;
        let (_, replaced) = self.table.insert(record);
        if let Some(connection) = replaced {
            self.close(connection, Ending::Forgotten);
        }
        if self.table.len() > MOST_CONNECTIONS {
            self.counters.forgotten += 1;
            if let Some(oldest) = self.table.unused_longest() {
                self.end(oldest, Ending::Forgotten);
            }
        }
    }

    fn socket_end(&mut self, record: &event::SocketEnd) {
        self.now = self.now.max(record.header.time);
        self.older.remove(&record.inode);
        let Some(connection) = self.table.by_socket(record.socket, record.inode) else { return };
        let id = connection.id;
        let reset = RESETS.contains(&record.error);
        self.end(id, if reset { Ending::Reset } else { Ending::Closed });
    }

    fn data(&mut self, data: &event::Data, payload: &[u8]) {
        self.now = self.now.max(data.header.time);
        let Some(own) = self.table.by_socket(data.place.socket, data.place.inode) else {
            self.counters.strangers += 1;
            return;
        };
        let (id, slot) = (own.id, own.slot);
        let task = Task {
            process: data.header.tgid,
            thread: data.header.tid,
            id: data.task,
            cause: self.table.origin_beside(own, &data.cause),
            resumed: self.table.origin_beside(own, &data.resumed),
            inherited: data.flags & flag::INHERITED != 0,
            polls: data.flags & flag::POLLS != 0,
            waited: data.flags & flag::WAITED != 0,
        };
        // Out of the table and back: what is said on it is looked up in others.
        let Some(mut lent) = self.table.lend_from(slot) else { return };
        let connection = &mut *lent;
        connection.last_seen = data.header.time;
        let outward = data.direction == direction::OUT;
        if connection.endpoint.side == Side::Server && data.place.length > 0 {
            connection.served_by = task.id;
            if outward {
                self.causality.tasks.answered(task.id, id);
            } else {
                self.causality.tasks.received(task.id, id);
            }
        }
        // Known when the first byte leaves, not when the exchange is over: requests that it says something
        // about may be over before.
        if outward && connection.endpoint.side == Side::Client && connection.sent.is_fresh() {
            self.causality.tasks.calls(&task, &connection.endpoint.opener);
        }
        let start = connection.offset(outward, data.place.position);
        let first = Moment {
            position: start.saturating_add(data.offset.into()),
            start: data.start,
            end: data.header.time,
            task,
        };
        if data.flags & flag::END != 0 {
            // The client asks nothing more: what was read behind the last answer was no request.
            self.causality.tasks.answered(task.id, id);
            self.half_closed(connection, first);
        } else {
            let datagram = data.flags & flag::DATAGRAM != 0;
            for piece in runs(data, payload) {
                let position = start.saturating_add(piece.offset.into());
                let first = Moment { position, ..first };
                let run = Run { first, bytes: piece.bytes, missing: piece.missing.into() };
                self.run(connection, outward, run, datagram);
            }
        }
        self.table.give_back(lent);
    }

    fn run(&mut self, connection: &mut Connection, outward: bool, run: Run<'_>, datagram: bool) {
        let Connection { id, endpoint, conversation, sent, received, inode, .. } = connection;
        let towards = if outward { direction::OUT } else { direction::IN };
        let side = sender(towards, endpoint.side);
        let (stream, other) = if outward { (sent, received) } else { (received, sent) };
        if stream.is_fresh() {
            let new = endpoint.seen_opening || !self.older.contains(inode);
            let at_start = run.first.position == 0 && (new || endpoint.transport == Transport::Tcp);
            conversation.starts(side, at_start);
            // Nothing of a connection that is watched from its first byte on has passed the other
            // way: the protocol may be found, and read, before anything does.
            if at_start && new && !datagram && other.is_fresh() {
                conversation.starts(side.other(), true);
                other.begin();
            }
        }
        let output = &mut self.output;
        if datagram {
            let Run { first, bytes, missing } = run;
            conversation.feed(&Chunk { side, first, bytes, missing, datagram }, output);
        } else {
            let ordering = stream.push(run, &mut |Run { first, bytes, missing }| {
                conversation.feed(&Chunk { side, first, bytes, missing, datagram }, output);
            });
            if stream.holds() && !self.holding.contains(id) {
                self.holding.push(*id);
            }
            self.counters.passed_over(ordering);
        }
        if conversation.waits() {
            self.waiting.insert(*id);
        }
        self.collect(connection);
    }

    /// Lets a dissector give out what it held back.
    fn idle(&mut self, id: ConnectionId) {
        let Some(mut connection) = self.table.lend(id) else { return };
        connection.conversation.idle(self.now, &mut self.output);
        if connection.conversation.waits() {
            self.waiting.insert(id);
        }
        self.collect(&mut connection);
        self.table.give_back(connection);
    }

    /// Gives up on records that did not come.
    fn release_of(&mut self, id: ConnectionId) {
        let Some(mut connection) = self.table.lend(id) else { return };
        self.release(&mut connection);
        self.table.give_back(connection);
    }

    fn release(&mut self, connection: &mut Connection) {
        let Connection { endpoint, conversation, sent, received, .. } = connection;
        let output = &mut self.output;
        for (towards, stream) in [(direction::IN, received), (direction::OUT, sent)] {
            let side = sender(towards, endpoint.side);
            let ordering = stream.release(&mut |Run { first, bytes, missing }| {
                conversation.feed(&Chunk { side, first, bytes, missing, datagram: false }, output);
            });
            self.counters.passed_over(ordering);
        }
        self.collect(connection);
    }

    /// The process read zero bytes: the other end sends nothing more.
    fn half_closed(&mut self, connection: &mut Connection, at: Moment) {
        self.release(connection);
        let side = connection.endpoint.side.other();
        connection.conversation.half_closed(side, at, &mut self.output);
        if connection.endpoint.transport == Transport::Unix {
            self.closing.push_back((self.now.saturating_add(UNIX_LINGER), connection.id));
        }
        self.collect(connection);
    }

    /// The kernel does not tell of the end of Unix sockets: one that has read its end is over soon
    /// after, and so is the other end.
    fn end_unix(&mut self) {
        while let Some((_, id)) = self.closing.pop_front_if(|closing| closing.0 <= self.now) {
            let peer = self.table.peer(id);
            self.end(id, Ending::Closed);
            if let Some(peer) = peer {
                self.end(peer, Ending::Closed);
            }
        }
    }

    fn end(&mut self, id: ConnectionId, ending: Ending) {
        self.release_of(id);
        let Some(connection) = self.table.remove(id, self.now) else { return };
        self.close(connection, ending);
    }

    /// A connection that is out of the table says its last.
    fn close(&mut self, mut connection: Connection, ending: Ending) {
        let at = Moment { start: self.now, end: self.now, ..Moment::default() };
        connection.conversation.closed(ending, at, &mut self.output);
        self.report(&mut connection, false);
        self.causality.tasks.answered(connection.served_by, connection.id);
        let doubts = connection.conversation.doubts();
        self.counters.not_understood += doubts.not_understood;
        self.counters.lost += doubts.lost;
        self.counters.demotions += u64::from(doubts.demotions);
        match connection.conversation.taken() {
            Taken::Opaque("tls" | "gssapi") => self.counters.encrypted += 1,
            Taken::Opaque("unknown" | "misdetected" | "multicast") => self.counters.unknown += 1,
            Taken::Opaque(_) => self.counters.left_alone += 1,
            Taken::Undecided | Taken::For(..) => {}
        }
        self.causality.closed(connection.id, self.now, &Peers::of(&self.table));
        if let Some(ended) = &mut self.ended {
            ended.push(connection);
        }
    }
}
