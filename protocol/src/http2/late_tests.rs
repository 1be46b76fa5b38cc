//! gRPC on a connection that is read from its middle: `content-type` and `grpc-status` were inserted into
//! the table before (index 62 and 63), so that their names are not known.

use super::Http2;
use super::tests::{Talk, frame};
use crate::grpc::{GrpcFacts, Status};
use crate::{Facts, Side};

/// `:method: POST`, `:scheme: http`, `:path: /a.B/C`, and an entry of the table.
const CALL: &[u8] = b"\x83\x86\x04\x06/a.B/C\xbe";
/// `:status: 200`, and an entry of the table.
const HEAD: &[u8] = &[0x88, 0xbe];
/// A message of no bytes.
const MESSAGE: &[u8] = &[0; 5];
const END_HEADERS: u8 = 4;
const END_STREAM: u8 = 1;

/// A call on a stream, answered by a message and these trailers.
fn call(talk: &mut Talk, stream: u32, head: &[u8], trailers: &[u8]) {
    talk.say(Side::Client, &frame(1, END_HEADERS, stream, CALL));
    talk.say(Side::Client, &frame(0, END_STREAM, stream, MESSAGE));
    talk.say(Side::Server, &frame(1, END_HEADERS, stream, head));
    talk.say(Side::Server, &frame(0, 0, stream, MESSAGE));
    talk.say(Side::Server, &frame(1, END_HEADERS | END_STREAM, stream, trailers));
}

/// A call that fails at once ("Trailers-Only").
fn fail(talk: &mut Talk, stream: u32, fields: &[u8]) {
    talk.say(Side::Client, &frame(1, END_HEADERS, stream, CALL));
    talk.say(Side::Client, &frame(0, END_STREAM, stream, MESSAGE));
    talk.say(Side::Server, &frame(1, END_HEADERS | END_STREAM, stream, fields));
}

fn statuses(talk: Talk) -> Vec<Option<Status>> {
    let status = |facts: &Facts| match facts {
        Facts::Grpc(facts) => {
            let GrpcFacts { status, .. } = **facts;
            status
        }
        other => panic!("{other:?}"),
    };
    talk.close().exchanges.iter().map(|exchange| status(&exchange.facts)).collect()
}

fn late() -> Talk {
    Talk::of(Http2::late())
}

/// "Trailers → Status [Status-Message] *Custom-Metadata" (PROTOCOL-HTTP2.md): what is alone in them is
/// the status.
#[test]
fn the_only_field_of_a_calls_trailers_names_the_status() {
    let mut talk = late();
    call(&mut talk, 1, HEAD, &[0xbf]);
    // Literal with incremental indexing, by the name of index 63: "5".
    fail(&mut talk, 3, b"\x88\xbe\x7f\x00\x015");
    // That entry is index 62, and all others are one further.
    fail(&mut talk, 5, b"\x88\xbf\xbe");
    call(&mut talk, 7, b"\x88\xbf", b"\x7f\x01\x0214");
    // The value of the older entry stays unknown: it is index 65 by this time.
    call(&mut talk, 9, b"\x88\xc0", &[0xc1]);
    let found =
        [None, Some(Status::NotFound), Some(Status::NotFound), Some(Status::Unavailable), None];
    assert_eq!(statuses(talk), found);
}

/// Its message is no number.
#[test]
fn a_status_beside_a_message_is_one_at_once() {
    let mut talk = late();
    call(&mut talk, 1, HEAD, b"\x7f\x00\x015\x0f\x31\x04gone");
    assert_eq!(statuses(talk), [Some(Status::NotFound)]);
}

#[test]
fn of_two_fields_that_may_be_the_status_neither_is() {
    let mut talk = late();
    // Another field of index 64 has a number as well; then an entry of the table.
    call(&mut talk, 1, HEAD, b"\x0f\x30\x015\x0f\x31\x013");
    call(&mut talk, 3, HEAD, b"\xbf\xc0");
    call(&mut talk, 5, HEAD, b"\x0f\x30\x015\xc0");
    fail(&mut talk, 7, b"\x88\xbe\x7f\x00\x015");
    assert_eq!(statuses(talk), [None; 4]);
}

/// No call, no status.
#[test]
fn trailers_of_other_responses_name_nothing() {
    let mut talk = late();
    talk.say(Side::Client, &frame(1, END_HEADERS | END_STREAM, 1, b"\x82\x86\x84\xbe"));
    talk.say(Side::Server, &frame(1, END_HEADERS, 1, HEAD));
    talk.say(Side::Server, &frame(0, 0, 1, b"<html>"));
    talk.say(Side::Server, &frame(1, END_HEADERS | END_STREAM, 1, &[0xbf]));
    fail(&mut talk, 3, b"\x88\xbe\x7f\x00\x015");
    let exchanges = talk.close().exchanges;
    assert!(exchanges.iter().all(|it| matches!(it.facts, Facts::Http(_))), "{exchanges:?}");
}
