//! What a Sync commits can fail.

use super::talk::{answer, bind, execute, msg, parse, ready, sync};
use super::{connected, facts, text};
use crate::dissector::Ending;

/// Sync "causes a COMMIT" if no transaction was opened (chapter 55.2.3), which checks deferred
/// constraints.
#[test]
fn a_commit_that_fails_is_the_executions_error() {
    let mut talk = connected();
    talk.client(&[parse("", "INSERT INTO t VALUES ($1)"), bind("", ""), execute("", 0), sync()]);
    talk.server(&[
        msg(b'1', b""),
        msg(b'2', b""),
        answer("INSERT 0 1"),
        msg(b'E', b"SERROR\0VERROR\0C23505\0\0"),
        ready(b'I'),
    ]);
    let [exchange] = talk.exchanges() else { panic!("{talk:?}") };
    assert_eq!(text(exchange), "INSERT INTO t VALUES ($1)");
    assert_eq!(facts(exchange).error.unwrap().code.unwrap().as_str(), "23505");
    // The Sync came when the execution had been told.
    talk.client(&[bind("", ""), execute("", 0), msg(b'H', b"")]);
    talk.server(&[msg(b'2', b""), answer("INSERT 0 1")]);
    talk.client(&[sync()]);
    talk.server(&[msg(b'E', b"SERROR\0VERROR\0C40001\0\0"), ready(b'I')]);
    let [_, executed, committed] = talk.exchanges() else { panic!("{talk:?}") };
    assert_eq!(facts(executed).error, None);
    assert_eq!(facts(committed).error.unwrap().code.unwrap().as_str(), "40001");
    // The session's end is nobody's error.
    talk.client(&[bind("", ""), execute("", 0), sync()]);
    talk.server(&[msg(b'2', b""), answer("INSERT 0 1"), msg(b'E', b"SFATAL\0VFATAL\0C57P01\0\0")]);
    talk.closed(Ending::Closed);
    assert_eq!(talk.exchanges().len(), 4);
    assert_eq!(facts(&talk.exchanges()[3]).error, None);
}
