//! What is said on a connection: detection, then a dissector. Knows no sockets; `replay` and the
//! tests drive it as the live agent does.

mod detection;

use std::net::IpAddr;

use onlooker_protocol::detect::{self, Evidence, Protocol};
use onlooker_protocol::http2::Http2;
use onlooker_protocol::{
    Capture, Chunk, Dissector, Ending, Exchange, Facts, Handover, Moment, Output, Side,
};

use super::waiting::Waiting;

/// Times that a dissector may be found to be the wrong one before the connection is given up.
const MOST_DEMOTIONS: u32 = 3;

/// What a connection was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Not decided.
    Undecided,
    /// A protocol, on this evidence.
    For(&'static str, Evidence),
    /// Nothing that can be read, and why.
    Opaque(&'static str),
}

/// Losses and doubts of one conversation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Doubts {
    /// Messages that were not understood.
    pub not_understood: u64,
    /// Messages whose ends were lost.
    pub lost: u64,
    /// Times that a dissector gave the connection back.
    pub demotions: u32,
}

/// One connection's reader.
pub struct Conversation {
    state: State,
    /// Which way round the sides are is known, not guessed.
    sides_known: bool,
    /// The sides as they were given are the wrong way round.
    flipped: bool,
    from_start: [bool; 2],
    port: u16,
    /// Who is behind the proxy.
    client: Option<IpAddr>,
    demotions: u32,
    tries: u32,
    /// Later turns that were judged on their own.
    turns: u32,
    doubts: Doubts,
}

enum State {
    Detecting(Waiting),
    Reading(&'static Protocol, Evidence, Box<dyn Dissector>),
    Opaque(&'static str),
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Conversation({:?})", self.taken())
    }
}

pub(super) const fn index(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

impl Conversation {
    /// A conversation with the server's port. `sides_known` says that chunks are given with the
    /// right side for certain; else detection may turn them round ([`flipped`](Self::flipped)).
    #[must_use]
    pub fn new(port: u16, sides_known: bool, client_start: bool, server_start: bool) -> Self {
        Self {
            state: State::Detecting(Waiting::default()),
            sides_known,
            flipped: false,
            from_start: [client_start, server_start],
            port,
            client: None,
            demotions: 0,
            tries: 0,
            turns: 0,
            doubts: Doubts::default(),
        }
    }

    /// What is said to a group of hosts, or by one of them: multicast DNS, LLMNR, service discovery.
    /// Nobody in particular is asked and any number may answer, so there are no exchanges (RFC 6762,
    /// section 6.7: also not of a resolver that takes the first answer).
    #[must_use]
    pub fn multicast() -> Self {
        Self { state: State::Opaque("multicast"), ..Self::new(0, true, true, true) }
    }

    /// Says whether the first chunk of a side will be the connection's first bytes of that side.
    pub fn starts(&mut self, side: Side, at_start: bool) {
        self.from_start[index(self.real(side))] = at_start;
    }

    /// What the connection was taken for.
    #[must_use]
    pub fn taken(&self) -> Taken {
        match &self.state {
            State::Detecting(_) => Taken::Undecided,
            State::Reading(protocol, evidence, _) => Taken::For(protocol.name, *evidence),
            State::Opaque(why) => Taken::Opaque(why),
        }
    }

    /// Whether something was said, and it is not decided what it is.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        matches!(&self.state, State::Detecting(waiting) if waiting.size() > 0)
    }

    /// Detection found the client where the server was thought to be. Chunks are still given as
    /// before; exchanges come out with the sides as they really are.
    #[must_use]
    pub fn flipped(&self) -> bool {
        self.flipped
    }

    /// Who opened the connection that a proxy passes on, as the proxy said before all else.
    #[must_use]
    pub fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// What was not understood.
    #[must_use]
    pub fn doubts(&self) -> Doubts {
        self.doubts
    }

    /// The request that is still open and covers a position of the client's stream.
    #[must_use]
    pub fn open_request(&self, position: u64) -> Option<Moment> {
        match &self.state {
            State::Reading(_, _, dissector) => dissector.open_request(position),
            _ => None,
        }
    }

    /// Takes the next chunk.
    pub fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        let chunk = Chunk { side: self.real(chunk.side), ..*chunk };
        match &mut self.state {
            State::Reading(_, _, dissector) => {
                dissector.feed(&chunk, out);
                self.after(Some(&chunk), out);
            }
            State::Detecting(_) => self.detect(&chunk, out),
            State::Opaque(_) => {}
        }
    }

    /// Whether the dissector holds something back that time alone may release.
    #[must_use]
    pub fn waits(&self) -> bool {
        matches!(&self.state, State::Reading(_, _, dissector) if dissector.waits())
    }

    /// Time passes.
    pub fn idle(&mut self, now: u64, out: &mut Output) {
        if let State::Reading(_, _, dissector) = &mut self.state {
            dissector.idle(now, out);
            self.after(None, out);
        }
    }

    /// About how many bytes it holds beyond its own size.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.state {
            State::Detecting(waiting) => waiting.held(),
            State::Reading(_, _, dissector) => dissector.held(),
            State::Opaque(_) => 0,
        }
    }

    /// Gives out what is under way as it stands, and reads on as if from the middle.
    pub fn start_over(&mut self, ending: Ending, at: Moment, out: &mut Output) {
        self.closed(ending, at, out);
        if matches!(self.state, State::Opaque(_)) {
            return;
        }
        self.from_start = [false, false];
        self.state = State::Detecting(Waiting::default());
        out.capture = Some(Capture::Heads { client: 64 * 1024, server: 64 * 1024 });
    }

    /// One direction ended.
    pub fn half_closed(&mut self, side: Side, at: Moment, out: &mut Output) {
        let side = self.real(side);
        if let State::Reading(_, _, dissector) = &mut self.state {
            dissector.half_closed(side, at, out);
            self.after(None, out);
        }
    }

    /// The connection is over.
    pub fn closed(&mut self, ending: Ending, at: Moment, out: &mut Output) {
        if let State::Reading(_, _, dissector) = &mut self.state {
            dissector.closed(ending, at, out);
            self.after(None, out);
        }
    }

    fn real(&self, side: Side) -> Side {
        if self.flipped { side.other() } else { side }
    }

    /// Collects doubts and obeys handovers.
    fn after(&mut self, chunk: Option<&Chunk<'_>>, out: &mut Output) {
        self.doubts.not_understood += std::mem::take(&mut out.not_understood);
        self.doubts.lost += std::mem::take(&mut out.lost);
        let Some(handover) = out.handover.take() else { return };
        self.client = out.client.take().or(self.client);
        match handover {
            Handover::NotMine => {
                self.demotions += 1;
                self.doubts.demotions += 1;
                if self.demotions > MOST_DEMOTIONS {
                    self.give_up("misdetected", out);
                    return;
                }
                self.from_start = [false, false];
                self.state = State::Detecting(Waiting::default());
                out.capture = Some(Capture::Heads { client: 64 * 1024, server: 64 * 1024 });
            }
            Handover::Opaque(why) => self.give_up(why, out),
            Handover::Detect { client, server } => {
                self.from_start = [true, true];
                self.state = State::Detecting(Waiting::default());
                out.capture = Some(Capture::Heads { client: 64 * 1024, server: 64 * 1024 });
                self.resume(chunk, client, server, out);
            }
            Handover::Http2 { client, server } => {
                let http2 = detect::PROTOCOLS.iter().find(|protocol| protocol.name == "http/2");
                let Some(http2) = http2 else { return self.give_up("http/2", out) };
                // The request came by HTTP/1; its response comes on stream 1.
                let asked = out.exchanges.pop_if(is_upgrade);
                let dissector = Box::new(Http2::upgraded(asked.as_ref()));
                self.state = State::Reading(http2, Evidence::Certain, dissector);
                self.resume(chunk, client, server, out);
            }
        }
    }

    /// Feeds the rest of a chunk, in whose middle the next protocol begins.
    fn resume(&mut self, chunk: Option<&Chunk<'_>>, client: u64, server: u64, out: &mut Output) {
        let Some(chunk) = chunk else { return };
        let from = if chunk.side == Side::Client { client } else { server };
        let cut = from.saturating_sub(chunk.first.position);
        if cut >= chunk.bytes.len() as u64 {
            return;
        }
        let mut rest = *chunk;
        rest.bytes = chunk.bytes.get(cut as usize..).unwrap_or_default();
        rest.first.position = from.max(chunk.first.position);
        rest.side = self.real(rest.side);
        self.feed(&rest, out);
    }

    fn give_up(&mut self, why: &'static str, out: &mut Output) {
        self.state = State::Opaque(why);
        out.capture = Some(Capture::Mute);
    }
}

/// Whether HTTP/1 gave this exchange for the change to HTTP/2.
fn is_upgrade(exchange: &mut Exchange) -> bool {
    matches!(&exchange.facts, Facts::Http(facts) if facts.upgrade.as_deref() == Some("h2c"))
}

#[cfg(test)]
mod tests;
