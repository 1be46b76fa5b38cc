//! `db.query.summary`: operations and their targets.
//!
//! By the rules and test cases of the OpenTelemetry database conventions
//! (<https://opentelemetry.io/docs/specs/semconv/db/database-spans/#generating-a-summary-of-the-query>).
//! A `SELECT` that continues another one (`UNION`) is not repeated; the body of a `CREATE` or
//! `ALTER` is not looked into; names of columns, cursors, savepoints and settings are no targets.

mod word;

use super::Dialect;
use super::token::{Kind, Token};
use word::Word;

/// The longest summary, in characters, by the conventions.
pub const SUMMARY_LIMIT: usize = 255;

/// As long as most summaries are, in bytes.
const USUAL: usize = 32;

/// Parentheses beyond this depth are read as if they were on one level.
const DEPTH_LIMIT: usize = 32;

/// Builds the summary from tokens.
#[derive(Debug)]
pub struct Summariser<'a> {
    text: &'a str,
    dialect: Dialect,
    out: String,
    /// Characters in `out`.
    length: usize,
    full: bool,
    levels: [Clause; DEPTH_LIMIT],
    depth: usize,
    /// Parentheses open beyond the limit.
    beyond: usize,
    /// A target that may go on with `.name`.
    target: Option<Target>,
    /// Statements begun.
    statements: u32,
    /// No token of the statement was seen yet.
    fresh: bool,
    /// The word before, for `IS DISTINCT FROM`.
    before: Word,
}

#[derive(Clone, Copy, Debug)]
struct Target {
    start: usize,
    end: usize,
    after_dot: bool,
}

/// What a level of parentheses is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clause {
    /// A statement begins. `quiet`: it continues another one, its `SELECT` is not repeated.
    Start { quiet: bool },
    /// Parentheses in an expression: nothing, or a subquery.
    Nested,
    /// Parentheses where a table is expected: a subquery or a join.
    Source,
    /// An expression or a list, where only parentheses can bring a subquery.
    Rest,
    /// Between `SELECT` and `FROM`, or between `SET` and a second `FROM`.
    Select,
    /// A list of tables; `expect`: the next name is one.
    From { expect: bool },
    /// `JOIN … USING (columns)`, `DELETE … USING table`, `MERGE … USING (SELECT …)`.
    Using,
    /// A verb was read that is followed by its one target, behind words of no interest.
    Target,
    /// The target was read: `SELECT`, `VALUES`, … may follow.
    Targeted,
    /// Behind `WITH`, `EXPLAIN`, `DECLARE`: a statement comes, behind words of no interest.
    Prelude,
    /// Behind `CREATE`, `ALTER`, `DROP`, …: the kind of object comes.
    Object,
    /// Behind `TRUNCATE`: `TABLE` may come.
    Truncate,
    /// The kind was read: the name comes. `many`: commas bring further ones.
    Name { many: bool },
    /// A name was read that a comma may bring another one behind.
    Named,
    /// Nothing counts until the next statement.
    Dead,
    /// Nothing counts until the end of the text: a body has semicolons of its own.
    Body,
}

impl<'a> Summariser<'a> {
    /// A summariser for the tokens of `text`.
    #[must_use]
    pub fn new(text: &'a str, dialect: Dialect) -> Self {
        Self {
            text,
            dialect,
            out: String::with_capacity(USUAL),
            length: 0,
            full: false,
            levels: [Clause::Start { quiet: false }; DEPTH_LIMIT],
            depth: 0,
            beyond: 0,
            target: None,
            statements: 0,
            fresh: true,
            before: Word::Other,
        }
    }

    /// Takes the next token.
    pub fn push(&mut self, token: &Token) {
        if matches!(token.kind, Kind::Space | Kind::Comment) {
            return;
        }
        if token.kind == Kind::Punctuation(b';') {
            self.fresh = true;
        } else if self.fresh && self.levels.first() != Some(&Clause::Body) {
            self.fresh = false;
            self.statements = self.statements.saturating_add(1);
        }
        if self.full {
            return;
        }
        if let Some(target) = &mut self.target {
            match token.kind {
                Kind::Punctuation(b'.') => {
                    target.after_dot = true;
                    return;
                }
                Kind::Word | Kind::Quoted if target.after_dot => {
                    target.end = token.end;
                    target.after_dot = false;
                    return;
                }
                _ => self.flush(),
            }
        }
        match token.kind {
            Kind::Word => self.word(token),
            Kind::Quoted => self.name(token),
            Kind::Text => self.literal(token),
            Kind::Punctuation(byte) => self.punctuation(byte),
            _ => self.value(),
        }
    }

    /// How many statements there were.
    #[must_use]
    pub fn statements(&self) -> u32 {
        self.statements
    }

    /// The summary; empty if there was no operation.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.flush();
        self.out
    }

    fn clause(&self) -> Clause {
        self.levels.get(self.depth).copied().unwrap_or(Clause::Dead)
    }

    fn set(&mut self, clause: Clause) {
        if let Some(level) = self.levels.get_mut(self.depth) {
            *level = clause;
        }
    }

    fn flush(&mut self) {
        if let Some(target) = self.target.take() {
            self.emit(target.start, target.end);
        }
    }

    fn emit(&mut self, start: usize, end: usize) {
        let Some(part) = self.text.get(start..end) else { return };
        let length = part.chars().count() + usize::from(!self.out.is_empty());
        if self.full || self.length + length > SUMMARY_LIMIT {
            self.full = true;
            return;
        }
        if !self.out.is_empty() {
            self.out.push(' ');
        }
        self.out.push_str(part);
        self.length += length;
    }

    /// A verb, and what comes behind it.
    fn verb(&mut self, token: &Token, then: Clause) {
        self.emit(token.start, token.end);
        self.set(then);
    }

    /// A name that can be a target.
    fn name(&mut self, token: &Token) {
        let next = match self.clause() {
            Clause::From { expect: true } | Clause::Source | Clause::Using => {
                Clause::From { expect: false }
            }
            Clause::Target => Clause::Targeted,
            Clause::Name { many: true } | Clause::Truncate => Clause::Named,
            Clause::Name { many: false } => Clause::Dead,
            // No statement starts with a quoted name.
            Clause::Start { .. } => return self.set(Clause::Dead),
            Clause::Nested => return self.set(Clause::Rest),
            _ => return,
        };
        self.set(next);
        self.target = Some(Target { start: token.start, end: token.end, after_dot: false });
    }

    /// A string. The conventions have `FROM 'artists'` as a target; dialects that we know to
    /// refuse that see a literal, and no literal leaves.
    fn literal(&mut self, token: &Token) {
        if self.dialect == Dialect::Standard && self.clause() == (Clause::From { expect: true }) {
            self.name(token);
        } else {
            self.value();
        }
    }

    /// A number, placeholder or string.
    fn value(&mut self) {
        match self.clause() {
            Clause::From { expect: true } => self.set(Clause::From { expect: false }),
            Clause::Nested | Clause::Source => self.set(Clause::Rest),
            Clause::Name { .. } | Clause::Truncate => self.set(Clause::Dead),
            _ => {}
        }
    }

    fn punctuation(&mut self, byte: u8) {
        match byte {
            b'(' => self.open(),
            b')' => self.close(),
            b';' if self.levels.first() != Some(&Clause::Body) => {
                self.depth = 0;
                self.beyond = 0;
                self.set(Clause::Start { quiet: false });
            }
            b',' => match self.clause() {
                Clause::From { .. } => self.set(Clause::From { expect: true }),
                Clause::Named => self.set(Clause::Name { many: true }),
                _ => {}
            },
            _ if self.clause() == Clause::Nested => self.set(Clause::Rest),
            _ => {}
        }
    }

    fn close(&mut self) {
        if self.beyond > 0 {
            self.beyond -= 1;
        } else {
            self.depth = self.depth.saturating_sub(1);
        }
    }

    fn open(&mut self) {
        if self.depth + 1 >= DEPTH_LIMIT {
            self.beyond += 1;
            return;
        }
        let (outer, inner) = match self.clause() {
            Clause::Start { quiet } => (Clause::Rest, Clause::Start { quiet }),
            Clause::From { expect: true } | Clause::Source => {
                (Clause::From { expect: false }, Clause::Source)
            }
            Clause::Using => (Clause::From { expect: false }, Clause::Nested),
            Clause::Named | Clause::Name { .. } => (Clause::Dead, Clause::Dead),
            outer @ (Clause::Dead | Clause::Body | Clause::Object) => (outer, Clause::Dead),
            // A common table's statement, or its columns; the options of `EXPLAIN`.
            Clause::Prelude => (Clause::Prelude, Clause::Prelude),
            outer => (outer, Clause::Nested),
        };
        self.set(outer);
        self.depth += 1;
        self.set(inner);
    }

    fn word(&mut self, token: &Token) {
        let word = Word::of(self.text.as_bytes().get(token.start..token.end).unwrap_or_default());
        let before = std::mem::replace(&mut self.before, word);
        match (self.clause(), word) {
            (Clause::Start { quiet }, _) => self.start(token, word, quiet),
            (Clause::Prelude, word) if word.starts_statement() => self.start(token, word, false),
            (Clause::Nested | Clause::Source, Word::Select | Word::With) => {
                self.enter_query();
                self.start(token, word, false);
            }
            (Clause::Nested | Clause::Source, Word::Values) => self.set(Clause::Rest),
            (Clause::Nested, _) => self.set(Clause::Rest),
            (Clause::Source | Clause::From { expect: true }, Word::Modifier) => {}
            (Clause::Source | Clause::From { expect: true } | Clause::Using, _) => {
                self.name(token);
            }
            (Clause::Select, Word::From) if before == Word::Distinct => {}
            (Clause::Select, Word::From) | (Clause::From { .. }, Word::Join) => {
                self.set(Clause::From { expect: true });
            }
            (Clause::From { .. }, Word::Set) => self.set(Clause::Select),
            (Clause::From { .. } | Clause::Targeted, Word::Using) => self.set(Clause::Using),
            (Clause::Select | Clause::From { .. }, Word::Tail | Word::Group) => {
                self.set(Clause::Rest);
            }
            (Clause::Select | Clause::From { .. } | Clause::Rest, Word::Union) => {
                self.set(Clause::Start { quiet: true });
            }
            (Clause::Target, word) if word.precedes_target() => {}
            (Clause::Target, Word::Insert) => {} // LOAD DATA … REPLACE INTO TABLE
            (Clause::Target, _) => self.name(token),
            (Clause::Targeted, Word::Select | Word::With | Word::Table) => {
                self.start(token, word, false);
            }
            (Clause::Targeted, Word::On | Word::Set | Word::Values) => self.set(Clause::Rest),
            (Clause::Object, Word::Table) => self.verb(token, Clause::Name { many: true }),
            (Clause::Object, Word::Object | Word::Container | Word::Group) => {
                self.verb(token, Clause::Name { many: false });
            }
            (Clause::Object, Word::Transaction) => self.verb(token, Clause::Dead),
            (Clause::Truncate, Word::Table) => self.verb(token, Clause::Name { many: true }),
            (Clause::Name { .. } | Clause::Truncate, Word::Condition | Word::Modifier) => {}
            (Clause::Name { .. }, Word::On) => self.set(Clause::Dead),
            (Clause::Name { .. } | Clause::Truncate, _) => self.name(token),
            (Clause::Named | Clause::Dead, Word::Begin) => self.set(Clause::Body),
            (Clause::Named, _) => self.set(Clause::Dead),
            _ => {}
        }
    }

    /// The first word of a statement.
    fn start(&mut self, token: &Token, word: Word, quiet: bool) {
        match word {
            Word::Select if quiet => self.set(Clause::Select),
            Word::All | Word::Distinct if quiet => {}
            _ if quiet => self.set(Clause::Rest),
            Word::Select | Word::Delete => self.verb(token, Clause::Select),
            Word::Update => self.verb(token, Clause::From { expect: true }),
            Word::Insert | Word::OneTarget | Word::Analyze | Word::Table => {
                self.verb(token, Clause::Target);
            }
            Word::With => self.set(Clause::Prelude),
            Word::Explain | Word::Declare => self.verb(token, Clause::Prelude),
            Word::Create | Word::Start => self.verb(token, Clause::Object),
            Word::Truncate => self.verb(token, Clause::Truncate),
            _ => self.verb(token, Clause::Rest),
        }
    }

    /// A query in parentheses begins: if they stood where a target could (`COPY (SELECT …) TO`),
    /// they were it.
    fn enter_query(&mut self) {
        let outer = self.depth.checked_sub(1).and_then(|outer| self.levels.get_mut(outer));
        if let Some(outer @ Clause::Target) = outer {
            *outer = Clause::Rest;
        }
    }
}
