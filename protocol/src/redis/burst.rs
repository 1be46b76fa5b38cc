//! One exchange in the making: a command, a pipeline or a transaction that waits for replies.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::chunk::Moment;
use crate::exchange::{Exchange, Extent, Facts, Outcome};

use super::RedisFacts;
use super::command::{self, Effect};
use super::reply::Reply;
use super::request::Request;

/// The text of a pipeline ends after the command that crosses this length, in bytes.
const TEXT_LIMIT: usize = 2048;

/// What a command waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaits {
    /// One reply.
    Reply,
    /// One reply, which makes this the selected database (`None`: unknown).
    Select(Option<u32>),
    /// So many confirmations, or one reply of another kind.
    Confirmations(u32),
    /// The results of a transaction.
    Results,
    /// The state of a new connection.
    Reset,
    /// The start of a feed.
    Feed,
}

impl Awaits {
    pub(super) fn of(request: &Request) -> Self {
        match request.effect {
            Effect::Select => Self::Select(command::number(request.leading[0].bytes())),
            Effect::Subscribe | Effect::Unsubscribe => {
                Self::Confirmations(request.arguments.max(1))
            }
            Effect::Exec => Self::Results,
            Effect::Reset => Self::Reset,
            Effect::Monitor => Self::Feed,
            _ => Self::Reply,
        }
    }
}

/// Where a burst stands between `MULTI` and `EXEC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    /// It is none, or is mixed with other commands.
    No,
    /// It began with `MULTI`.
    Open,
    /// It ended with `EXEC`.
    Done,
}

/// Commands of one write.
#[derive(Debug)]
pub(super) struct Burst {
    pub(super) request: Extent,
    /// What the next command waits for; `None` when all have been answered.
    pub(super) front: Option<Awaits>,
    /// What the commands after it wait for. The dissector limits it.
    rest: VecDeque<Awaits>,
    /// From the first byte of the first reply to the last byte of the latest.
    response: Option<Extent>,
    /// Name of the first command.
    first: Cow<'static, str>,
    /// Name of the first command that is neither `MULTI` nor `EXEC`, if that is a later one.
    later: Option<Cow<'static, str>>,
    /// All commands but `MULTI` and `EXEC` have the same name.
    alike: bool,
    commands: u32,
    starts_with_bracket: bool,
    /// Commands that are `MULTI` or `EXEC`.
    brackets: u32,
    transaction: Transaction,
    text: String,
    error: Option<Box<str>>,
    procedure: Option<Box<str>>,
    /// The database at the first reply, once that came.
    database: Option<Option<u32>>,
    /// Commands may have been lost behind those that are known.
    lost: Lost,
}

/// How many commands of a burst are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    /// All of them.
    None,
    /// As many as were answered.
    Counted,
    /// Replies were lost, too.
    Uncounted,
}

impl Burst {
    /// What it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        self.rest.capacity() * size_of::<Awaits>() + self.text.capacity()
    }

    pub(super) fn new(request: Request, awaits: Awaits) -> Self {
        let is_bracket = matches!(request.effect, Effect::Multi | Effect::Exec);
        let begins = request.effect == Effect::Multi;
        Self {
            request: request.extent,
            front: Some(awaits),
            rest: VecDeque::new(),
            response: None,
            alike: true,
            commands: 1,
            starts_with_bracket: is_bracket,
            brackets: is_bracket.into(),
            transaction: if begins { Transaction::Open } else { Transaction::No },
            text: request.text,
            error: None,
            procedure: request.procedure,
            database: None,
            lost: Lost::None,
            first: request.name,
            later: None,
        }
    }

    /// Adds a command of the same write.
    pub(super) fn join(&mut self, request: Request, awaits: Awaits) {
        self.request.last = request.extent.last;
        match self.front {
            None => self.front = Some(awaits),
            Some(_) => self.rest.push_back(awaits),
        }
        self.commands = self.commands.saturating_add(1);
        self.transaction = match (self.transaction, request.effect) {
            (Transaction::Open, Effect::Exec) => Transaction::Done,
            (Transaction::Open, effect) if effect != Effect::Multi => Transaction::Open,
            _ => Transaction::No,
        };
        if matches!(request.effect, Effect::Multi | Effect::Exec) {
            self.brackets = self.brackets.saturating_add(1);
        } else {
            match self.common() {
                None => self.later = Some(request.name),
                Some(common) => self.alike &= common.eq_ignore_ascii_case(&request.name),
            }
        }
        if self.text.len() <= TEXT_LIMIT {
            self.text.push_str("; ");
            self.text.push_str(&request.text);
        } else if !self.text.ends_with(" ...") {
            self.text.push_str(" ...");
        }
        if self.procedure.is_none() {
            self.procedure = request.procedure;
        }
    }

    /// The rest of the burst was lost, but for the front of a command.
    pub(super) fn cut(&mut self, front: Option<Request>, database: Option<u32>) {
        if let Some(request) = front {
            let awaits = Awaits::of(&request);
            self.join(request, awaits);
        }
        if !self.text.ends_with(" ...") {
            self.text.push_str(" ...");
        }
        self.database = Some(database);
        self.lost = Lost::Counted;
    }

    /// Whether commands were lost.
    pub(super) fn is_cut(&self) -> bool {
        self.lost != Lost::None
    }

    /// Whether replies tell how many commands there are.
    pub(super) fn is_counting(&self) -> bool {
        self.lost == Lost::Counted
    }

    /// Whether replies are to come for certain.
    pub(super) fn is_awaited(&self) -> bool {
        self.front.is_some() && self.lost != Lost::Uncounted
    }

    /// Replies were lost.
    pub(super) fn stop_counting(&mut self) {
        self.lost = Lost::Uncounted;
    }

    /// How many commands have no reply yet.
    pub(super) fn outstanding(&self) -> usize {
        usize::from(self.front.is_some()) + self.rest.len()
    }

    /// Whether any reply came, or began to come.
    pub(super) fn is_answered(&self) -> bool {
        self.response.is_some()
    }

    /// Notes bytes of the response.
    pub(super) fn responds(&mut self, first: Moment, last: Moment) {
        match &mut self.response {
            Some(extent) => extent.last = last.into(),
            None => self.response = Some(Extent::new(first, last)),
        }
    }

    /// Takes the reply to the front command; whether all commands have been answered.
    pub(super) fn answer(&mut self, reply: &Reply, database: Option<u32>) -> bool {
        self.database.get_or_insert(database);
        self.responds(reply.first, reply.last);
        let in_results = self.front == Some(Awaits::Results);
        let error = match (&reply.error, &reply.inner_error) {
            (Some(error), _) => Some(error),
            (None, Some(error)) if in_results => Some(error),
            _ => None,
        };
        if let (None, Some(error)) = (&self.error, error) {
            self.error = Some(error.clone());
        }
        if self.front.is_none() {
            self.commands = self.commands.saturating_add(1);
        }
        self.front = self.rest.pop_front();
        self.front.is_none() && !self.is_cut()
    }

    /// The exchange. `database` counts if no reply came that would have told.
    pub(super) fn into_exchange(mut self, outcome: Outcome, database: Option<u32>) -> Exchange {
        let database = self.database.unwrap_or(database);
        let is_unknown = self.lost == Lost::Uncounted;
        let (operation, commands) = self.operation();
        let commands = if is_unknown { 0 } else { commands };
        let facts = RedisFacts {
            operation,
            commands,
            text: self.text.into_boxed_str(),
            database,
            error: self.error,
            procedure: self.procedure,
        };
        let mut exchange =
            Exchange::new(self.request, self.response, Facts::Redis(Box::new(facts)));
        exchange.outcome = outcome;
        exchange
    }

    /// Name of the first command that is neither `MULTI` nor `EXEC`.
    fn common(&self) -> Option<&str> {
        match &self.later {
            Some(name) => Some(name),
            None if self.starts_with_bracket => None,
            None => Some(&self.first),
        }
    }

    fn operation(&mut self) -> (Cow<'static, str>, u32) {
        if self.commands == 1 {
            return (std::mem::take(&mut self.first), 1);
        }
        let (batch, commands) = match self.transaction {
            Transaction::Done => ("MULTI", self.commands - self.brackets.min(self.commands)),
            Transaction::No | Transaction::Open => ("PIPELINE", self.commands),
        };
        let is_pure = batch == "MULTI" || self.brackets == 0;
        // A batch of one is none.
        if batch == "MULTI"
            && commands == 1
            && let Some(only) = self.later.take()
        {
            return (only, 1);
        }
        let operation = match self.common() {
            Some(common) if self.alike && is_pure => Cow::Owned(format!("{batch} {common}")),
            _ => Cow::Borrowed(batch),
        };
        (operation, commands)
    }
}
