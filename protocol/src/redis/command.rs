//! What is known of each command: how its arguments are laid out, and what it does to the
//! connection.
//!
//! Keys, fields, channels, patterns, ranges and options may be shown; values may not. A command
//! that is not in the table shows none of its arguments.

mod mask;
mod table;

pub(super) use mask::{Layout, Mask};
use table::COMMANDS;

/// What a command does beyond having one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    /// Changes the database.
    Select,
    /// Each argument is confirmed by a message of its own.
    Subscribe,
    /// As [`Effect::Subscribe`]; without arguments, it is confirmed at least once.
    Unsubscribe,
    /// `CLIENT REPLY` decides whether there are replies at all.
    Client,
    /// Starts a transaction.
    Multi,
    /// Ends one; an error may be inside the reply.
    Exec,
    /// Back to the state of a new connection.
    Reset,
    /// Turns the connection into a feed of commands.
    Monitor,
    /// Turns the connection into a replication link.
    Replicate,
    /// `REPLCONF ACK` is heard on replication links only, and not answered.
    ReplicaConfiguration,
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct Command {
    /// In upper case.
    pub(super) name: &'static str,
    pub(super) layout: Layout,
    pub(super) effect: Effect,
}

/// The row of a command, whatever the case of its name.
pub(super) fn lookup(name: &[u8]) -> Option<&'static Command> {
    let wanted = key(name);
    let first = KEYS.partition_point(|key| *key < wanted);
    let same = COMMANDS.get(first..)?.iter().zip(KEYS.get(first..)?);
    same.take_while(|(_, key)| **key == wanted)
        .map(|(row, _)| row)
        .find(|row| row.name.as_bytes().eq_ignore_ascii_case(name))
}

/// The first 16 letters of a name, in upper case, as a number that sorts as they do.
const fn key(name: &[u8]) -> u128 {
    let mut key = [0; 16];
    let mut index = 0;
    while index < name.len() && index < key.len() {
        key[index] = name[index].to_ascii_uppercase();
        index += 1;
    }
    u128::from_be_bytes(key)
}

/// The keys of all rows.
static KEYS: [u128; COMMANDS.len()] = {
    let mut keys = [0; COMMANDS.len()];
    let mut index = 0;
    while index < keys.len() {
        keys[index] = key(COMMANDS[index].name.as_bytes());
        index += 1;
    }
    keys
};

/// A decimal number of at most nine digits.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0, |sum: u32, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found() {
        assert!(COMMANDS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for row in COMMANDS {
            assert_eq!(lookup(row.name.as_bytes()).map(|found| found.name), Some(row.name));
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(lookup(b"hGetAll").map(|row| row.name), Some("HGETALL"));
        assert!(lookup(b"").is_none());
        assert!(lookup(&[b'A'; 300]).is_none());
    }

    fn shown(command: &str, arguments: &[&str]) -> String {
        let mut mask = Mask::new(lookup(command.as_bytes()));
        let shown = arguments.iter().enumerate().map(|(index, argument)| {
            if mask.shows(index as u32, argument.as_bytes()) { argument } else { "?" }
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn values_are_masked_and_keys_stay() {
        assert_eq!(shown("HMSET", &["k", "f", "v", "g", "w"]), "k f ? g ?");
        assert_eq!(shown("MSET", &["a", "1", "b", "2"]), "a ? b ?");
        assert_eq!(shown("EVAL", &["return 1", "1", "k", "secret"]), "? 1 k ?");
        assert_eq!(shown("FCALL", &["f", "0", "secret"]), "f 0 ?");
        assert_eq!(shown("AUTH", &["default", "secret"]), "? ?");
        assert_eq!(
            shown("HELLO", &["3", "AUTH", "u", "AUTH", "SETNAME", "me"]),
            "3 AUTH ? ? SETNAME me"
        );
        assert_eq!(shown("CONFIG", &["set", "requirepass", "secret"]), "set requirepass ?");
        assert_eq!(shown("CONFIG", &["GET", "save", "dir"]), "GET save dir");
        assert_eq!(shown("NO.SUCH", &["a", "b"]), "? ?");
    }
}
