//! Redis: RESP2, RESP3 and inline commands, as Redis, Valkey, KeyDB and their kin speak them.
//!
//! Sources of fact: the [RESP specification] and the [command reference]; behaviour of
//! `CLIENT REPLY`, `MULTI`, `SUBSCRIBE` and `MONITOR` as their pages describe it.
//!
//! What is one exchange:
//!
//! - A command and its reply, paired by order.
//! - A *pipeline*: two or more commands that the client handed to one write, as the semantic
//!   conventions ask (`PIPELINE GET`, batch size). Commands that were merely in flight together
//!   (an event loop that multiplexes one connection for several requests) stay apart, since they
//!   have different causes. A write that filled a client's buffer (4 KiB or more) is taken to be
//!   continued by the next one.
//! - A transaction whose `MULTI` … `EXEC` is one write: `MULTI`, with the commands in between as
//!   the batch; of a single one, that command, as the conventions want it. A transaction over several
//!   round trips is several commands.
//! - `SUBSCRIBE a b` with its confirmations. Messages and other pushes are not replies and make
//!   no exchange: there is no convention for them.
//!
//! Reading order: [`dissector`] (pairing, holes, footing), [`request`] and [`reply`] (the wire
//! format of each side), [`command`] (what is known of each command, and what may be shown of its
//! arguments), [`detect`].
//!
//! [RESP specification]: https://redis.io/docs/latest/develop/reference/protocol-spec/
//! [command reference]: https://redis.io/docs/latest/commands/

use std::borrow::Cow;

use crate::detect::Protocol;

mod burst;
mod command;
mod detect;
mod dissector;
mod notation;
mod redact;
mod reply;
mod request;

#[cfg(test)]
mod tests;

pub(crate) use redact::Redactor;

/// Redis in the list of protocols.
pub static PROTOCOL: Protocol = Protocol {
    name: "redis",
    detect: detect::detect,
    dissector: |from_start| Box::new(dissector::Redis::new(from_start)),
    ports: &[6379, 6380, 26379],
};

/// Facts of a command, a pipeline or a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisFacts {
    /// The command's name as the client spelled it; of a pipeline `PIPELINE` and of a transaction
    /// `MULTI`, each followed by the command's name if all commands have the same.
    pub operation: Cow<'static, str>,
    /// How many commands: 1, or the size of the pipeline, or the commands between `MULTI` and
    /// `EXEC`; 0 if that is not known, because both commands and replies were lost.
    pub commands: u32,
    /// The command in the notation of `redis-cli`, with `?` for every value (keys, fields and
    /// channel names stay); several are separated by `; `. At most about 2 KiB; a longer text, or one
    /// of which a part was lost, ends in ` ...`.
    pub text: Box<str>,
    /// Index of the selected database, if known.
    pub database: Option<u32>,
    /// The first error among the replies: its prefix (`WRONGTYPE`, `MOVED`, `ERR`), or an empty
    /// text if the error has none.
    pub error: Option<Box<str>>,
    /// The SHA-1 digest of an `EVALSHA`, or the function's name of an `FCALL`.
    pub procedure: Option<Box<str>>,
}
