//! What is said on a connection: detection, then a dissector. Knows no sockets; `replay` and the
//! tests drive it as the live agent does.

use onlooker_protocol::detect::{self, Evidence, Protocol, Verdict};
use onlooker_protocol::http2::Http2;
use onlooker_protocol::{
    Capture, Chunk, Dissector, Ending, Exchange, Facts, Handover, Moment, Output, Side,
};

use super::waiting::Waiting;

/// Bytes kept for the dissector while detection is undecided.
const MOST_WAITING: usize = 96 * 1024;
/// Turns of the client after which an older connection that made no sense is given up.
const MOST_TRIES: u32 = 16;
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

    /// Detection found the client where the server was thought to be. Chunks are still given as
    /// before; exchanges come out with the sides as they really are.
    #[must_use]
    pub fn flipped(&self) -> bool {
        self.flipped
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

    fn detect(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        let State::Detecting(waiting) = &mut self.state else { return };
        waiting.add(chunk, self.from_start[index(chunk.side)]);
        let size = waiting.size();
        match self.judge() {
            (Verdict::Found(protocol, evidence), flip) => {
                self.read(protocol, evidence, flip, false, out);
            }
            (Verdict::NeedMore, _) => {
                if let Some((protocol, evidence, flip)) = self.judge_last_turns() {
                    self.from_start = [false, false];
                    self.read(protocol, evidence, flip, true, out);
                } else if size >= MOST_WAITING {
                    self.try_again(out);
                }
            }
            (Verdict::Unknown, _) => {
                let State::Detecting(waiting) = &self.state else { return };
                let openings = waiting.openings();
                if size >= MOST_WAITING || openings.are_both_seen() || openings.is_full() {
                    self.try_again(out);
                }
            }
        }
    }

    /// The connection is taken for a protocol: its dissector gets what waited.
    fn read(
        &mut self,
        protocol: &'static Protocol,
        evidence: Evidence,
        flip: bool,
        last_turns: bool,
        out: &mut Output,
    ) {
        let from_start = self.from_start[0] && self.from_start[1];
        let reading = State::Reading(protocol, evidence, (protocol.dissector)(from_start));
        let State::Detecting(waiting) = std::mem::replace(&mut self.state, reading) else { return };
        self.flipped ^= flip;
        for kept in waiting.into_chunks(last_turns) {
            let chunk = kept.chunk();
            let side = if flip { chunk.side.other() } else { chunk.side };
            // A handover in the middle of what waited: the rest goes the usual way.
            self.feed(&Chunk { side: self.real(side), ..chunk }, out);
        }
    }

    /// Older connections may be in the middle of a message: look again at the next turns.
    fn try_again(&mut self, out: &mut Output) {
        self.tries += 1;
        let limit = if self.from_start[0] && self.from_start[1] { 1 } else { MOST_TRIES };
        if self.tries >= limit {
            self.give_up("unknown", out);
        } else {
            self.from_start = [false, false];
            self.state = State::Detecting(Waiting::default());
        }
    }

    fn judge(&self) -> (Verdict, bool) {
        let State::Detecting(waiting) = &self.state else { return (Verdict::Unknown, false) };
        let openings = waiting.openings();
        let verdict = detect::decide(&openings.asked_by(Side::Client, self.from_start), self.port);
        if self.sides_known || matches!(verdict, Verdict::Found(..)) {
            return (verdict, false);
        }
        match detect::decide(&openings.asked_by(Side::Server, self.from_start), self.port) {
            Verdict::Found(protocol, evidence) => (Verdict::Found(protocol, evidence), true),
            Verdict::NeedMore => (Verdict::NeedMore, false),
            Verdict::Unknown => (verdict, false),
        }
    }

    /// What the connection began with was not captured, or not wholly, and what there is of it
    /// leaves open what it is: a later turn, with the answer to it, may tell.
    fn judge_last_turns(&mut self) -> Option<(&'static Protocol, Evidence, bool)> {
        let State::Detecting(waiting) = &self.state else { return None };
        if !self.from_start.contains(&false) && !waiting.openings().is_broken() {
            return None;
        }
        let (asker, openings) = waiting.last_turns()?;
        if self.sides_known && asker != Side::Client {
            return None;
        }
        if waiting.is_new_turn() {
            self.turns += 1;
        }
        if self.turns > MOST_TRIES {
            return None;
        }
        match detect::decide(&openings.asked_by(asker, [false, false]), self.port) {
            Verdict::Found(protocol, evidence) => Some((protocol, evidence, asker == Side::Server)),
            Verdict::NeedMore | Verdict::Unknown => None,
        }
    }
}

/// Whether HTTP/1 gave this exchange for the change to HTTP/2.
fn is_upgrade(exchange: &mut Exchange) -> bool {
    matches!(&exchange.facts, Facts::Http(facts) if facts.upgrade.as_deref() == Some("h2c"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets both sides speak in turn, one call each.
    fn hear(conversation: &mut Conversation, says: &[(Side, &[u8])]) -> Output {
        let mut out = Output::default();
        let mut positions = [0_u64; 2];
        conversation.starts(Side::Client, true);
        conversation.starts(Side::Server, true);
        for (time, &(side, bytes)) in (0..).zip(says) {
            let position = &mut positions[index(side)];
            let first = Moment { position: *position, start: time, end: time, ..Moment::default() };
            *position += bytes.len() as u64;
            conversation.feed(&Chunk::new(side, first, bytes), &mut out);
        }
        out
    }

    fn statuses(out: &Output) -> Vec<Option<u16>> {
        let status = |exchange: &Exchange| match &exchange.facts {
            Facts::Http(facts) => facts.status,
            other => panic!("{other:?}"),
        };
        out.exchanges.iter().map(status).collect()
    }

    /// RFC 9113 §3.1 (h2c upgrade, from RFC 7540 §3.2): the response to the request that asked
    /// for the upgrade is on stream 1.
    #[test]
    fn an_upgrade_to_http_2_is_one_exchange() {
        let mut conversation = Conversation::new(80, true, true, true);
        let request = b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n\
            Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n";
        let switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
            Upgrade: h2c\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        // HEADERS with END_HEADERS and END_STREAM on stream 1: `:status: 404`, indexed.
        let response = b"\0\0\x01\x01\x05\0\0\0\x01\x8d";
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let out = hear(
            &mut conversation,
            &[
                (Side::Client, request),
                (Side::Server, switched),
                (Side::Client, preface),
                (Side::Server, response),
            ],
        );
        assert_eq!(conversation.taken(), Taken::For("http/2", Evidence::Certain));
        assert_eq!(statuses(&out), [Some(404)]);
        let Facts::Http(facts) = &out.exchanges[0].facts else { panic!() };
        assert_eq!(facts.path.as_deref(), Some("/a"));
    }

    /// RFC 1035, section 4.2.1: a datagram is a message. Two queries in a row are not one of twice
    /// the length.
    #[test]
    fn datagrams_are_judged_one_by_one() {
        let query = |id: u8, kind: u8| {
            [&[0, id, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], &b"\x04shop\0\0"[..], &[kind, 0, 1]].concat()
        };
        let (a, aaaa) = (query(1, 1), query(2, 28));
        let answer = |query: &[u8]| {
            let mut answer = query.to_vec();
            answer[2] = 0x80;
            answer
        };
        let mut conversation = Conversation::new(5353, true, true, true);
        let mut out = Output::default();
        let datagrams =
            [(Side::Client, a.clone()), (Side::Client, aaaa.clone()), (Side::Server, answer(&a))];
        for (time, (side, bytes)) in (0..).zip(&datagrams) {
            let first =
                Moment { position: time * 100, start: time, end: time, ..Moment::default() };
            let chunk = Chunk { datagram: true, ..Chunk::new(*side, first, bytes) };
            conversation.feed(&chunk, &mut out);
        }
        assert_eq!(conversation.taken(), Taken::For("dns", Evidence::Likely));
        assert_eq!(out.exchanges.len(), 1);
    }

    #[test]
    fn a_tunnel_is_detected_anew() {
        let mut conversation = Conversation::new(3128, true, true, true);
        let out = hear(
            &mut conversation,
            &[
                (Side::Client, b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
                (Side::Server, b"HTTP/1.1 200 Connection established\r\n\r\n"),
                (Side::Client, b"\x16\x03\x01\x00\xc4\x01\x00\x00\xc0\x03\x03\xcb\x34\xec\xb1"),
                (Side::Server, b"\x16\x03\x03\x00\x5a\x02\x00\x00\x56\x03\x03\xa6\xaf\x06\xa4"),
            ],
        );
        assert_eq!(statuses(&out), [Some(200)]);
        assert_eq!(conversation.taken(), Taken::Opaque("tls"));
        assert_eq!(out.capture, Some(Capture::Mute));
    }

    /// A capture that begins with MySQL's login, or of which the greeting is cut: nothing there can
    /// be known for what it is, but a later command and the answer to it can.
    #[test]
    fn a_later_turn_tells_what_the_first_ones_do_not() {
        let greeting = &b"\x4a\0\0\0\x0a5.5.5-10.11.6-MariaDB\0"[..];
        let login = &b"\x54\0\0\x01\x84\xa6\x3f\0\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0"[..];
        let later = [
            (Side::Server, &b"\x07\0\0\x02\0\0\0\x02\0\0\0"[..], 0),
            (Side::Client, &b"\x09\0\0\0\x03select 1"[..], 0),
            (Side::Server, &b"\x07\0\0\x01\0\0\0\x02\0\0\0"[..], 0),
            (Side::Client, &b"\x01\0\0\0\x0e"[..], 0),
            (Side::Server, &b"\x07\0\0\x01\0\0\0\x02\0\0\0"[..], 0),
            (Side::Client, &b"\x01\0\0\0\x0e"[..], 0),
            (Side::Server, &b"\x07\0\0\x01\0\0\0\x02\0\0\0"[..], 0),
        ];
        let starts = [
            (false, vec![(Side::Client, login, 64)]),
            (true, vec![(Side::Server, greeting, 51), (Side::Client, login, 64)]),
        ];
        for (from_start, mut says) in starts {
            let mut conversation = Conversation::new(3306, true, from_start, from_start);
            let mut out = Output::default();
            says.extend(later);
            let mut positions = [0_u64; 2];
            for (time, (side, bytes, missing)) in (0..).zip(says) {
                let position = &mut positions[index(side)];
                let first =
                    Moment { position: *position, start: time, end: time, ..Moment::default() };
                *position += bytes.len() as u64 + missing;
                conversation.feed(&Chunk { missing, ..Chunk::new(side, first, bytes) }, &mut out);
            }
            assert_eq!(conversation.taken(), Taken::For("mysql", Evidence::Certain));
            assert!(!out.exchanges.is_empty());
        }
    }

    /// HTTP/2 with 80 KB on a stream, of which too little else was captured, then a request whose
    /// answer fills what is kept.
    #[test]
    fn a_long_answer_is_judged_before_it_is_given_up() {
        let mut conversation = Conversation::new(8080, true, false, false);
        let mut out = Output::default();
        let data = |stream| [&b"\0\x40\0\0\0\0\0\0"[..], &[stream], &[0; 0x4000]].concat();
        let headers = b"\0\0\x05\x01\x05\0\0\0\x03\x82\x86\x84\x01\0".repeat(3);
        let answer = [&b"\0\0\x01\x01\x04\0\0\0\x03\x88"[..], &data(3).repeat(2)].concat();
        let says = [
            (Side::Client, b"\0\x40\0\x01\x05\0\0\0\x01\x82\x86".to_vec()),
            (Side::Server, data(1).repeat(5)),
            (Side::Client, headers),
            (Side::Server, answer),
        ];
        let mut positions = [0_u64; 2];
        for (time, (side, bytes)) in (0..).zip(&says) {
            let position = &mut positions[index(*side)];
            let first = Moment { position: *position, start: time, end: time, ..Moment::default() };
            *position += bytes.len() as u64;
            conversation.feed(&Chunk::new(*side, first, bytes), &mut out);
        }
        assert_eq!(conversation.taken(), Taken::For("http/2", Evidence::Certain));
    }

    #[test]
    fn what_waits_is_given_out_in_time() {
        let mut conversation = Conversation::new(80, true, false, false);
        let mut out = Output::default();
        let at = |end: u64| Moment { start: end, end, ..Moment::default() };
        conversation
            .feed(&Chunk::new(Side::Client, at(0), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"), &mut out);
        conversation.feed(&Chunk::new(Side::Server, at(9), b"HTTP/1.1 204 N\r\n\r\n"), &mut out);
        assert!(out.exchanges.is_empty() && conversation.waits());
        conversation.idle(1_000_000_000, &mut out);
        assert_eq!(statuses(&out), [Some(204)]);
        assert!(!conversation.waits());
    }
}
