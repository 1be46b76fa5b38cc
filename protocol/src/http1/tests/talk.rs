//! Plays both sides of a connection to the dissector.

use crate::chunk::{Chunk, Moment, Side, Task};
use crate::dissector::{Capture, Dissector, Ending, Handover, Output};
use crate::exchange::{Exchange, Facts};
use crate::http::HttpFacts;
use crate::http1::Http1;

/// A connection whose n-th call begins at `10 * n` and ends at `10 * n + 5`.
pub(super) struct Talk {
    dissector: Http1,
    positions: [u64; 2],
    clock: u64,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) handover: Option<Handover>,
    pub(super) capture: Option<Capture>,
    pub(super) not_understood: u64,
    pub(super) lost: u64,
    pub(super) log: Vec<String>,
}

impl Talk {
    pub(super) fn new() -> Self {
        Self::at(true, [0, 0])
    }

    /// Attached while the connection runs.
    pub(super) fn attached() -> Self {
        Self::at(false, [1000, 5000])
    }

    fn at(from_start: bool, positions: [u64; 2]) -> Self {
        Self {
            dissector: Http1::new(from_start),
            positions,
            clock: 0,
            exchanges: Vec::new(),
            handover: None,
            capture: None,
            not_understood: 0,
            lost: 0,
            log: Vec::new(),
        }
    }

    pub(super) fn client(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.say(Side::Client, bytes.as_ref(), 0)
    }

    pub(super) fn server(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.say(Side::Server, bytes.as_ref(), 0)
    }

    /// A call of which only the beginning was captured.
    pub(super) fn say(&mut self, side: Side, bytes: &[u8], missing: u64) -> &mut Self {
        let position = &mut self.positions[side as usize];
        let first = Moment {
            position: *position,
            start: 10 * self.clock,
            end: 10 * self.clock + 5,
            task: Task { id: self.clock, ..Task::default() },
        };
        *position += bytes.len() as u64 + missing;
        self.clock += 1;
        let chunk = Chunk { side, first, bytes, missing, datagram: false };
        self.log.push(format!(
            "{side:?} {} {:?} +{missing}",
            first.position,
            String::from_utf8_lossy(bytes)
        ));
        let mut out = Output::default();
        self.dissector.feed(&chunk, &mut out);
        self.take(out)
    }

    /// Bytes that passed and of which nothing is known, until a later chunk shows it. (What is
    /// missing at the start of a connection must be said: no earlier chunk could show it.)
    pub(super) fn unseen(&mut self, side: Side, length: u64) -> &mut Self {
        if self.positions[side as usize] == 0 {
            return self.say(side, b"", length);
        }
        let position = &mut self.positions[side as usize];
        *position = position.wrapping_add(length);
        self.clock += 1;
        self
    }

    /// Turns back the clock, so that the next call overlaps the last.
    pub(super) fn meanwhile(&mut self) -> &mut Self {
        self.clock -= 1;
        self
    }

    pub(super) fn idle(&mut self, now: u64) -> &mut Self {
        let mut out = Output::default();
        self.dissector.idle(now, &mut out);
        self.take(out)
    }

    pub(super) fn half_closed(&mut self, side: Side) -> &mut Self {
        let mut out = Output::default();
        self.dissector.half_closed(side, self.now(), &mut out);
        self.take(out)
    }

    pub(super) fn closed(&mut self, ending: Ending) -> &mut Self {
        let mut out = Output::default();
        self.dissector.closed(ending, self.now(), &mut out);
        self.take(out)
    }

    fn now(&self) -> Moment {
        Moment { start: 10 * self.clock, end: 10 * self.clock, ..Moment::default() }
    }

    fn take(&mut self, out: Output) -> &mut Self {
        self.exchanges.extend(out.exchanges);
        self.handover = out.handover.or(self.handover);
        self.capture = out.capture.or(self.capture);
        self.not_understood += out.not_understood;
        self.lost += out.lost;
        self
    }

    /// `METHOD path status` of each exchange.
    pub(super) fn told(&self) -> Vec<String> {
        self.exchanges.iter().map(told).collect()
    }

    pub(super) fn open_request(&self, position: u64) -> Option<u64> {
        self.dissector.open_request(position).map(|moment| moment.position)
    }
}

pub(super) fn told(exchange: &Exchange) -> String {
    let facts = facts(exchange);
    let method = facts.method.as_ref().map_or("?", |method| method.name());
    let status = facts.status.map_or("-".to_owned(), |status| status.to_string());
    format!("{method} {} {status}", facts.path.as_deref().unwrap_or("?"))
}

pub(super) fn facts(exchange: &Exchange) -> &HttpFacts {
    match &exchange.facts {
        Facts::Http(facts) => facts,
        other => panic!("not HTTP: {other:?}"),
    }
}
