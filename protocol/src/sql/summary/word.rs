//! The keywords that the summary follows.

/// What a word means to the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Select,
    /// `INSERT`, `REPLACE`, `LOAD`, `MERGE`: a target, then perhaps another statement.
    Insert,
    Update,
    Delete,
    /// A verb with one target, which parentheses may come before.
    OneTarget,
    /// `ANALYZE`: such a verb, or an option of `EXPLAIN`.
    Analyze,
    Table,
    With,
    /// `CREATE`, `ALTER`, `DROP`, …: a kind of object and a name.
    Create,
    Truncate,
    Explain,
    /// `DECLARE`, `PREPARE`: a name of no interest, then a statement.
    Declare,
    Start,
    Transaction,
    Values,
    From,
    /// `WHERE` and the clauses behind it.
    Tail,
    /// `GROUP`: such a clause, or a kind of object.
    Group,
    Join,
    Using,
    Set,
    On,
    Union,
    /// `ALL`, which may follow `UNION`.
    All,
    Distinct,
    /// `ONLY`, `LATERAL`, `LOW_PRIORITY`, `IGNORE`: between a clause's word and a table.
    Modifier,
    /// `IF`, `NOT`, `EXISTS`, `CONCURRENTLY`: between a kind of object and its name.
    Condition,
    /// Words between a verb and its target.
    Filler,
    Begin,
    /// A kind of object.
    Object,
    /// `DATABASE`, `SCHEMA`, `VIEW`, …: a kind of object, or filler (`REINDEX DATABASE x`).
    Container,
    Other,
}

/// The longest keyword below.
const LONGEST: usize = 18;

impl Word {
    pub(super) fn of(word: &[u8]) -> Self {
        let mut lower = [0; LONGEST];
        let Some(lower) = lower.get_mut(..word.len()) else { return Self::Other };
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        match &*lower {
            b"select" => Self::Select,
            b"insert" | b"replace" | b"load" | b"merge" => Self::Insert,
            b"update" => Self::Update,
            b"delete" => Self::Delete,
            b"call" | b"exec" | b"execute" | b"vacuum" | b"reindex" | b"copy" | b"use"
            | b"optimize" | b"check" | b"checksum" | b"repair" | b"describe" | b"desc"
            | b"refresh" => Self::OneTarget,
            b"analyze" | b"analyse" => Self::Analyze,
            b"table" => Self::Table,
            b"with" => Self::With,
            b"create" | b"alter" | b"drop" | b"rename" | b"comment" => Self::Create,
            b"truncate" => Self::Truncate,
            b"explain" => Self::Explain,
            b"declare" | b"prepare" => Self::Declare,
            b"start" => Self::Start,
            b"transaction" => Self::Transaction,
            b"values" => Self::Values,
            b"from" => Self::From,
            b"where" | b"order" | b"having" | b"limit" | b"offset" | b"fetch" | b"window"
            | b"returning" => Self::Tail,
            b"group" => Self::Group,
            b"join" | b"straight_join" | b"apply" => Self::Join,
            b"using" => Self::Using,
            b"set" => Self::Set,
            b"on" => Self::On,
            b"union" | b"intersect" | b"except" | b"minus" => Self::Union,
            b"all" => Self::All,
            b"distinct" => Self::Distinct,
            b"only" | b"lateral" | b"low_priority" | b"high_priority" | b"delayed" | b"ignore" => {
                Self::Modifier
            }
            b"if" | b"not" | b"exists" | b"concurrently" => Self::Condition,
            b"into"
            | b"overwrite"
            | b"tables"
            | b"data"
            | b"local"
            | b"infile"
            | b"xml"
            | b"full"
            | b"freeze"
            | b"verbose"
            | b"binary"
            | b"extended"
            | b"immediate"
            | b"materialized"
            | b"no_write_to_binlog"
            | b"concurrent"
            | b"to" => Self::Filler,
            b"begin" => Self::Begin,
            b"procedure" | b"function" | b"trigger" | b"sequence" | b"user" | b"role" | b"type"
            | b"domain" | b"extension" | b"event" | b"server" | b"tablespace" | b"policy"
            | b"rule" | b"aggregate" | b"publication" | b"subscription" | b"language"
            | b"collation" | b"statistics" | b"conversion" | b"package" | b"synonym"
            | b"column" | b"constraint" => Self::Object,
            b"view" | b"database" | b"schema" | b"index" => Self::Container,
            _ => Self::Other,
        }
    }

    /// Whether the word can stand between a verb and its target.
    pub(super) const fn precedes_target(self) -> bool {
        matches!(
            self,
            Self::Modifier | Self::Filler | Self::Table | Self::Container | Self::Analyze
        )
    }

    /// Whether the word starts a statement inside another one.
    pub(super) const fn starts_statement(self) -> bool {
        matches!(
            self,
            Self::Select | Self::Insert | Self::Update | Self::Delete | Self::With | Self::Create
        )
    }
}
