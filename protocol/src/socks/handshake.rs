//! How far a handshake has come.

/// What the bytes of both sides are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// No handshake.
    Alien,
    /// The beginning of one; whether the server has agreed to it.
    More { agreed: bool },
    /// One that opened a connection, which begins at these bytes.
    Open { client: usize, server: usize },
    /// One that did not, or behind which there is something else than one connection.
    Over,
}

use Course::{Alien, More, Open, Over};

/// The command that asks for a connection, in both versions.
const CONNECT: u8 = 1;
/// The longest text of SOCKS 4, in bytes: a user's or a host's name.
const TEXT_LIMIT: usize = 256;

/// Reads what the sides have said so far.
pub(super) fn course(client: &[u8], server: &[u8]) -> Course {
    let found = match client.first() {
        None if server.is_empty() => return More { agreed: false },
        Some(4) => version_4(client, server),
        Some(5) => version_5(client, server),
        _ => return Alien,
    };
    found.unwrap_or_else(|course| course)
}

/// A request (version, command, port, address, user's name, zero), and a reply of eight bytes (zero,
/// code, six that may be anything). 4A: an address `0.0.0.x` stands for a name behind the user's.
fn version_4(client: &[u8], server: &[u8]) -> Result<Course, Course> {
    const WAIT: Course = More { agreed: false };
    if client.get(1).is_some_and(|command| !matches!(command, 1 | 2)) {
        return Err(Alien);
    }
    let end = text(client, 8)?;
    let end = match *client.get(4..8).ok_or(WAIT)? {
        [0, 0, 0, 1..=255] => text(client, end)?,
        _ => end,
    };
    match *server {
        [] | [0] => Err(WAIT),
        [0, 0x5a, _, _, _, _, _, _, ..] if client.get(1) == Some(&CONNECT) => {
            Ok(Open { client: end, server: 8 })
        }
        [0, 0x5a..=0x5d, ref rest @ ..] if rest.len() >= 6 => Ok(Over),
        [0, 0x5a..=0x5d, ..] => Err(WAIT),
        _ => Err(Alien),
    }
}

/// The end of a text that ends with a zero.
fn text(bytes: &[u8], at: usize) -> Result<usize, Course> {
    let text = bytes.get(at..).ok_or(More { agreed: false })?;
    match text.iter().take(TEXT_LIMIT).position(|&byte| byte == 0) {
        Some(end) => Ok(at + end + 1),
        None if text.len() < TEXT_LIMIT => Err(More { agreed: false }),
        None => Err(Alien),
    }
}

/// RFC 1928, sections 3 to 6, and RFC 1929, section 2.
fn version_5(client: &[u8], server: &[u8]) -> Result<Course, Course> {
    const WAIT: Course = More { agreed: false };
    const GOES_ON: Course = More { agreed: true };
    let count = usize::from(*client.get(1).ok_or(WAIT)?);
    if count == 0 {
        return Err(Alien);
    }
    let methods = client.get(2..2 + count).ok_or(WAIT)?;
    let mut asked = 2 + count;
    let method = match *server {
        [] | [5] => return Err(WAIT),
        [5, 0xff, ..] => return Err(Over),
        [5, method, ..] if methods.contains(&method) => method,
        _ => return Err(Alien),
    };
    let mut told = 2;
    match method {
        0 => {}
        2 => {
            let user = usize::from(*client.get(asked + 1).ok_or(GOES_ON)?);
            let password = usize::from(*client.get(asked + 2 + user).ok_or(GOES_ON)?);
            if client.get(asked) != Some(&1) {
                return Err(Over);
            }
            asked += 3 + user + password;
            match server.get(told..told + 2).ok_or(GOES_ON)? {
                [1, 0] => told += 2,
                _ => return Err(Over),
            }
        }
        // GSSAPI wraps what follows, others may.
        _ => return Err(Over),
    }
    let (request, asked) = address(client, asked, GOES_ON)?;
    let (reply, told) = address(server, told, GOES_ON)?;
    match (request, reply) {
        (CONNECT, 0) => Ok(Open { client: asked, server: told }),
        _ => Ok(Over),
    }
}

/// Reads version, command or reply, zero, address and port; gives the second of these, and the end.
fn address(bytes: &[u8], at: usize, wait: Course) -> Result<(u8, usize), Course> {
    let head @ [_, second, ..] = bytes.get(at..at + 4).ok_or(wait)? else { return Err(wait) };
    let length = match *head {
        [5, _, _, 1] => 4,
        [5, _, _, 3] => 1 + usize::from(*bytes.get(at + 4).ok_or(wait)?),
        [5, _, _, 4] => 16,
        _ => return Err(Over),
    };
    let end = at + 4 + length + 2;
    if bytes.len() < end { Err(wait) } else { Ok((*second, end)) }
}
