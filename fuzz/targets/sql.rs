//! No literal of a statement leaves, in no dialect, wherever the statement is cut.
#![no_main]

use onlooker_protocol::sql::token::{Kind, Tokens};
use onlooker_protocol::sql::{Dialect, digest, summary::SUMMARY_LIMIT};

libfuzzer_sys::fuzz_target!(|input: (u8, &str)| {
    let (dialect, text) = input;
    let dialect = match dialect % 7 {
        0 => Dialect::Standard,
        1 => Dialect::Postgresql,
        2 => Dialect::PostgresqlBackslash,
        3 => Dialect::Mysql,
        4 => Dialect::PostgresqlEither,
        5 => Dialect::MysqlEither,
        _ => Dialect::MysqlNoBackslash,
    };
    let mut end = 0;
    for token in Tokens::new(text, dialect) {
        assert_eq!(token.start, end, "the tokens have no gaps");
        assert!(token.end > token.start);
        end = token.end;
    }
    assert_eq!(end, text.len());
    let digested = digest(text, dialect);
    assert!(digested.summary.chars().count() <= SUMMARY_LIMIT);
    // What was sanitised has no strings left.
    let is_text = |kind| matches!(kind, Kind::Text);
    assert!(!Tokens::new(&digested.text, dialect).any(|token| is_text(token.kind)), "{digested:?}");
});
