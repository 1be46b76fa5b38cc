//! MySQL and MariaDB.

use onlooker_protocol::{Exchange, Facts, Side, mysql};

use crate::support::turns::{Turn, listen, recording, whole};
use crate::support::{Random, data};
use crate::{SECRET, cut, has_secret, redacted};

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = (payload.len() as u32).to_le_bytes()[..3].to_vec();
    packet.push(sequence);
    packet.extend(payload);
    packet
}

fn chain(payloads: &[&[u8]]) -> Vec<u8> {
    (1..).zip(payloads).flat_map(|(sequence, payload)| packet(sequence, payload)).collect()
}

/// <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html>
fn greeting(scramble: &str) -> Vec<u8> {
    let mut greeting = b"\x0a8.0.36\0\x07\0\0\0".to_vec();
    greeting.extend(&scramble.as_bytes()[..8]);
    greeting.extend(b"\0\xff\xf7\xff\x02\0\xff\xdf\x15");
    greeting.extend([0; 10]);
    greeting.extend(scramble.as_bytes());
    greeting.extend(b"\0caching_sha2_password\0");
    packet(0, &greeting)
}

/// HandshakeResponse41, with attributes of the connection.
fn response(user: &str, password: &str, attribute: &str) -> Vec<u8> {
    let mut response = vec![0x0d, 0xa2, 0x3a, 0x00, 0, 0, 0, 1, 0xff];
    response.extend([0; 23]);
    response.extend(user.as_bytes());
    response.push(0);
    response.push(password.len() as u8);
    response.extend(password.as_bytes());
    response.extend(b"shop\0caching_sha2_password\0");
    response.push(attribute.len() as u8 + 7);
    response.extend(b"\x04_pid");
    response.push(attribute.len() as u8);
    response.extend(attribute.as_bytes());
    packet(1, &response)
}

const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const EOF: &[u8] = &[0xfe, 0, 0, 2, 0];

fn counted(text: &str) -> Vec<u8> {
    [&[text.len() as u8], text.as_bytes()].concat()
}

fn definition(name: &str) -> Vec<u8> {
    let mut definition = b"\x03def".to_vec();
    for text in ["shop", name, name, name, name] {
        definition.extend(counted(text));
    }
    definition.extend(b"\x0c\xff\0\0\x01\0\0\xfd\0\0\0\0\0");
    definition
}

fn error(message: &str) -> Vec<u8> {
    [b"\xff\x28\x04#42000", message.as_bytes()].concat()
}

/// A conversation with a text wherever a value, a name or a message may be.
fn conversation(s: &str) -> Vec<(Side, Vec<u8>)> {
    conversation_with(
        s,
        &format!(
            "SELECT 'a\\'{s}', \"{s}\" FROM t WHERE a = 'x''{s}' AND b = X'{s}' /* {s} */ -- {s}\n AND c = '{s}"
        ),
    )
}

fn conversation_with(s: &str, text: &str) -> Vec<(Side, Vec<u8>)> {
    use Side::{Client, Server};
    let query = |text: &str| packet(0, &[b"\x03", text.as_bytes()].concat());
    let row = counted(s);
    let binary_row = [&[0, 0][..], &row].concat();
    let binary_zeros = [&[0, 0, 0, 0, 0, 0, 0][..], s.as_bytes()].concat();
    let empty_first = [&[0][..], &row].concat();
    let attributes =
        [&b"\x03\x01\x01\0\x01\xfe\0"[..], &counted(s), &counted(s), &query(text)[5..]].concat();
    vec![
        (Server, greeting(&format!("{s}{s}")[..20])),
        (Client, response(s, s, s)),
        (Server, packet(2, &[b"\xfemysql_clear_password\0", s.as_bytes(), b"\0"].concat())),
        (Client, packet(3, &[s.as_bytes(), b"\0"].concat())),
        (Server, packet(4, &[OK, s.as_bytes()].concat())),
        (Client, query(text)),
        (
            Server,
            chain(&[
                &[2],
                &definition(s),
                &definition(s),
                EOF,
                &[&row[..], &row].concat(),
                &empty_first,
                EOF,
            ]),
        ),
        (Client, query(&format!("SELECT '{s}'; SELECT 2"))),
        (
            Server,
            chain(&[
                &[1],
                &definition(s),
                &[0xfe, 0, 0, 10, 0],
                &row,
                &empty_first,
                &[0xfe, 0, 0, 10, 0],
                &[1],
                &definition(s),
                EOF,
                &row,
                EOF,
            ]),
        ),
        (Client, query(&format!("{s} {s}"))),
        (Server, chain(&[&error(s)])),
        (Client, packet(0, &attributes)),
        (Server, chain(&[&[OK, s.as_bytes()].concat()])),
        (Client, packet(0, &[&b"\x16"[..], text.as_bytes()].concat())),
        (
            Server,
            chain(&[
                &[0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0],
                &definition(s),
                EOF,
                &definition(s),
                EOF,
            ]),
        ),
        (Client, packet(0, &[&b"\x18\x01\0\0\0\0\0"[..], s.as_bytes()].concat())),
        (Client, packet(0, &[&b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\xfe\0"[..], &row].concat())),
        (Server, chain(&[&[1], &definition(s), EOF, &binary_row, &binary_zeros, EOF])),
        (Client, packet(0, &[b"\x02", s.as_bytes(), b" x"].concat())),
        (Server, chain(&[OK])),
        (Client, packet(0, &[b"\x04", s.as_bytes(), b"\0", s.as_bytes()].concat())),
        (Server, chain(&[&definition(s), EOF])),
        (Client, query(&format!("LOAD DATA LOCAL INFILE '{s}' INTO TABLE t"))),
        (Server, chain(&[&[b"\xfb", s.as_bytes()].concat()])),
        (Client, [packet(2, &[b"\0\x03SELECT ", s.as_bytes()].concat()), packet(3, b"")].concat()),
        (Server, packet(4, OK)),
        (Client, packet(0, b"\x09")),
        (Server, chain(&[format!("Uptime: {s}").as_bytes()])),
        (
            Client,
            packet(
                0,
                &[
                    b"\x11",
                    s.as_bytes(),
                    b"\0\x0b",
                    s.as_bytes(),
                    b"shop\0\xff\0",
                    s.as_bytes(),
                    b"\0",
                ]
                .concat(),
            ),
        ),
        (Server, chain(&[&[b"\xfemysql_clear_password\0", s.as_bytes()].concat()])),
        (Client, packet(2, s.as_bytes())),
        (Server, packet(3, OK)),
        (Client, packet(0, b"\x0e")),
        (Server, chain(&[OK])),
    ]
}

#[test]
fn no_cut_lets_a_secret_out() {
    let turns = conversation(SECRET);
    assert!(turns.iter().any(|(_, bytes)| has_secret(bytes)));
    for seed in 1..=4_000 {
        let (out, what) = cut(&turns, &mut Random(seed));
        assert!(!has_secret(&out), "seed {seed}: {what:?}\n{}", String::from_utf8_lossy(&out));
    }
}

fn view(exchanges: &[Exchange]) -> Vec<String> {
    let each = exchanges.iter().map(|exchange| match &exchange.facts {
        Facts::Mysql(facts) => format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            facts.operation,
            facts.system,
            facts.statement,
            facts.database,
            facts.rows,
            facts.error,
            exchange.context,
        ),
        other => panic!("{other:?}"),
    });
    each.collect()
}

fn read(turns: &[(Side, Vec<u8>)]) -> Vec<String> {
    let turns: Vec<_> =
        turns.iter().map(|(side, bytes)| Turn { side: *side, bytes: bytes.clone() }).collect();
    view(&listen(&mysql::PROTOCOL, true, &turns, whole).exchanges)
}

/// What was made up above is a conversation, and is read as one when it is masked.
#[test]
fn a_conversation_is_read_as_before() {
    // Names of tables and the like are no secrets: a name that is none of the words of SQL.
    let turns = conversation_with("abcdefghijk", "SELECT 'a' FROM t WHERE b = 2 AND c = \"d\"");
    let (before, after) = (read(&turns), read(&redacted(&turns)));
    assert_eq!(before.len(), 11, "{before:#?}");
    for (before, after) in before.iter().zip(&after) {
        // What begins as no statement does is masked wholly, and so is a database with a space.
        if !before.contains("Abcdefghijk") && !before.contains("abcdefghijk") {
            assert_eq!(before, after);
        }
    }
    assert_eq!(before.len(), after.len());
}

/// Statements, rows, codes and errors of real conversations are the same without their literals.
#[test]
fn real_conversations_are_read_as_before() {
    for name in ["my_cli.talk", "my_pymysql.talk", "my_mysql2.talk", "my_mariadb.talk"] {
        for turns in recording(name) {
            let turns: Vec<_> = turns.iter().map(|it| (it.side, it.bytes.clone())).collect();
            let left = redacted(&turns);
            let (before, after) = (read(&turns), read(&left));
            for (before, after) in before.iter().zip(&after) {
                // A text that begins as no statement does is masked wholly.
                let expected = before
                    .replace("\"SELEKT ?\"", "\"xxxxxxxx\"")
                    .replace("\"SELEKT\"", "\"xxxxxxxx\"");
                assert_eq!(&expected, after, "{name}");
            }
            assert_eq!(before.len(), after.len(), "{name}");
            // As a server reads that takes each packet's head by itself; the greeting it sends.
            let mut in_parts = vec![turns[0].clone()];
            for (side, bytes) in &turns[1..] {
                let mut rest = &bytes[..];
                while let Some(head) = rest.get(..4) {
                    let length = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
                    let (packet, after) = rest.split_at((4 + length).min(rest.len()));
                    in_parts.push((*side, packet[..4].to_vec()));
                    in_parts.push((*side, packet[4..].to_vec()));
                    rest = after;
                }
                in_parts.push((*side, rest.to_vec()));
            }
            in_parts.retain(|(_, bytes)| !bytes.is_empty());
            assert_eq!(read(&redacted(&in_parts)), after, "{name}, in parts");
        }
    }
}

#[test]
fn what_real_clients_said_is_gone() {
    let scripts = ["my_cli.sql", "my_pymysql.py", "my_mysql2.mjs", "my_mariadb.mjs"];
    for (name, script) in ["my_cli.talk", "my_pymysql.talk", "my_mysql2.talk", "my_mariadb.talk"]
        .into_iter()
        .zip(scripts)
    {
        let script = std::fs::read_to_string(data("sql").join(script)).expect("a script");
        let all: Vec<u8> = recording(name)
            .into_iter()
            .flat_map(|turns| {
                let turns: Vec<_> = turns.iter().map(|it| (it.side, it.bytes.clone())).collect();
                redacted(&turns).into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<_>>()
            })
            .collect();
        for secret in ["geheim", "noch einmal", "drei", "vier", "mysql_native_password"] {
            let found = all.windows(secret.len()).any(|it| it == secret.as_bytes());
            assert!(!found, "{name}: {secret} ({})", script.contains(secret));
        }
    }
}
