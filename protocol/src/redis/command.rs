//! What is known of each command: how its arguments are laid out, and what it does to the
//! connection.
//!
//! Keys, fields, channels, patterns, ranges and options may be shown; values may not. A command
//! that is not in the table shows none of its arguments.

/// Which arguments (counted without the command's name) may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// All of them.
    All,
    /// The first so many.
    First(u32),
    /// The first so many, and then the first of each pair (`HSET key field value …`).
    Pairs(u32),
    /// Script, number of keys, keys, values.
    Script,
    /// Digest or function, number of keys, keys, values.
    Procedure,
    /// `CONFIG SET parameter value …`, else all.
    Config,
    /// `HELLO version AUTH user password SETNAME name`.
    Hello,
}

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

/// Walks along the arguments of one command and says which may be shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mask {
    layout: Layout,
    /// Of a script: keys that are still to come.
    keys: u32,
    /// Of `CONFIG`: it is `CONFIG SET`. Of `HELLO`: arguments that are still secret.
    special: u32,
}

impl Mask {
    pub(super) fn new(command: Option<&'static Command>) -> Self {
        Self { layout: command.map_or(Layout::First(0), |row| row.layout), keys: 0, special: 0 }
    }

    /// Whether the argument at `index` may be shown, if its value plays no part in that. `None`
    /// if [`shows`](Self::shows) has to see the value.
    pub(super) fn shows_any(&self, index: u32) -> Option<bool> {
        match self.layout {
            Layout::All => Some(true),
            Layout::First(n) => Some(index < n),
            Layout::Pairs(n) => Some(index < n || (index - n).is_multiple_of(2)),
            Layout::Script | Layout::Procedure | Layout::Config | Layout::Hello => None,
        }
    }

    /// Whether the argument at `index` may be shown. To be asked for every argument, in order.
    pub(super) fn shows(&mut self, index: u32, value: &[u8]) -> bool {
        match (self.layout, index) {
            (Layout::Script, 0) => false,
            (Layout::Procedure, 0) => true,
            (Layout::Script | Layout::Procedure, 1) => {
                self.keys = number(value).unwrap_or(0);
                true
            }
            (Layout::Script | Layout::Procedure, _) => {
                let is_key = self.keys > 0;
                self.keys = self.keys.saturating_sub(1);
                is_key
            }
            (Layout::Config, 0) => {
                self.special = value.eq_ignore_ascii_case(b"SET").into();
                true
            }
            (Layout::Config, _) => self.special == 0 || index % 2 == 1,
            (Layout::Hello, _) => {
                let secret = self.special > 0;
                self.special = self.special.saturating_sub(1);
                if !secret && value.eq_ignore_ascii_case(b"AUTH") {
                    self.special = 2;
                }
                !secret
            }
            _ => self.shows_any(index).unwrap_or(false),
        }
    }
}

/// A decimal number of at most nine digits.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0, |sum: u32, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'))
    })
}

const fn row(name: &'static str, layout: Layout) -> Command {
    Command { name, layout, effect: Effect::None }
}

const fn acts(name: &'static str, layout: Layout, effect: Effect) -> Command {
    Command { name, layout, effect }
}

use Layout::{All, Config, First, Hello, Pairs, Procedure, Script};

/// Every command that is known, sorted by name.
const COMMANDS: &[Command] = &[
    row("ACL", First(2)),
    row("APPEND", First(1)),
    row("ASKING", All),
    row("AUTH", First(0)),
    row("BF.ADD", First(1)),
    row("BF.EXISTS", First(1)),
    row("BF.MADD", First(1)),
    row("BF.MEXISTS", First(1)),
    row("BF.RESERVE", All),
    row("BGREWRITEAOF", All),
    row("BGSAVE", All),
    row("BITCOUNT", All),
    row("BITFIELD", First(1)),
    row("BITFIELD_RO", All),
    row("BITOP", All),
    row("BITPOS", All),
    row("BLMOVE", All),
    row("BLMPOP", All),
    row("BLPOP", All),
    row("BRPOP", All),
    row("BRPOPLPUSH", All),
    row("BZMPOP", All),
    row("BZPOPMAX", All),
    row("BZPOPMIN", All),
    acts("CLIENT", All, Effect::Client),
    row("CLUSTER", All),
    row("COMMAND", All),
    row("CONFIG", Config),
    row("COPY", All),
    row("DBSIZE", All),
    row("DEBUG", First(1)),
    row("DECR", All),
    row("DECRBY", First(1)),
    row("DEL", All),
    row("DISCARD", All),
    row("DUMP", All),
    row("ECHO", First(0)),
    row("EVAL", Script),
    row("EVALSHA", Procedure),
    row("EVALSHA_RO", Procedure),
    row("EVAL_RO", Script),
    acts("EXEC", All, Effect::Exec),
    row("EXISTS", All),
    row("EXPIRE", All),
    row("EXPIREAT", All),
    row("EXPIRETIME", All),
    row("FAILOVER", First(0)),
    row("FCALL", Procedure),
    row("FCALL_RO", Procedure),
    row("FLUSHALL", All),
    row("FLUSHDB", All),
    row("FT.AGGREGATE", First(1)),
    row("FT.CREATE", All),
    row("FT.DROPINDEX", All),
    row("FT.INFO", All),
    row("FT.SEARCH", First(1)),
    row("FT._LIST", All),
    row("FUNCTION", First(1)),
    row("GEOADD", First(1)),
    row("GEODIST", First(1)),
    row("GEOHASH", First(1)),
    row("GEOPOS", First(1)),
    row("GEORADIUS", First(1)),
    row("GEORADIUSBYMEMBER", First(1)),
    row("GEORADIUSBYMEMBER_RO", First(1)),
    row("GEORADIUS_RO", First(1)),
    row("GEOSEARCH", First(1)),
    row("GEOSEARCHSTORE", First(2)),
    row("GET", All),
    row("GETBIT", All),
    row("GETDEL", All),
    row("GETEX", All),
    row("GETRANGE", All),
    row("GETSET", First(1)),
    row("HDEL", All),
    acts("HELLO", Hello, Effect::None),
    row("HEXISTS", All),
    row("HEXPIRE", All),
    row("HEXPIREAT", All),
    row("HEXPIRETIME", All),
    row("HGET", All),
    row("HGETALL", All),
    row("HGETDEL", All),
    row("HGETEX", All),
    row("HINCRBY", First(2)),
    row("HINCRBYFLOAT", First(2)),
    row("HKEYS", All),
    row("HLEN", All),
    row("HMGET", All),
    row("HMSET", Pairs(1)),
    row("HPERSIST", All),
    row("HPEXPIRE", All),
    row("HPEXPIREAT", All),
    row("HPEXPIRETIME", All),
    row("HPTTL", All),
    row("HRANDFIELD", All),
    row("HSCAN", All),
    row("HSET", Pairs(1)),
    row("HSETEX", First(1)),
    row("HSETNX", First(2)),
    row("HSTRLEN", All),
    row("HTTL", All),
    row("HVALS", All),
    row("INCR", All),
    row("INCRBY", First(1)),
    row("INCRBYFLOAT", First(1)),
    row("INFO", All),
    row("JSON.ARRAPPEND", First(2)),
    row("JSON.DEL", All),
    row("JSON.GET", All),
    row("JSON.MGET", All),
    row("JSON.NUMINCRBY", First(2)),
    row("JSON.SET", First(2)),
    row("JSON.TYPE", All),
    row("KEYS", All),
    row("LASTSAVE", All),
    row("LATENCY", All),
    row("LCS", All),
    row("LINDEX", All),
    row("LINSERT", First(2)),
    row("LLEN", All),
    row("LMOVE", All),
    row("LMPOP", All),
    row("LOLWUT", All),
    row("LPOP", All),
    row("LPOS", First(1)),
    row("LPUSH", First(1)),
    row("LPUSHX", First(1)),
    row("LRANGE", All),
    row("LREM", First(2)),
    row("LSET", First(2)),
    row("LTRIM", All),
    row("MEMORY", All),
    row("MGET", All),
    row("MIGRATE", First(5)),
    row("MODULE", First(2)),
    acts("MONITOR", All, Effect::Monitor),
    row("MOVE", All),
    row("MSET", Pairs(0)),
    row("MSETNX", Pairs(0)),
    acts("MULTI", All, Effect::Multi),
    row("OBJECT", All),
    row("PERSIST", All),
    row("PEXPIRE", All),
    row("PEXPIREAT", All),
    row("PEXPIRETIME", All),
    row("PFADD", First(1)),
    row("PFCOUNT", All),
    row("PFMERGE", All),
    row("PING", First(0)),
    row("PSETEX", First(2)),
    acts("PSUBSCRIBE", All, Effect::Subscribe),
    acts("PSYNC", All, Effect::Replicate),
    row("PTTL", All),
    row("PUBLISH", First(1)),
    row("PUBSUB", All),
    acts("PUNSUBSCRIBE", All, Effect::Unsubscribe),
    row("QUIT", All),
    row("RANDOMKEY", All),
    row("READONLY", All),
    row("READWRITE", All),
    row("RENAME", All),
    row("RENAMENX", All),
    acts("REPLCONF", First(1), Effect::ReplicaConfiguration),
    row("REPLICAOF", All),
    acts("RESET", All, Effect::Reset),
    row("RESTORE", First(2)),
    row("RESTORE-ASKING", First(2)),
    row("ROLE", All),
    row("RPOP", All),
    row("RPOPLPUSH", All),
    row("RPUSH", First(1)),
    row("RPUSHX", First(1)),
    row("SADD", First(1)),
    row("SAVE", All),
    row("SCAN", All),
    row("SCARD", All),
    row("SCRIPT", First(1)),
    row("SDIFF", All),
    row("SDIFFSTORE", All),
    acts("SELECT", All, Effect::Select),
    row("SENTINEL", First(2)),
    row("SET", First(1)),
    row("SETBIT", First(2)),
    row("SETEX", First(2)),
    row("SETNX", First(1)),
    row("SETRANGE", First(2)),
    row("SHUTDOWN", All),
    row("SINTER", All),
    row("SINTERCARD", All),
    row("SINTERSTORE", All),
    row("SISMEMBER", First(1)),
    row("SLAVEOF", All),
    row("SLOWLOG", All),
    row("SMEMBERS", All),
    row("SMISMEMBER", First(1)),
    row("SMOVE", First(2)),
    row("SORT", All),
    row("SORT_RO", All),
    row("SPOP", All),
    row("SPUBLISH", First(1)),
    row("SRANDMEMBER", All),
    row("SREM", First(1)),
    row("SSCAN", All),
    acts("SSUBSCRIBE", All, Effect::Subscribe),
    row("STRLEN", All),
    acts("SUBSCRIBE", All, Effect::Subscribe),
    row("SUBSTR", All),
    row("SUNION", All),
    row("SUNIONSTORE", All),
    acts("SUNSUBSCRIBE", All, Effect::Unsubscribe),
    row("SWAPDB", All),
    acts("SYNC", All, Effect::Replicate),
    row("TIME", All),
    row("TOUCH", All),
    row("TS.ADD", First(1)),
    row("TS.GET", All),
    row("TS.RANGE", All),
    row("TTL", All),
    row("TYPE", All),
    row("UNLINK", All),
    acts("UNSUBSCRIBE", All, Effect::Unsubscribe),
    row("UNWATCH", All),
    row("WAIT", All),
    row("WAITAOF", All),
    row("WATCH", All),
    row("XACK", All),
    row("XADD", First(1)),
    row("XAUTOCLAIM", All),
    row("XCLAIM", All),
    row("XDEL", All),
    row("XGROUP", All),
    row("XINFO", All),
    row("XLEN", All),
    row("XPENDING", All),
    row("XRANGE", All),
    row("XREAD", All),
    row("XREADGROUP", All),
    row("XREVRANGE", All),
    row("XSETID", All),
    row("XTRIM", All),
    row("ZADD", First(1)),
    row("ZCARD", All),
    row("ZCOUNT", First(1)),
    row("ZDIFF", All),
    row("ZDIFFSTORE", All),
    row("ZINCRBY", First(1)),
    row("ZINTER", All),
    row("ZINTERCARD", All),
    row("ZINTERSTORE", All),
    row("ZLEXCOUNT", First(1)),
    row("ZMPOP", All),
    row("ZMSCORE", First(1)),
    row("ZPOPMAX", All),
    row("ZPOPMIN", All),
    row("ZRANDMEMBER", All),
    row("ZRANGE", First(1)),
    row("ZRANGEBYLEX", First(1)),
    row("ZRANGEBYSCORE", First(1)),
    row("ZRANGESTORE", First(2)),
    row("ZRANK", First(1)),
    row("ZREM", First(1)),
    row("ZREMRANGEBYLEX", First(1)),
    row("ZREMRANGEBYRANK", First(1)),
    row("ZREMRANGEBYSCORE", First(1)),
    row("ZREVRANGE", First(1)),
    row("ZREVRANGEBYLEX", First(1)),
    row("ZREVRANGEBYSCORE", First(1)),
    row("ZREVRANK", First(1)),
    row("ZSCAN", All),
    row("ZSCORE", First(1)),
    row("ZUNION", All),
    row("ZUNIONSTORE", All),
];

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
