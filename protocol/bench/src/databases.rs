//! Small queries to PostgreSQL and MySQL, as text and prepared.

use onlooker_protocol::Side::{Client, Server};
use onlooker_protocol::{mysql, postgresql};

use crate::beside;
use crate::case::{Case, Turn};

const QUERY: &str = "SELECT id, name, price FROM items WHERE id = 4711 AND shop = 'north'";
const PREPARED: &str = "SELECT id, name, price FROM items WHERE id = $1 AND shop = $2";
const PREPARED_MYSQL: &str = "SELECT id, name, price FROM items WHERE id = ? AND shop = ?";

pub(crate) fn cases() -> Vec<Case> {
    let tokens = || beside::sql(QUERY);
    vec![
        Case::small("PostgreSQL, query", &postgresql::PROTOCOL, pg_opening(), pg_query()).beside(
            "sqlparser (tokens of the text)",
            QUERY.len(),
            tokens,
        ),
        Case::small("PostgreSQL, prepared", &postgresql::PROTOCOL, pg_opening(), pg_execute()),
        Case::small("MySQL, query", &mysql::PROTOCOL, my_opening(), my_query()),
        Case::small("MySQL, prepared", &mysql::PROTOCOL, my_opening(), my_execute()),
    ]
}

/// A message of PostgreSQL.
fn message(kind: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), &body].concat()
}

fn pg_opening() -> Vec<Turn> {
    let startup = b"\0\x03\0\0user\0app\0database\0shop\0\0";
    let startup = [&(startup.len() as u32 + 4).to_be_bytes()[..], startup].concat();
    let welcome = [message(b'R', &[&[0; 4]]), message(b'Z', &[b"I"])].concat();
    let parse = [message(b'P', &[b"s1\0", PREPARED.as_bytes(), b"\0\0\0"]), message(b'S', &[])];
    let parsed = [message(b'1', &[]), message(b'Z', &[b"I"])].concat();
    vec![(Client, startup), (Server, welcome), (Client, parse.concat()), (Server, parsed)]
}

/// Three columns and one row.
fn pg_row() -> Vec<u8> {
    message(b'D', &[b"\0\x03\0\0\0\x044711\0\0\0\x05apple\0\0\0\x041.99"])
}

fn pg_end() -> Vec<u8> {
    [message(b'C', &[b"SELECT 1\0"]), message(b'Z', &[b"I"])].concat()
}

fn pg_query() -> Vec<Turn> {
    let column = |name: &[u8]| [name, &[0; 19]].concat();
    let columns = [column(b"id"), column(b"name"), column(b"price")].concat();
    let answer = [message(b'T', &[b"\0\x03", &columns]), pg_row(), pg_end()].concat();
    vec![(Client, message(b'Q', &[QUERY.as_bytes(), b"\0"])), (Server, answer)]
}

fn pg_execute() -> Vec<Turn> {
    let bind = b"\0s1\0\0\0\0\x02\0\0\0\x044711\0\0\0\x05north\0\0";
    let ask = [message(b'B', &[bind]), message(b'E', &[&[0; 5]]), message(b'S', &[])];
    let answer = [message(b'2', &[]), pg_row(), pg_end()].concat();
    vec![(Client, ask.concat()), (Server, answer)]
}

/// A packet of MySQL.
fn packet(sequence: u8, payload: &[&[u8]]) -> Vec<u8> {
    let payload = payload.concat();
    [&(payload.len() as u32).to_le_bytes()[..3], &[sequence], &payload].concat()
}

fn my_opening() -> Vec<Turn> {
    // CLIENT_LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, SECURE_CONNECTION, DEPRECATE_EOF.
    let flags: u32 = 1 | 1 << 3 | 1 << 9 | 1 << 15 | 1 << 24;
    let [a, b, c, d] = flags.to_le_bytes();
    let greeting = packet(
        0,
        &[
            b"\x0a8.0.36\0\x01\0\0\0",
            b"12345678\0",
            &[a, b, 33, 2, 0, c, d, 21],
            &[0; 10],
            b"123456789012\0mysql_native_password\0",
        ],
    );
    let login =
        packet(1, &[&[a, b, c, d], b"\0\0\0\x01\x21", &[0; 23], b"app\0\x14", &[7; 20], b"shop\0"]);
    let prepare = packet(0, &[b"\x16", PREPARED_MYSQL.as_bytes()]);
    let prepared =
        [packet(1, &[b"\0\x01\0\0\0\x03\0\x02\0\0\0\0"]), (2..7).flat_map(my_column).collect()];
    vec![
        (Server, greeting),
        (Client, login),
        (Server, packet(2, &[b"\0\0\0\x02\0\0\0"])),
        (Client, prepare),
        (Server, prepared.concat()),
    ]
}

fn my_column(sequence: u8) -> Vec<u8> {
    let definition =
        b"\x03def\x04shop\x05items\x05items\x04name\x04name\x0c\x21\0\0\x01\0\0\xfd\0\0\0\0\0";
    packet(sequence, &[definition])
}

fn my_result() -> Vec<u8> {
    [
        packet(1, &[b"\x03"]),
        (2..5).flat_map(my_column).collect(),
        packet(5, &[b"\x044711\x05apple\x041.99"]),
        packet(6, &[b"\xfe\0\0\x02\0\0\0"]),
    ]
    .concat()
}

fn my_query() -> Vec<Turn> {
    vec![(Client, packet(0, &[b"\x03", QUERY.as_bytes()])), (Server, my_result())]
}

fn my_execute() -> Vec<Turn> {
    let execute = b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\x08\0\xfe\0\x67\x12\0\0\0\0\0\0\x05north";
    vec![(Client, packet(0, &[execute])), (Server, my_result())]
}
