//! What has to hold for every recording of a database's conversation.

use onlooker_protocol::detect::Protocol;
use onlooker_protocol::{Exchange, Outcome};

use super::Random;
use super::turns::{Turn, bytewise, listen, scattered, whole};

/// What an exchange says, for comparing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub operation: String,
    pub text: Option<String>,
    pub rows: Option<u64>,
    pub failed: bool,
    pub code: Option<String>,
}

/// A protocol and how to look at its exchanges.
pub struct Reading {
    pub protocol: &'static Protocol,
    pub view: fn(&Exchange) -> View,
}

impl Reading {
    /// An exchange in a line: operation, text, rows, error, outcome if not complete.
    pub fn line(&self, exchange: &Exchange) -> String {
        let view = (self.view)(exchange);
        let mut line = view.operation;
        line.push(' ');
        line.push_str(view.text.as_deref().unwrap_or("(unknown)"));
        if let Some(rows) = view.rows {
            line.push_str(&format!(" rows={rows}"));
        }
        if view.failed {
            line.push_str(&format!(" {}", view.code.as_deref().unwrap_or("error")));
        }
        if exchange.outcome != Outcome::Complete {
            line.push_str(&format!(" {:?}", exchange.outcome));
        }
        line
    }

    pub fn lines(&self, exchanges: &[Exchange]) -> Vec<String> {
        exchanges.iter().map(|exchange| self.line(exchange)).collect()
    }

    fn fingerprints(&self, exchanges: &[Exchange]) -> Vec<(u64, u64, String)> {
        let at =
            |exchange: &Exchange| (exchange.request.first.position, exchange.request.last.position);
        exchanges.iter().map(|one| (at(one).0, at(one).1, self.line(one))).collect()
    }

    /// However the bytes are cut into chunks, the exchanges are the same.
    pub fn is_the_same_for_any_cut(&self, name: &str, turns: &[Turn]) {
        let truth = self.fingerprints(&listen(self.protocol, true, turns, whole).exchanges);
        let heard = listen(self.protocol, true, turns, bytewise);
        assert_eq!(self.fingerprints(&heard.exchanges), truth, "{name}");
        for seed in 1..=50 {
            let mut random = Random(seed);
            let cut = |_, turn: &Turn| scattered(&mut random, turn, 0);
            let heard = listen(self.protocol, true, turns, cut);
            assert_eq!(self.fingerprints(&heard.exchanges), truth, "{name} {seed}");
            assert_eq!(heard.not_understood + heard.lost, 0, "{name} {seed}");
        }
    }

    /// With holes, what is still said is true. Returns which part of it all was.
    pub fn is_true_with_holes(&self, name: &str, turns: &[Turn]) -> f64 {
        let truth = listen(self.protocol, true, turns, whole).exchanges;
        let (mut all, mut found) = (0, 0);
        for seed in 1..=400 {
            let mut random = Random(seed);
            let holes = 4 + random.below(60);
            let cut = |_, turn: &Turn| scattered(&mut random, turn, holes);
            let heard = listen(self.protocol, true, turns, cut);
            self.assert_true(&heard.exchanges, &truth, &format!("{name} {seed}"));
            all += truth.len();
            found += heard.exchanges.len();
        }
        found as f64 / all as f64
    }

    /// A watch that begins at any turn says nothing that is not true.
    pub fn is_true_from_any_turn(&self, name: &str, turns: &[Turn]) {
        let truth = listen(self.protocol, true, turns, whole).exchanges;
        for from in 1..turns.len() {
            let heard = listen(self.protocol, false, turns, |number, turn| {
                if number < from { Vec::new() } else { whole(number, turn) }
            });
            self.assert_true(&heard.exchanges, &truth, &format!("{name} from {from}"));
        }
    }

    /// Each exchange is one of the truth, and what is said of it is right or not said.
    fn assert_true(&self, heard: &[Exchange], truth: &[Exchange], context: &str) {
        let mut last = None;
        for exchange in heard {
            let at = exchange.request.first.position;
            let Some(found) = truth.iter().position(|one| one.request.covers(at)) else {
                panic!("{context}: {} was never asked", self.line(exchange));
            };
            assert!(last.is_none_or(|last| found > last), "{context}: {}", self.line(exchange));
            last = Some(found);
            let said = (self.view)(exchange);
            let real = (self.view)(&truth[found]);
            let about =
                format!("{context}: {} is {}", self.line(exchange), self.line(&truth[found]));
            if let (Some(said), Some(real)) = (&said.text, &real.text) {
                // A text that was cut in a literal or a list of them ends in that.
                assert!(real.starts_with(said.trim_end_matches(['?', ',', ' '])), "{about}");
            }
            if said.failed || exchange.outcome == Outcome::Complete {
                assert_eq!(said.failed, real.failed, "{about}");
            }
            if said.code.is_some() {
                assert_eq!(said.code, real.code, "{about}");
            }
            if said.rows.is_some() {
                assert_eq!(said.rows, real.rows, "{about}");
            }
        }
    }
}
