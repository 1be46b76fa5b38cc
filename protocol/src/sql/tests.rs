//! Expectations from the OpenTelemetry conventions' test cases for `other_sql`, from the manuals
//! of the dialects, and from the sqlcommenter specification.

mod cases;

use cases::{CONVENTIONS, Case, MYSQL, POSTGRESQL};

use super::{Dialect, comment_context, digest, sanitise, summary};
use crate::context::ContextFormat;

fn check(cases: &[Case], dialect: Dialect) {
    for &(statement, text, expected) in cases {
        let text = match text {
            "" if statement.starts_with("--") => "",
            "" => statement,
            text => text,
        };
        assert_eq!(sanitise(statement, dialect), text, "text of {statement}");
        assert_eq!(summary(statement, dialect), expected, "summary of {statement}");
        let both = digest(statement, dialect);
        assert_eq!((&*both.text, &*both.summary), (text, expected));
    }
}

#[test]
fn the_conventions_cases() {
    check(CONVENTIONS, Dialect::Standard);
}

#[test]
fn postgresql_statements() {
    check(POSTGRESQL, Dialect::Postgresql);
}

#[test]
fn mysql_statements() {
    check(MYSQL, Dialect::Mysql);
}

#[test]
fn a_mode_of_the_server_moves_the_end_of_strings() {
    let text = "SELECT 'it\\'s secret', 1";
    assert_eq!(sanitise(text, Dialect::PostgresqlBackslash), "SELECT ?, ?");
    assert_eq!(sanitise("SELECT 'a\\', b", Dialect::MysqlNoBackslash), "SELECT ?, b");
}

/// MySQL's mode is told with every answer, and `standard_conforming_strings` when a connection starts
/// (manual, chapter 55.2.7).
#[test]
fn in_an_unknown_mode_nothing_is_shown_that_is_a_literal_in_one() {
    let either = Dialect::PostgresqlEither;
    assert_eq!(sanitise("SELECT 'it\\'s secret', 1 FROM a", either), "SELECT ?");
    assert_eq!(sanitise("SELECT B'1\\', a, 'secret' FROM a", either), "SELECT ?");
    assert_eq!(sanitise("SELECT \"a\\\", b, 'secret'", Dialect::MysqlEither), "SELECT ?");
    let same = "SELECT 'a\\n', E'\\'', 'b''c' FROM a";
    assert_eq!(sanitise(same, either), "SELECT ?, ?, ? FROM a");
}

#[test]
fn the_summary_ends_before_the_part_that_does_not_fit() {
    let long = "x".repeat(248);
    let fits = format!("SELECT * FROM {long}");
    assert_eq!(summary(&fits, Dialect::Standard), format!("SELECT {long}"));
    let too_long = format!("SELECT * FROM {long}x, b");
    assert_eq!(summary(&too_long, Dialect::Standard), "SELECT");
    let umlauts = "ä".repeat(248);
    let statement = format!("SELECT * FROM {umlauts}");
    assert_eq!(summary(&statement, Dialect::Standard), format!("SELECT {umlauts}"));
}

#[test]
fn what_a_comment_parted_stays_apart() {
    assert_eq!(sanitise("SELECT/* a */a/**/FROM t--", Dialect::Postgresql), "SELECT a FROM t");
    // Found by fuzzing: a name that begins beyond ASCII is no dollar quote without that beginning.
    assert_eq!(sanitise("\u{85}$t5$t", Dialect::Postgresql), "\u{85}$t5$t");
}

#[test]
fn statements_are_counted() {
    for (text, count) in [
        ("SELECT 1", 1),
        ("SELECT ';'; -- a;b\n SELECT 2;", 2),
        (";;", 0),
        ("BEGIN; SELECT 1; COMMIT", 3),
        ("CREATE TRIGGER t ON x AS BEGIN UPDATE a SET b = 1; END; SELECT 1", 1),
    ] {
        assert_eq!(digest(text, Dialect::Standard).statements, count, "{text}");
    }
}

#[test]
fn no_cut_lets_a_literal_out() {
    let secret = "geheim";
    let cases = [
        (Dialect::Postgresql, "SELECT 'geheim', E'\\'geheim', $q$geheim$q$, 'a''geheim' -- geheim"),
        (
            Dialect::Postgresql,
            "SELECT U&'geheim', B'0', /* geheim /* geheim */ geheim */ N'geheim'",
        ),
        (Dialect::PostgresqlBackslash, "SELECT 'a\\'geheim'"),
        (Dialect::PostgresqlEither, "SELECT 'a\\'geheim', 'geheim'"),
        (Dialect::Mysql, "SELECT \"geheim\", 'a\\'geheim', x'geheim', _utf8'geheim' # geheim"),
        (Dialect::Standard, "SELECT 'geheim''geheim', N'geheim' /* geheim */"),
    ];
    for (dialect, statement) in cases {
        for cut in 0..=statement.len() {
            let text = &statement[..cut];
            let digest = digest(text, dialect);
            assert!(!digest.text.contains(secret), "{text} gives {}", digest.text);
            assert!(!digest.summary.contains(secret), "{text} gives {}", digest.summary);
        }
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let (open, close) = ("(".repeat(100_000), ")".repeat(100_000));
    let deep = format!("SELECT {open}1{close} FROM a");
    assert_eq!(summary(&deep, Dialect::Standard), "SELECT a");
    let statement = "INSERT INTO t VALUES (1);".repeat(10_000);
    assert!(summary(&statement, Dialect::Mysql).len() <= 255);
}

#[test]
fn a_comment_carries_the_context() {
    let text = "SELECT * FROM songs /*db_driver='x',traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',tracestate='congo%3Dt61rcWkgMzE%2Crojo%3D00f067aa0ba902b7'*/";
    let digest = digest(text, Dialect::Postgresql);
    assert_eq!(&*digest.text, "SELECT * FROM songs");
    let context = digest.context.expect("a context");
    assert_eq!(context.trace_id[..2], [0x4b, 0xf9]);
    assert_eq!(context.span_id, [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
    assert_eq!(context.sampled, Some(true));
    assert_eq!(context.format, ContextFormat::W3c);
    assert_eq!(context.state.as_deref(), Some("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"));
    assert_eq!(comment_context(text, Dialect::Mysql), Some(context));
}

#[test]
fn what_is_no_context_is_none() {
    for text in [
        "SELECT '/*traceparent=''00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01''*/'",
        "SELECT 1 /*traceparent='00-00000000000000000000000000000000-00f067aa0ba902b7-01'*/",
        "SELECT 1 /*traceparent='00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01'*/",
        "SELECT 1 /*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "SELECT 1 /*traceparent='ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/",
        "SELECT 1 /*traceparent='é'*/",
        "SELECT 1 /*traceparent='%'*/",
    ] {
        assert_eq!(comment_context(text, Dialect::Postgresql), None, "{text}");
    }
}
