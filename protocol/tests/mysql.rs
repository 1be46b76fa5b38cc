//! MySQL's protocol as real clients speak it with a real MariaDB.
//!
//! The expected lines were written from the scripts beside the recordings.

mod support;

use onlooker_protocol::detect::Evidence;
use onlooker_protocol::mysql::{MysqlFacts, PROTOCOL, System};
use onlooker_protocol::{Exchange, Facts, Side};
use support::checks::{Reading, View};
use support::turns::{Turn, listen, opening, opening_of, recording, whole};

const RECORDINGS: [&str; 4] =
    ["my_cli.talk", "my_pymysql.talk", "my_mysql2.talk", "my_mariadb.talk"];

const READING: Reading = Reading { protocol: &PROTOCOL, view };

fn facts(exchange: &Exchange) -> &MysqlFacts {
    match &exchange.facts {
        Facts::Mysql(facts) => facts,
        other => panic!("not MySQL: {other:?}"),
    }
}

fn view(exchange: &Exchange) -> View {
    let facts = facts(exchange);
    View {
        operation: format!("{:?}", facts.operation),
        text: facts.statement.as_ref().map(|statement| statement.text.to_string()),
        rows: facts.rows,
        failed: facts.error.is_some(),
        code: facts.error.and_then(|error| error.number).map(|number| number.to_string()),
    }
}

/// The line, and the current database.
fn lines(exchanges: &[Exchange]) -> Vec<String> {
    let line = |exchange: &Exchange| {
        let database = facts(exchange).database.as_deref().unwrap_or("-");
        format!("{database}: {}", READING.line(exchange))
    };
    exchanges.iter().map(line).collect()
}

fn first(name: &str) -> Vec<Turn> {
    recording(name).remove(0)
}

fn expect(name: &str, expected: &[&[&str]]) {
    let connections = recording(name);
    assert_eq!(connections.len(), expected.len(), "{name}");
    for (turns, expected) in connections.iter().zip(expected) {
        let heard = listen(&PROTOCOL, true, turns, whole);
        assert_eq!(lines(&heard.exchanges), *expected, "{name}");
        assert_eq!((heard.not_understood, heard.lost, heard.handover), (0, 0, None), "{name}");
        for exchange in &heard.exchanges {
            assert_eq!(facts(exchange).system, System::Mariadb);
            assert_eq!(facts(exchange).user.as_deref(), Some("app"));
        }
    }
}

#[test]
fn command_line_client() {
    expect(
        "my_cli.talk",
        &[&[
            "shop: Query CREATE TEMPORARY TABLE t (id INT PRIMARY KEY, name VARCHAR(?))",
            "shop: Query INSERT INTO t VALUES (?, ?), (?, ?)",
            "shop: Query SELECT * FROM t WHERE name = ? rows=1",
            "shop: Query INSERT INTO t VALUES (?, ?) 1062",
            "shop: Query LOAD DATA LOCAL INFILE ? INTO TABLE t",
            "shop: Query SELECT * FROM t rows=4",
            "shop: Query SELECT COUNT(*) FROM t rows=1",
            // How this client does USE.
            "shop: Query SELECT DATABASE() rows=1",
            "shop: Command(InitDb) (unknown)",
            "mysql: Query SELECT ? AS a, repeat(?, ?) AS b FROM seq_1_to_300 rows=300",
            "mysql: Query PREPARE s FROM ?",
            "mysql: Query EXECUTE s USING @a rows=1",
            "mysql: Query SELEKT ? 1064",
        ]],
    );
}

#[test]
fn pymysql() {
    expect(
        "my_pymysql.talk",
        &[
            &[
                "shop: Query SET NAMES utf8mb4",
                "shop: Query SET AUTOCOMMIT = ?",
                "shop: Query CREATE TEMPORARY TABLE t (id INT, name VARCHAR(?))",
                "shop: Query INSERT INTO t VALUES (?, ?),(?, ?)",
                "shop: Query SELECT name FROM t WHERE id IN (?) rows=2",
                "shop: Query SELECT ?; UPDATE t SET id = ?; SELECT ? rows=2",
                "shop: Query SELECT * FROM nicht_da 1146",
                "shop: Command(Ping) (unknown)",
                "shop: Command(InitDb) (unknown)",
                "mysql: Query SELECT DATABASE() rows=1",
                "mysql: Query COMMIT",
            ],
            &["-: Connect (unknown) 1045"],
        ],
    );
}

#[test]
fn node_mysql2() {
    expect(
        "my_mysql2.talk",
        &[&[
            "shop: Query CREATE TEMPORARY TABLE t (id INT, name VARCHAR(?))",
            "shop: Execute INSERT INTO t VALUES (?, ?)",
            "shop: Execute INSERT INTO t VALUES (?, ?)",
            "shop: Execute SELECT name FROM t WHERE id > ? rows=2",
            "shop: Prepare SELECT nope FROM t 1054",
            "shop: Execute SELECT ? AS a rows=1",
            "shop: Command(Ping) (unknown)",
            "shop: Command(ChangeUser) (unknown)",
            "mysql: Query SELECT ? rows=1",
            "mysql: Command(ResetConnection) (unknown)",
            "mysql: Query DO ?",
        ]],
    );
}

#[test]
fn node_mariadb_which_pipelines() {
    expect(
        "my_mariadb.talk",
        &[&[
            "shop: Query SET NAMES utf8mb4",
            "shop: Query CREATE TEMPORARY TABLE t (id INT, name VARCHAR(?))",
            "shop: Execute INSERT INTO t VALUES (?, ?)",
            "shop: Query SELECT name FROM t WHERE id = ? rows=1",
            "shop: Query SELECT name FROM t WHERE id = ? rows=1",
            "shop: Query SELECT name FROM t WHERE id = ? rows=1",
            "shop: Execute SELECT name, id FROM t WHERE id = ? rows=1",
            "shop: Execute SELECT name, id FROM t WHERE id = ? rows=1",
            // Prepared and executed in one go, without waiting.
            "shop: Prepare SELECT nope FROM t 1054",
            "shop: Execute SELECT nope FROM t 1243",
            "shop: Command(Ping) (unknown)",
        ]],
    );
}

#[test]
fn any_cut_gives_the_same_exchanges() {
    for name in RECORDINGS {
        READING.is_the_same_for_any_cut(name, &first(name));
    }
}

#[test]
fn holes_make_silence_and_no_lies() {
    for name in RECORDINGS {
        let found = READING.is_true_with_holes(name, &first(name));
        assert!(found > 0.2, "{name}: {found}");
    }
}

#[test]
fn a_watch_can_begin_at_any_turn() {
    for name in RECORDINGS {
        READING.is_true_from_any_turn(name, &first(name));
    }
}

#[test]
fn detection_from_the_start_and_in_the_middle() {
    for name in RECORDINGS {
        let turns = first(name);
        assert_eq!(turns[0].side, Side::Server);
        let greeting = &turns[0].bytes;
        for length in 0..greeting.len() {
            let evidence = (PROTOCOL.detect)(&opening(b"", &greeting[..length], true));
            assert_eq!(evidence, Evidence::NeedMore, "{name} {length}");
        }
        assert_eq!((PROTOCOL.detect)(&opening(b"", greeting, true)), Evidence::Certain);
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

#[test]
fn plaintext_behind_tls_starts_with_the_clients_answer() {
    for name in RECORDINGS {
        let mut turns = first(name);
        turns.remove(0);
        let (client, server) = opening_of(&turns, 0);
        assert_eq!((PROTOCOL.detect)(&opening(&client, &server, true)), Evidence::Certain);
        let heard = listen(&PROTOCOL, true, &turns, whole);
        let expected = listen(&PROTOCOL, true, &first(name), whole);
        assert_eq!(lines(&heard.exchanges), lines(&expected.exchanges), "{name}");
    }
}
