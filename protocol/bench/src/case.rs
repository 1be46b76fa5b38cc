//! One case: a connection that is opened once and says the same over and over, or a recorded one
//! that is read from its start each time.

use std::hint::black_box;
use std::time::Instant;

use onlooker_protocol::detect::Protocol;
use onlooker_protocol::{Chunk, Dissector, Moment, Output, Side};

/// Exchanges in one round of a case whose connection stays open.
const REPEATS: usize = 256;

/// What one side says in one go.
pub(crate) type Turn = (Side, Vec<u8>);

/// Something to measure.
pub(crate) struct Case {
    pub(crate) name: String,
    protocol: &'static Protocol,
    datagram: bool,
    /// Said once, before what counts.
    opening: Vec<Turn>,
    /// What is said `repeats` times.
    turns: Vec<Turn>,
    repeats: usize,
    exchanges: usize,
    pub(crate) beside: Option<Beside>,
}

/// A library that reads the same bytes.
pub(crate) struct Beside {
    pub(crate) library: &'static str,
    /// Reads everything once.
    pub(crate) read: Box<dyn Fn()>,
    /// How many bytes that are.
    pub(crate) bytes: usize,
}

impl Case {
    /// A small exchange, over and over on one connection.
    pub(crate) fn small(
        name: &str,
        protocol: &'static Protocol,
        opening: Vec<Turn>,
        turns: Vec<Turn>,
    ) -> Self {
        let (datagram, beside) = (false, None);
        let (repeats, exchanges, name) = (REPEATS, REPEATS, name.to_owned());
        Self { name, protocol, datagram, opening, turns, repeats, exchanges, beside }
    }

    /// A recorded connection from its start to its end.
    pub(crate) fn recorded(name: &str, protocol: &'static Protocol, turns: Vec<Turn>) -> Self {
        let mut case = Self { repeats: 1, ..Self::small(name, protocol, Vec::new(), turns) };
        case.exchanges = case.play().exchanges;
        case
    }

    /// The same with datagrams.
    pub(crate) fn datagrams(self) -> Self {
        Self { datagram: true, ..self }
    }

    /// The same beside a library.
    pub(crate) fn beside(
        self,
        library: &'static str,
        bytes: usize,
        read: impl Fn() + 'static,
    ) -> Self {
        Self { beside: Some(Beside { library, read: Box::new(read), bytes }), ..self }
    }

    pub(crate) fn exchanges_a_round(&self) -> usize {
        self.exchanges
    }

    pub(crate) fn bytes_a_round(&self) -> usize {
        self.repeats * self.turns.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
    }

    /// Reads a connection.
    ///
    /// # Panics
    /// If the dissector does not find every exchange, or loses or does not understand anything.
    pub(crate) fn round(&self) {
        let feeder = self.play();
        let seen = (feeder.exchanges, feeder.out.lost, feeder.out.not_understood);
        assert_eq!(seen, (self.exchanges, 0, 0), "{}", self.name);
    }

    fn play(&self) -> Feeder {
        let mut dissector = (self.protocol.dissector)(true);
        let mut feeder = Feeder::default();
        for turn in &self.opening {
            feeder.feed(&mut *dissector, turn, self.datagram);
        }
        for _ in 0..self.repeats {
            for turn in &self.turns {
                feeder.feed(&mut *dissector, turn, self.datagram);
            }
        }
        feeder
    }
}

#[derive(Default)]
struct Feeder {
    out: Output,
    /// Exchanges found. They are dropped as they come, as the agent's pipeline does.
    exchanges: usize,
    positions: [u64; 2],
    clock: u64,
}

impl Feeder {
    fn feed(&mut self, dissector: &mut dyn Dissector, (side, bytes): &Turn, datagram: bool) {
        self.clock += 1000;
        let position = &mut self.positions[*side as usize];
        let (start, end) = (self.clock, self.clock + 100);
        let first = Moment { position: *position, start, end, ..Moment::default() };
        *position += bytes.len() as u64;
        dissector.feed(&Chunk { datagram, ..Chunk::new(*side, first, bytes) }, &mut self.out);
        self.exchanges += black_box(&self.out.exchanges).len();
        self.out.exchanges.clear();
    }
}

/// Nanoseconds that this thread has had of a processor, as Linux counts them, so that other load
/// matters less; without that count, nanoseconds that passed.
pub(crate) fn clock() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let counters = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = counters.split(' ').next().and_then(|number| number.parse().ok());
    nanoseconds.unwrap_or_else(|| START.get_or_init(Instant::now).elapsed().as_nanos() as u64)
}
