//! COM_STMT_PREPARE and what executes it, said at once, on connections that are read from their middle.

use super::talk::{command, err, ok, prepared, result};
use super::*;

/// MariaDB's drivers say both at once: the statement's number, -1, waits for no answer.
#[test]
fn a_batch_is_prepared_and_executed_at_once_in_the_middle() {
    for deprecate_eof in [false, true] {
        let mut talk = Talk::new(Mysql::new(false));
        let prepare = command(0x16, b"INSERT INTO t VALUES (?, ?)");
        let bulk = |id: [u8; 4]| command(0xfa, &[&id[..], &[128, 0, 8, 0, 0, 1]].concat());
        talk.client(&[prepare, bulk([0xff; 4])]);
        talk.server(&[prepared(deprecate_eof, 9, 2, 0), vec![ok(1, 2)]].concat());
        talk.client(&[bulk([9, 0, 0, 0])]);
        talk.server(&[err(1, 1062, b"#23000double")]);
        let exchanges = talk.exchanges();
        assert_eq!(texts(exchanges), ["INSERT INTO t VALUES (?, ?)"; 2]);
        assert!(exchanges.iter().all(|it| it.outcome == Outcome::Complete));
        let error = facts(&exchanges[1]).error.as_ref();
        assert_eq!(error.and_then(|error| error.number), Some(1062));
        assert_eq!((talk.not_understood(), talk.lost()), (0, 0), "{deprecate_eof}");
    }
}

/// The answer that was lost may be either's.
#[test]
fn the_answer_to_a_batch_is_not_that_of_its_preparation() {
    let mut talk = Talk::new(Mysql::new(false));
    let prepare = command(0x16, b"INSERT INTO t VALUES (?, ?)");
    let bulk = command(0xfa, &[255, 255, 255, 255, 128, 0, 8, 0, 0, 1]);
    talk.client(&[prepare, bulk]);
    talk.server(&[ok(1, 2)]);
    talk.client(&[command(3, b"SELECT a FROM t")]);
    talk.server(&result(true, 1, 1, 2));
    assert_eq!(texts(talk.exchanges()), ["SELECT a FROM t"]);
    assert_eq!(talk.lost(), 1, "the batch");
}
