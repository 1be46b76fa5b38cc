//! Is it Redis?
//!
//! A client's array of bulk strings that begins with a known command is a signature of its own;
//! with a well-formed reply it is certain. Inline commands look like half of the internet's text
//! protocols, so they need a known command and a reply of the very shape that command has.

use crate::detect::{Evidence, Opening};

use super::command::{self, Effect};
use super::reply;
use super::request;

/// Judges an opening.
pub(super) fn detect(opening: &Opening<'_>) -> Evidence {
    if opening.datagram {
        return Evidence::No;
    }
    let reply = judge_reply(opening.server);
    if reply == Fit::Contradicts {
        return Evidence::No;
    }
    match opening.client.first() {
        None if is_push(opening.server) => Evidence::Likely,
        None => Evidence::NeedMore,
        Some(b'*') => match (judge_array(opening.client), reply) {
            (Fit::Contradicts, _) => Evidence::No,
            (Fit::Incomplete, _) => Evidence::NeedMore,
            (Fit::Fits, Fit::Fits) => Evidence::Certain,
            (Fit::Fits, _) => Evidence::Likely,
            // A command that is not known: a module's, or another system's. In the middle of a
            // connection it may as well be a reply, and what seems to be one the command.
            (Fit::Plausible, Fit::Fits)
                if opening.client_from_start || judge_array(opening.server) == Fit::Contradicts =>
            {
                Evidence::Likely
            }
            (Fit::Plausible, _) => Evidence::NeedMore,
        },
        Some(_) => judge_inline(opening.client, opening.server),
    }
}

/// Whether bytes can be the beginning of an array of bulk strings whose first is a name.
pub(super) fn begins_command(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.starts_with(b"*") && judge_array(bytes) != Fit::Contradicts
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Contradicts,
    Incomplete,
    Plausible,
    Fits,
}

/// `*2\r\n$3\r\nGET\r\n`.
fn judge_array(bytes: &[u8]) -> Fit {
    let Some(rest) = bytes.strip_prefix(b"*") else { return Fit::Contradicts };
    let (elements, rest) = match number(rest, 7) {
        Number::Is(0, _) | Number::Bad => return Fit::Contradicts,
        Number::Is(elements, rest) => (elements, rest),
        Number::Cut => return Fit::Incomplete,
    };
    if rest.is_empty() {
        return Fit::Incomplete;
    }
    let Some(rest) = rest.strip_prefix(b"$") else { return Fit::Contradicts };
    let (length, rest) = match number(rest, 2) {
        Number::Is(length @ 1..=64, rest) => (length as usize, rest),
        Number::Is(..) | Number::Bad => return Fit::Contradicts,
        Number::Cut => return Fit::Incomplete,
    };
    let name = rest.get(..length).unwrap_or(rest);
    let end = rest.get(length..).unwrap_or_default();
    if !name.iter().all(|byte| request::is_name(*byte))
        || !(b"\r\n".starts_with(end) || end.starts_with(b"\r\n"))
    {
        return Fit::Contradicts;
    }
    match (end.len() >= 2, command::lookup(name)) {
        (false, _) => Fit::Incomplete,
        (true, Some(row))
            if elements == 3 && matches!(row.effect, Effect::Subscribe | Effect::Unsubscribe) =>
        {
            judge_subscription(end.get(2..).unwrap_or_default())
        }
        (true, Some(_)) => Fit::Fits,
        (true, None) => Fit::Plausible,
    }
}

/// `$1\r\na\r\n$1\r\nb\r\n` or `$1\r\na\r\n:1\r\n`, behind `subscribe`: a client's two channels, or a
/// server's confirmation of one.
fn judge_subscription(rest: &[u8]) -> Fit {
    let Some(rest) = rest.strip_prefix(b"$") else {
        return if rest.is_empty() { Fit::Incomplete } else { Fit::Contradicts };
    };
    let (length, rest) = match number(rest, 7) {
        Number::Is(length, rest) => (length as usize, rest),
        Number::Bad => return Fit::Contradicts,
        Number::Cut => return Fit::Incomplete,
    };
    match rest.get(length + 2) {
        Some(b'$') => Fit::Fits,
        Some(_) => Fit::Contradicts,
        None => Fit::Incomplete,
    }
}

enum Number<'a> {
    Is(u32, &'a [u8]),
    Cut,
    Bad,
}

/// Digits and CRLF.
fn number(bytes: &[u8], digits: usize) -> Number<'_> {
    let count = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = bytes.split_at(count);
    if count > digits || (count == 0 && !rest.is_empty()) {
        return Number::Bad;
    }
    match rest {
        [] | [b'\r'] => Number::Cut,
        [b'\r', b'\n', rest @ ..] => match command::number(number) {
            Some(number) => Number::Is(number, rest),
            None => Number::Bad,
        },
        _ => Number::Bad,
    }
}

/// Whether the server's bytes begin with a RESP value.
fn judge_reply(bytes: &[u8]) -> Fit {
    let Some(kind) = bytes.first() else { return Fit::Incomplete };
    if !reply::is_kind(*kind) {
        return Fit::Contradicts;
    }
    let head = bytes.get(..512).unwrap_or(bytes);
    let Some(end) = head.iter().position(|byte| *byte == b'\n') else {
        let is_text = head.iter().all(|byte| (b' '..0x7f).contains(byte) || *byte == b'\r');
        let may_be_long = matches!(kind, b'+' | b'-' | b'(') || head.len() < 32;
        return if is_text && may_be_long { Fit::Incomplete } else { Fit::Contradicts };
    };
    let line = head.get(1..end).unwrap_or_default();
    match line.strip_suffix(b"\r") {
        Some(line) if reply::is_head(*kind, line) => Fit::Fits,
        _ => Fit::Contradicts,
    }
}

/// Whether the server speaks unasked, as to a subscriber.
fn is_push(server: &[u8]) -> bool {
    let starts = [
        &b"*3\r\n$7\r\nmessage\r\n$"[..],
        b"*4\r\n$8\r\npmessage\r\n$",
        b"*3\r\n$8\r\nsmessage\r\n$",
        b">3\r\n$7\r\nmessage\r\n$",
        b">4\r\n$8\r\npmessage\r\n$",
        b">3\r\n$8\r\nsmessage\r\n$",
        b">2\r\n$10\r\ninvalidate\r\n",
    ];
    starts.iter().any(|start| server.starts_with(start))
}

/// `GET key\r\n`, with a reply that fits the command.
fn judge_inline(client: &[u8], server: &[u8]) -> Evidence {
    let is_text = |byte: &u8| (b' '..0x7f).contains(byte) || byte.is_ascii_whitespace();
    let head = client.get(..256).unwrap_or(client);
    let Some(end) = head.iter().position(|byte| *byte == b'\n') else {
        let may_be = head.len() < 256 && head.iter().all(is_text);
        return if may_be { Evidence::NeedMore } else { Evidence::No };
    };
    let line = head.get(..end).unwrap_or_default();
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let Some(row) = words.next().and_then(command::lookup) else { return Evidence::No };
    if !line.iter().all(is_text) {
        return Evidence::No;
    }
    let is = |start: &[u8]| server.starts_with(start);
    let sized =
        |kind: u8| server.first() == Some(&kind) && server.get(1).is_some_and(u8::is_ascii_digit);
    let fits = match row.name {
        "PING" => is(b"+PONG\r\n"),
        "SET" | "SELECT" | "FLUSHALL" | "FLUSHDB" | "MSET" | "HMSET" => is(b"+OK\r\n"),
        "GET" | "HGET" | "ECHO" | "INFO" => sized(b'$') || is(b"$-1\r\n"),
        "DEL" | "EXISTS" | "INCR" | "DECR" | "TTL" | "DBSIZE" | "EXPIRE" | "LPUSH" | "RPUSH"
        | "SADD" | "ZADD" | "HSET" | "LLEN" | "PUBLISH" => sized(b':'),
        "KEYS" | "MGET" | "LRANGE" | "SMEMBERS" | "HGETALL" | "SCAN" | "COMMAND" => sized(b'*'),
        _ => return Evidence::No,
    };
    match (fits, server.len() < 7) {
        (true, false) => Evidence::Likely,
        (true, true) if server.ends_with(b"\n") => Evidence::Likely,
        (_, true) => Evidence::NeedMore,
        (false, false) => Evidence::No,
    }
}
