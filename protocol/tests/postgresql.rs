//! PostgreSQL as real clients speak it with a real server.
//!
//! The expected lines were written from the scripts beside the recordings.

mod support;

use onlooker_protocol::detect::Evidence;
use onlooker_protocol::postgresql::{PROTOCOL, PostgresqlFacts};
use onlooker_protocol::{Exchange, Facts, Side};
use support::checks::{Reading, View};
use support::turns::{Turn, listen, opening, opening_of, recording, whole};

const RECORDINGS: [&str; 4] =
    ["pg_psql.talk", "pg_psycopg.talk", "pg_asyncpg.talk", "pg_node.talk"];

const READING: Reading = Reading { protocol: &PROTOCOL, view };

fn facts(exchange: &Exchange) -> &PostgresqlFacts {
    match &exchange.facts {
        Facts::Postgresql(facts) => facts,
        other => panic!("not PostgreSQL: {other:?}"),
    }
}

fn view(exchange: &Exchange) -> View {
    let facts = facts(exchange);
    View {
        operation: format!("{:?}", facts.operation),
        text: facts.statement.as_ref().map(|statement| statement.text.to_string()),
        rows: facts.rows,
        failed: facts.error.is_some(),
        code: facts.error.and_then(|error| error.code).map(|code| code.as_str().to_owned()),
    }
}

fn only(name: &str) -> Vec<Turn> {
    let mut connections = recording(name);
    assert_eq!(connections.len(), 1, "{name}");
    connections.remove(0)
}

fn expect(name: &str, expected: &[&str]) {
    let turns = only(name);
    let heard = listen(&PROTOCOL, true, &turns, whole);
    assert_eq!(READING.lines(&heard.exchanges), expected, "{name}");
    assert_eq!((heard.not_understood, heard.lost, heard.handover), (0, 0, None), "{name}");
    for exchange in &heard.exchanges {
        assert_eq!(facts(exchange).database.as_deref(), Some("postgres"));
        assert_eq!(facts(exchange).user.as_deref(), Some("postgres"));
    }
}

#[test]
fn psql() {
    expect(
        "pg_psql.talk",
        &[
            "Query CREATE TEMP TABLE t (id int PRIMARY KEY, name text);",
            "Query INSERT INTO t VALUES (?, ?), (?, ?);",
            "Query SELECT * FROM t WHERE name = ?; rows=1",
            "Query INSERT INTO t VALUES (?, ?); 23505",
            "Query COPY t FROM STDIN;",
            "Query COPY t TO STDOUT;",
            "Query BEGIN ; SELECT count(*) FROM t ; COMMIT; rows=1",
            "Query DROP TABLE IF EXISTS nicht_da;",
            "Query SELECT generate_series(?, ?) AS n, repeat(?, ?) AS s; rows=500",
            "Query SELECT ?/?; 22012",
        ],
    );
}

#[test]
fn psycopg() {
    let insert = "Execute INSERT INTO t VALUES ($1, $2)";
    expect(
        "pg_psycopg.talk",
        &[
            "Query BEGIN",
            "Query CREATE TEMP TABLE t (id int, name text)",
            insert,
            insert,
            insert,
            insert,
            insert,
            insert,
            insert,
            "Execute SELECT name FROM t WHERE id > $1 rows=4",
            "Query COMMIT",
            "Execute BEGIN",
            "Execute SELECT $1::int rows=1",
            "Execute SELECT $1::int + ? rows=1",
            "Execute SELECT ? / $1 22012",
            "Execute SELECT ? Cancelled",
            "Query ROLLBACK",
            "Query DEALLOCATE ALL",
            "Query BEGIN",
            "Query COPY t FROM STDIN",
            "Execute DECLARE \"cur\" CURSOR FOR SELECT id FROM t ORDER BY id",
            "Query FETCH FORWARD ? FROM \"cur\" rows=3",
            "Query CLOSE \"cur\"",
            "Query COMMIT",
        ],
    );
}

#[test]
fn asyncpg() {
    expect(
        "pg_asyncpg.talk",
        &[
            "Query CREATE TEMP TABLE t (id int, name text)",
            "Execute INSERT INTO t VALUES ($1, $2)",
            "Execute INSERT INTO t VALUES ($1, $2)",
            "Execute INSERT INTO t VALUES ($1, $2)",
            "Execute SELECT name FROM t WHERE id = $1 rows=1",
            "Execute SELECT name FROM t WHERE id = $1 rows=1",
            "Query BEGIN;",
            // Portals, two rows at a time.
            "Execute SELECT id FROM t rows=2",
            "Execute SELECT id FROM t rows=1",
            "Query COMMIT;",
            "Prepare SELECT nope FROM t 42703",
            "Query COPY \"t\" FROM STDIN (FORMAT binary)",
        ],
    );
}

#[test]
fn node_pg() {
    expect(
        "pg_node.talk",
        &[
            "Query SELECT ? AS a; SELECT ? AS b rows=2",
            "Execute SELECT $1::text AS a rows=1",
            "Execute SELECT $1::int + ? AS b rows=1",
            "Execute SELECT $1::int + ? AS b rows=1",
            "Execute SELECT $1::int AS x FROM nicht_da 42P01",
            "Execute SELECT generate_series(?, $1) AS n rows=2",
            "Execute SELECT generate_series(?, $1) AS n rows=3",
        ],
    );
}

#[test]
fn any_cut_gives_the_same_exchanges() {
    for name in RECORDINGS {
        READING.is_the_same_for_any_cut(name, &only(name));
    }
}

#[test]
fn holes_make_silence_and_no_lies() {
    for name in RECORDINGS {
        let found = READING.is_true_with_holes(name, &only(name));
        assert!(found > 0.2, "{name}: {found}");
    }
}

#[test]
fn a_watch_can_begin_at_any_turn() {
    for name in RECORDINGS {
        READING.is_true_from_any_turn(name, &only(name));
    }
}

#[test]
fn detection_from_the_start_and_in_the_middle() {
    for name in RECORDINGS {
        let turns = only(name);
        let (client, server) = opening_of(&turns, 0);
        assert_eq!((PROTOCOL.detect)(&opening(&client, &server, true)), Evidence::Certain);
        for length in 0..client.len().min(8) {
            let start = opening(&client[..length], b"", true);
            assert_eq!((PROTOCOL.detect)(&start), Evidence::NeedMore, "{name} {length}");
        }
        let mut certain = 0;
        for from in 8..turns.len() {
            let (client, server) = opening_of(&turns, from);
            if turns[from].side == Side::Client {
                let evidence = (PROTOCOL.detect)(&opening(&client, &server, false));
                certain += usize::from(evidence == Evidence::Certain);
            }
        }
        assert!(certain > 3, "{name}: {certain}");
    }
}
