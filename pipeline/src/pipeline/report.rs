//! What a dissector has put out on its way to causality: an exchange, described.

use onlooker_protocol::{Capture, Ending, Exchange, Facts, Outcome};

use super::Pipeline;
use super::peers::Peers;
use crate::causality::Finished;
use crate::connection::{Connection, Taken, Verdict, policy};
use crate::messages::{Broker, told};
use crate::process::Processes;
use crate::span::{Vantage, describe};

/// Both ends of a connection that is used are seen within this time, in nanoseconds: targets that
/// are chosen together are set one after the other.
const PEERS_APPEAR_WITHIN: u64 = 1_000_000_000;

impl<P: Processes> Pipeline<P> {
    /// Deals with what a dissector has put out.
    pub(super) fn collect(&mut self, connection: &mut Connection) {
        if let Some(capture) = self.output.capture.take() {
            self.verdicts.push(verdict(connection, capture));
        }
        if !self.output.exchanges.is_empty() {
            self.report(connection, true);
        }
    }

    /// Hands the exchanges that were found to causality; `lives` says that more may come.
    pub(super) fn report(&mut self, connection: &mut Connection, lives: bool) {
        let mut exchanges = std::mem::take(&mut self.output.exchanges);
        for exchange in &mut exchanges {
            self.exchange(connection, exchange, lives);
        }
        // Its room is used again.
        exchanges.clear();
        self.output.exchanges = exchanges;
    }

    /// Takes what it needs out of the exchange, which is too large to be moved about.
    fn exchange(&mut self, connection: &mut Connection, exchange: &mut Exchange, lives: bool) {
        self.counters.exchanges += 1;
        connection.exchanges += 1;
        let endpoint = &connection.endpoint;
        let side =
            if connection.conversation.flipped() { endpoint.side.other() } else { endpoint.side };
        let vantage = Vantage {
            side,
            local: endpoint.local,
            peer: endpoint.peer,
            peer_text: endpoint.peer_text.as_ref(),
            client: connection.conversation.client(),
            unix_path: endpoint.path.as_deref(),
            transport: endpoint.transport.name(),
            tls: false,
            known_methods: self.known_methods.as_deref(),
        };
        if let Facts::Kafka(facts) = &exchange.facts
            && let (Some(cluster), Some((address, port))) = (&facts.cluster, vantage.server())
        {
            let broker = Broker { netns: endpoint.netns, address, port };
            self.causality.linker.learn(broker, cluster);
        }
        let Some(mut description) = describe(exchange, &vantage) else {
            self.counters.without_span += 1;
            return;
        };
        let messages = told(exchange, &vantage, endpoint.netns);
        let asked = vantage.is_asker(exchange);
        let (start, mut end) = times(exchange, asked, self.now);
        if is_open(exchange, asked) {
            self.counters.open += 1;
            description.attributes.set("onlooker.open", true);
            // It lasted at least until here.
            end = end.max(self.now);
        }
        let process = exchange.request.first.task.process;
        let process = if process == 0 { endpoint.process } else { process };
        let peer = self.table.peer_of(connection);
        let part = match &exchange.facts {
            Facts::Kafka(facts) => facts.topic_index,
            _ => 0,
        };
        let watched_for = exchange.request.first.end.saturating_sub(connection.first_seen);
        let finished = Box::new(Finished {
            connection: connection.id,
            peer,
            alone: peer.is_none() && connection.exchanges > 1 && watched_for > PEERS_APPEAR_WITHIN,
            transport: endpoint.transport,
            asked,
            serial: !matches!(connection.conversation.taken(), Taken::For("http/2", _)),
            first: connection.exchanges == 1 && connection.is_whole,
            from_start: connection.is_new && endpoint.side_certain,
            part,
            opener: endpoint.opener,
            handlers: self.processes.handlers(process),
            request: exchange.request,
            response: exchange.response,
            start,
            end,
            context: exchange.context.take(),
            links: std::mem::take(&mut exchange.links),
            messages,
            sender: None,
            description,
            resource: self.processes.resource(process),
        });
        let peers = Peers { table: &self.table, lent: lives.then_some(connection.id) };
        self.causality.add(finished, self.now, &peers);
    }
}

/// Whether the agent stopped looking before the exchange was over. What a span's end is told by was seen of
/// a call whose answer's head has been read.
fn is_open(exchange: &Exchange, asked: bool) -> bool {
    let answered = asked && exchange.response.is_some() && exchange.answered.is_some();
    exchange.outcome == Outcome::Aborted(Ending::Forgotten) && !answered
}

/// When the span starts and ends. A caller's starts before its first byte is sent and ends when
/// the answer's head has been read; a server's starts when the first byte has been read and ends
/// when the last has been sent.
fn times(exchange: &Exchange, asked: bool, now: u64) -> (u64, u64) {
    let first = exchange.request.first;
    // Without a response: when it was given up, if that is known.
    let response = exchange.response.map(|response| response.last);
    let last = exchange.over.or(response).or(exchange.answered).map(|last| last.end);
    let last = last.unwrap_or(match exchange.outcome {
        // It was waited for until the connection ended, of which this is told at once.
        Outcome::Aborted(_) => now,
        _ => exchange.request.last.end,
    });
    if asked {
        let answered = exchange.answered.map_or(last, |answered| answered.end);
        (first.start, answered.max(first.start))
    } else {
        (first.end, last.max(first.end))
    }
}

fn verdict(connection: &Connection, capture: Capture) -> Verdict {
    let endpoint = &connection.endpoint;
    let flipped = connection.conversation.flipped();
    let side = if flipped { endpoint.side.other() } else { endpoint.side };
    Verdict { socket: connection.socket, policy: policy(capture, side, connection.inode) }
}

#[cfg(test)]
mod tests {
    use onlooker_protocol::dns::DnsFacts;
    use onlooker_protocol::{Extent, Moment, Tail};

    use super::*;

    /// A database that is restarted, or a client that has waited for long enough.
    #[test]
    fn what_is_never_answered_lasts_until_its_connection_ends() {
        let request = Extent::at(Moment { start: 10, end: 11, ..Moment::default() });
        let facts = Facts::Dns(Box::<DnsFacts>::default());
        let mut exchange = Exchange::new(request, None, facts);
        exchange.outcome = Outcome::Aborted(Ending::Closed);
        assert_eq!(times(&exchange, true, 5_000), (10, 5_000));
        assert_eq!(times(&exchange, false, 5_000), (11, 5_000));
        // What the dissector knows is better.
        exchange.answered = Some(Tail { end: 4_000, ..Tail::default() });
        assert_eq!(times(&exchange, true, 5_000), (10, 4_000));
        assert_eq!(times(&exchange, false, 5_000), (11, 4_000));
        exchange.answered = None;
        exchange.outcome = Outcome::OneWay;
        assert_eq!(times(&exchange, true, 5_000), (10, 11));
    }
}
