//! PostgreSQL as real clients speak it with a real server.
//!
//! The expected lines were written from the scripts beside the recordings.

mod support;

use onlooker_protocol::detect::Evidence;
use onlooker_protocol::postgresql::{PROTOCOL, PostgresqlFacts};
use onlooker_protocol::{Exchange, Facts, Outcome, Side};
use support::{Random, Turn, bytewise, listen, opening, opening_of, recording, scattered, whole};

const RECORDINGS: [&str; 4] =
    ["pg_psql.talk", "pg_psycopg.talk", "pg_asyncpg.talk", "pg_node.talk"];

fn facts(exchange: &Exchange) -> &PostgresqlFacts {
    match &exchange.facts {
        Facts::Postgresql(facts) => facts,
        other => panic!("not PostgreSQL: {other:?}"),
    }
}

/// An exchange in a line: operation, text, rows, SQLSTATE, outcome if not complete.
fn line(exchange: &Exchange) -> String {
    let facts = facts(exchange);
    let text = facts.statement.as_ref().map_or("(unknown)", |statement| &statement.text);
    let rows = facts.rows.map_or_else(String::new, |rows| format!(" rows={rows}"));
    let error = facts.error.map_or_else(String::new, |error| {
        error.code.map_or_else(|| " error".to_owned(), |code| format!(" {code:?}"))
    });
    let outcome = match exchange.outcome {
        Outcome::Complete => String::new(),
        outcome => format!(" {outcome:?}"),
    };
    format!("{:?} {text}{rows}{error}{outcome}", facts.operation)
}

fn lines(exchanges: &[Exchange]) -> Vec<String> {
    exchanges.iter().map(line).collect()
}

fn only(name: &str) -> Vec<Turn> {
    let mut connections = recording(name);
    assert_eq!(connections.len(), 1, "{name}");
    connections.remove(0)
}

fn expect(name: &str, expected: &[&str]) {
    let turns = only(name);
    let heard = listen(&PROTOCOL, true, &turns, whole);
    assert_eq!(lines(&heard.exchanges), expected, "{name}");
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

/// Position of the request and all facts; chunking changes neither.
fn fingerprints(exchanges: &[Exchange]) -> Vec<(u64, u64, String)> {
    exchanges
        .iter()
        .map(|exchange| {
            let request = exchange.request;
            (request.first.position, request.last.position, line(exchange))
        })
        .collect()
}

#[test]
fn any_cut_gives_the_same_exchanges() {
    for name in RECORDINGS {
        let turns = only(name);
        let truth = fingerprints(&listen(&PROTOCOL, true, &turns, whole).exchanges);
        let heard = listen(&PROTOCOL, true, &turns, bytewise);
        assert_eq!(fingerprints(&heard.exchanges), truth, "{name}");
        for seed in 1..=50 {
            let mut random = Random(seed);
            let heard = listen(&PROTOCOL, true, &turns, |_, turn| scattered(&mut random, turn, 0));
            assert_eq!(fingerprints(&heard.exchanges), truth, "{name} {seed}");
            assert_eq!(heard.not_understood + heard.lost, 0, "{name} {seed}");
        }
    }
}

/// What was heard with holes has to be true: each exchange is one of the truth, and what is said
/// of it is right or not said.
fn assert_true(heard: &[Exchange], truth: &[Exchange], context: &str) {
    let mut last = None;
    for exchange in heard {
        let at = exchange.request.first.position;
        let found = truth.iter().position(|true_one| true_one.request.covers(at));
        let Some(found) = found else { panic!("{context}: {} was never asked", line(exchange)) };
        assert!(last.is_none_or(|last| found > last), "{context}: {} again", line(exchange));
        last = Some(found);
        let (facts, true_facts) = (facts(exchange), facts(&truth[found]));
        let about = || format!("{context}: {} is {}", line(exchange), line(&truth[found]));
        if let (Some(statement), Some(true_one)) = (&facts.statement, &true_facts.statement) {
            // A text that was cut in a literal or a quoted name ends with `?`.
            let start = statement.text.trim_end_matches('?');
            assert!(true_one.text.starts_with(start), "{}", about());
        }
        if facts.error.is_some() || exchange.outcome == Outcome::Complete {
            assert_eq!(facts.error.is_some(), true_facts.error.is_some(), "{}", about());
        }
        if let Some(code) = facts.error.and_then(|error| error.code) {
            assert_eq!(Some(code), true_facts.error.and_then(|error| error.code), "{}", about());
        }
        if facts.rows.is_some() {
            assert_eq!(facts.rows, true_facts.rows, "{}", about());
        }
    }
}

#[test]
fn holes_make_silence_and_no_lies() {
    let (mut all, mut found) = (0, 0);
    for name in RECORDINGS {
        let turns = only(name);
        let truth = listen(&PROTOCOL, true, &turns, whole).exchanges;
        for seed in 1..=400 {
            let mut random = Random(seed);
            let holes = 4 + random.below(60);
            let heard =
                listen(&PROTOCOL, true, &turns, |_, turn| scattered(&mut random, turn, holes));
            assert_true(&heard.exchanges, &truth, &format!("{name} {seed}"));
            all += truth.len();
            found += heard.exchanges.len();
        }
    }
    assert!(found * 5 > all, "{found} of {all} were found in spite of holes");
}

#[test]
fn a_watch_can_begin_at_any_turn() {
    for name in RECORDINGS {
        let turns = only(name);
        let truth = listen(&PROTOCOL, true, &turns, whole).exchanges;
        for from in 1..turns.len() {
            let heard = listen(&PROTOCOL, false, &turns, |number, turn| {
                if number < from { Vec::new() } else { whole(number, turn) }
            });
            assert_true(&heard.exchanges, &truth, &format!("{name} from {from}"));
        }
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
