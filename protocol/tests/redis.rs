//! Redis as redis-cli 7.0.15, redis-py 8.1.0, ioredis 6.0.0 and node-redis 6.3.1 speak it to
//! Redis 7.0.15. The expectations are what the clients' scripts call, one line an exchange.

mod support;

use onlooker_protocol::detect::Evidence;
use onlooker_protocol::redis::{PROTOCOL, RedisFacts};
use onlooker_protocol::{Exchange, Facts, Moment, Side};
use support::Random;
use support::reads::{Read, connections, detect, dissect, whole};

const REDIS_PY: &str = include_str!("data/redis/redis-py.txt");
const REDIS_CLI: &str = include_str!("data/redis/redis-cli.txt");
const IOREDIS: &str = include_str!("data/redis/ioredis.txt");
const NODE_REDIS: &str = include_str!("data/redis/node-redis.txt");

/// `database operation commands: text [error]`.
fn line(facts: &RedisFacts) -> String {
    let database = facts.database.map_or("-".to_owned(), |index| index.to_string());
    let error = facts.error.as_deref().map(|error| format!(" [{error}]")).unwrap_or_default();
    format!("{database} {} {}: {}{error}", facts.operation, facts.commands, facts.text)
}

fn lines(reads: &[Read]) -> Vec<String> {
    assert!(detect(&PROTOCOL, reads) >= Evidence::Likely);
    let out = dissect(&PROTOCOL, &whole(reads), true);
    assert_eq!((out.lost, out.not_understood, out.handover), (0, 0, None));
    let facts = out.exchanges.iter().map(|exchange| match &exchange.facts {
        Facts::Redis(facts) => line(facts),
        other => panic!("{other:?}"),
    });
    facts.collect()
}

#[test]
fn redis_py() {
    let seen = connections(REDIS_PY);
    let values = " ?".repeat(20);
    let push = format!("2 LPUSH 1: LPUSH list{values}");
    let digest = "d3c21d0c2b9ca22f82737626a27bcaf5d288f99f";
    let evalsha = format!("2 EVALSHA 1: EVALSHA {digest} 1 b ?");
    let expected = [
        "0 HELLO 1: HELLO 3",
        "0 CLIENT 1: CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-fqdn [ERR]",
        "0 CLIENT 1: CLIENT SETINFO LIB-NAME redis-py [ERR]",
        "0 CLIENT 1: CLIENT SETINFO LIB-VER 8.1.0 [ERR]",
        "0 SELECT 1: SELECT 2",
        "2 SET 1: SET user:1 ? ? ?",
        "2 GET 1: GET user:1",
        "2 GET 1: GET \"no such key\"",
        "2 HSET 1: HSET cart apples ? pears ?",
        "2 HGETALL 1: HGETALL cart",
        "2 MSET 1: MSET a ? b ?",
        &push,
        "2 LRANGE 1: LRANGE list 0 -1",
        "2 INCRBY 1: INCRBY user:1 ? [ERR]",
        "2 PIPELINE GET 3: GET a; GET b; GET zz",
        "2 MULTI 3: MULTI; INCRBY a ?; LPUSH user:1 ?; DEL list; EXEC [WRONGTYPE]",
        &evalsha,
        &evalsha,
        "2 SET 1: SET big ?",
        "2 GET 1: GET big",
        "2 BLPOP 1: BLPOP queue 1",
        "2 XADD 1: XADD stream ? ? ?",
        "2 ZADD 1: ZADD scores ? ? ? ?",
        "2 ZRANGE 1: ZRANGE scores ? ? ?",
    ];
    assert_eq!(lines(&seen[0]), expected);
    assert_eq!(
        lines(&seen[1])[4..],
        ["0 SUBSCRIBE 1: SUBSCRIBE news weather", "0 UNSUBSCRIBE 1: UNSUBSCRIBE"]
    );
    assert_eq!(lines(&seen[2])[4..], ["0 PSUBSCRIBE 1: PSUBSCRIBE n*", "0 PING 1: PING"]);
}

#[test]
fn the_wait_of_a_blocking_command_is_its_duration() {
    let out = dissect(&PROTOCOL, &whole(&connections(REDIS_PY)[0]), true);
    let waited = out.exchanges.iter().find_map(|exchange| match &exchange.facts {
        Facts::Redis(facts) if facts.operation == "BLPOP" => {
            Some(exchange.response?.last.end - exchange.request.first.start)
        }
        _ => None,
    });
    assert!(waited.is_some_and(|nanoseconds| nanoseconds > 1_000_000_000));
}

#[test]
fn ioredis() {
    let setinfo = "client SETINFO LIB-VER 6.0.0; client SETINFO LIB-NAME ioredis";
    let hello = format!("0 PIPELINE 3: hello 3; {setinfo} [ERR]");
    assert_eq!(
        lines(&connections(IOREDIS)[0]),
        [
            &*hello,
            "0 set 1: set k:0 ?",
            "0 PIPELINE 6: set k:1 ?; get k:1; set k:2 ?; get k:2; set k:3 ?; get k:3",
            "0 PIPELINE get 2: get k:1; get k:2",
            "0 MULTI 2: multi; incr n; get k:1; exec",
            "0 eval 1: eval ? 1 k:1 ?",
            "0 hset 1: hset h f ?",
            "0 incr 1: incr k:1 [ERR]",
            "0 quit 1: quit",
        ]
    );
}

#[test]
fn node_redis() {
    let seen = lines(&connections(NODE_REDIS)[0]);
    assert_eq!(
        seen[1..],
        [
            "0 SET 1: SET nr ?",
            "0 GET 1: GET nr",
            "0 MULTI 2: MULTI; SET nr ?; INCR nr; EXEC",
            "0 PIPELINE 2: GET nr; HGETALL h",
        ]
    );
}

#[test]
fn redis_cli() {
    let seen: Vec<_> = connections(REDIS_CLI).iter().map(|reads| lines(reads)).collect();
    assert_eq!(
        seen,
        [
            vec!["0 SELECT 1: SELECT 1", "1 SET 1: SET a ?"],
            vec!["0 SELECT 1: SELECT 1", "1 LPUSH 1: LPUSH a ? [WRONGTYPE]"],
            vec!["0 HELLO 1: HELLO 3", "0 OBJECT 1: OBJECT ENCODING nokey"],
            vec!["0 NOSUCH 1: NOSUCH ? ? [ERR]"],
            vec!["0 CONFIG 1: CONFIG SET appendonly ?"],
            vec!["0 AUTH 1: AUTH ? ?", "0 GET 1: GET a"],
            vec!["0 PIPELINE 6: SET p:1 ?; SET p:2 ?; SET p:3 ?; SET p:4 ?; SET p:5 ?; ECHO ?"],
            vec!["0 PIPELINE 3: PING; SET inl ?; GET inl", "0 QUIT 1: QUIT"],
        ]
    );
}

#[test]
fn nothing_secret_is_kept() {
    for text in [REDIS_PY, REDIS_CLI, IOREDIS, NODE_REDIS] {
        for line in connections(text).iter().flat_map(|reads| lines(reads)) {
            assert!(!["secret", "hidden", "hello world"].iter().any(|word| line.contains(word)));
        }
    }
}

#[test]
fn any_cut_gives_the_same_exchanges() {
    for text in [REDIS_PY, REDIS_CLI, IOREDIS, NODE_REDIS] {
        connections(text).iter().for_each(|reads| support::reads::survives_cuts(&PROTOCOL, reads));
    }
}

#[test]
fn holes_and_late_attachment_give_nothing_false() {
    for text in [REDIS_PY, REDIS_CLI, IOREDIS, NODE_REDIS] {
        for reads in connections(text) {
            support::reads::survives_holes(&PROTOCOL, &reads, 500);
            support::reads::survives_late_attach(&PROTOCOL, &reads);
        }
    }
}

/// A connection that an event loop shares between requests: up to `most` commands are in flight,
/// each in a write of its own; replies come one by one or several in a read.
fn multiplexed(seed: u64, most: usize) -> Vec<Read> {
    let mut random = Random(seed);
    let (mut reads, mut asked, mut replied, mut at) = (Vec::new(), 0, 0, 0);
    let mut positions = [0, 0];
    while replied < 200 {
        at += 20_000 + random.below(100_000) as u64;
        let in_flight = asked - replied;
        let asks = asked < 200 && in_flight < most && (in_flight == 0 || random.below(2) == 0);
        let (side, text) = if asks {
            asked += 1;
            let key = asked.to_string();
            (Side::Client, format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len()))
        } else {
            let count = 1 + random.below(in_flight);
            replied += count;
            (Side::Server, "$-1\r\n".repeat(count))
        };
        let position = positions[side as usize];
        positions[side as usize] += text.len() as u64;
        let first = Moment { position, start: at, end: at + 5000, ..Moment::default() };
        reads.push(Read { side, first, bytes: text.into_bytes(), datagram: false });
    }
    reads
}

#[test]
fn commands_in_flight_together_are_paired_one_by_one() {
    for most in [2, 3, 16] {
        let out = dissect(&PROTOCOL, &whole(&multiplexed(5, most)), true);
        assert_eq!(out.exchanges.len(), 200);
        let asked = |exchange: &Exchange| match &exchange.facts {
            Facts::Redis(facts) => facts.text.strip_prefix("GET ")?.parse::<usize>().ok(),
            other => panic!("{other:?}"),
        };
        for (index, exchange) in out.exchanges.iter().enumerate() {
            assert_eq!(asked(exchange), Some(index + 1));
            let replied = exchange.response.map(|response| response.first.position);
            assert_eq!(replied, Some(index as u64 * 5));
        }
    }
}

#[test]
fn holes_in_a_shared_connection_give_nothing_false() {
    for most in [2, 3, 16] {
        for seed in 1..20 {
            support::reads::survives_holes_in(&PROTOCOL, &multiplexed(seed, most), 50, 300, 1000);
        }
    }
}

#[test]
fn damaged_bytes_do_no_harm() {
    for text in [REDIS_PY, REDIS_CLI, IOREDIS, NODE_REDIS] {
        connections(text).iter().for_each(|reads| {
            support::reads::survives_damage(&PROTOCOL, reads, 2000);
        });
    }
}
