//! Late attaches, holes, surprises: unknown stays unknown, never wrong.

use super::talk::Talk;
use crate::chunk::{Chunk, Moment, Side};
use crate::dissector::{Dissector, Ending, Output};
use crate::exchange::Outcome;
use crate::http1::Http1;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const GONE: &str = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";

#[test]
fn attached_in_the_middle_of_a_request_body() {
    let mut talk = Talk::attached();
    talk.client("some body\r\nthat goes on").client("and on");
    talk.server(GONE).client("GET /next HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["GET /next 200"]);
}

#[test]
fn attached_in_the_middle_of_a_response() {
    let mut talk = Talk::attached();
    talk.server("tail of a body").client("GET /next HTTP/1.1\r\n\r\n").server(OK);
    assert!(talk.exchanges.is_empty(), "one response too many may still come");
    talk.client("GET /more HTTP/1.1\r\n\r\n");
    assert_eq!(talk.told(), ["GET /next 200"]);
    talk.server(OK);
    assert_eq!(talk.told(), ["GET /next 200", "GET /more 200"]);
}

#[test]
fn attached_between_request_and_response() {
    let mut talk = Talk::attached();
    talk.server(GONE).client("GET /next HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!((talk.told(), talk.lost), (vec!["GET /next 200".to_owned()], 1));
}

#[test]
fn silence_releases_the_first_pair_of_an_attached_connection() {
    let mut talk = Talk::attached();
    talk.client("GET /a HTTP/1.1\r\n\r\n").server(OK);
    talk.idle(300_000_000);
    assert_eq!(talk.told(), ["GET /a 200"]);
}

#[test]
fn the_end_releases_it_too() {
    let mut talk = Talk::attached();
    talk.client("GET /a HTTP/1.1\r\n\r\n").server(OK).closed(Ending::Closed);
    assert_eq!(talk.told(), ["GET /a 200"]);
}

/// The hole was the response to the first request, and is delivered before it.
#[test]
fn a_response_behind_a_lost_one_is_not_paired_with_the_first_request() {
    let mut talk = Talk::new();
    talk.say(Side::Server, b"", 665);
    talk.client("GET /1 HTTP/1.1\r\n\r\n").client("GET /2 HTTP/1.1\r\n\r\n").server(OK);
    talk.client("GET /3 HTTP/1.1\r\n\r\n").server(GONE).closed(Ending::Closed);
    assert_eq!((talk.told(), talk.lost), (vec!["GET /3 410".to_owned()], 2));
}

/// What is lost behind the first request may hold its end, or another request and so the one that
/// the response answers (as in `client-ip.pcap` of the corpus, which therefore tells nothing; found
/// by the fuzz target `disorder` when it did).
#[test]
fn the_end_of_the_first_request_after_an_attach_is_lost() {
    let mut talk = Talk::attached();
    talk.say(Side::Client, b"POST /a HTTP/1.1\r\nHost: h\r\nContent-", 308);
    talk.server(OK).closed(Ending::Forgotten);
    assert_eq!((talk.told().len(), talk.lost), (0, 1));
}

#[test]
fn attached_between_pipelined_requests() {
    let mut talk = Talk::attached();
    // /1 was sent before the attach; both responses are on their way.
    talk.client("GET /2 HTTP/1.1\r\n\r\n").server(GONE).server(OK);
    talk.client("GET /3 HTTP/1.1\r\n\r\nGET /4 HTTP/1.1\r\n\r\n").server(GONE).server(OK);
    assert_eq!(talk.told(), ["GET /3 410", "GET /4 200"]);
}

#[test]
fn a_response_lost_in_a_hole() {
    let mut talk = Talk::new();
    talk.client("GET /0 HTTP/1.1\r\n\r\n").server(OK);
    talk.client("GET /1 HTTP/1.1\r\n\r\n").unseen(Side::Server, 300);
    talk.client("GET /2 HTTP/1.1\r\n\r\n").server(OK);
    talk.client("GET /3 HTTP/1.1\r\n\r\n").server(GONE);
    // The hole shows only when /2 and its response are there: neither can be trusted.
    assert_eq!((talk.told(), talk.lost), (vec!["GET /0 200".into(), "GET /3 410".into()], 3));
}

#[test]
fn a_response_known_to_be_lost() {
    let mut talk = Talk::new();
    talk.client("GET /1 HTTP/1.1\r\n\r\n").say(Side::Server, b"", 300);
    talk.client("GET /2 HTTP/1.1\r\n\r\n").server(OK);
    talk.client("GET /3 HTTP/1.1\r\n\r\n").server(GONE);
    assert_eq!((talk.told(), talk.lost), (vec!["GET /2 200".into(), "GET /3 410".into()], 1));
}

#[test]
fn a_request_lost_in_a_hole() {
    let mut talk = Talk::new();
    talk.client("GET /1 HTTP/1.1\r\n\r\n").server(OK).unseen(Side::Client, 80).server(GONE);
    talk.client("GET /3 HTTP/1.1\r\n\r\n").server(OK);
    talk.client("GET /4 HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["GET /1 200", "GET /3 200", "GET /4 200"]);
    assert!(talk.lost > 0);
}

#[test]
fn an_unsolicited_timeout_is_nobodys_response() {
    let mut talk = Talk::new();
    talk.client("GET /1 HTTP/1.1\r\n\r\n").server(OK);
    talk.server("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n").closed(Ending::Closed);
    assert_eq!((talk.told(), talk.lost), (vec!["GET /1 200".to_owned()], 1));
}

#[test]
fn a_timeout_in_the_middle_of_a_head() {
    let mut talk = Talk::new();
    talk.client("GET /slow HTTP/1.1\r\nHost:");
    talk.server("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
    talk.half_closed(Side::Server).closed(Ending::Closed);
    assert_eq!(talk.told(), ["GET /slow 408"]);
    assert_eq!(talk.exchanges.len(), 1);
}

/// RFC 9112 §8: a request without the end of its head is incomplete, and was not answered.
#[test]
fn a_head_that_was_only_begun_is_no_request() {
    for ending in [Ending::Closed, Ending::Reset, Ending::Forgotten] {
        let mut talk = Talk::new();
        talk.client("GET /1 HTTP/1.1\r\n\r\n").server(OK);
        talk.client("POST /2 HTTP/1.1\r\nHost: h\r\n");
        talk.half_closed(Side::Server).closed(ending);
        assert_eq!((talk.told(), talk.lost), (vec!["GET /1 200".to_owned()], 1));
    }
}

/// The same section: nor is such a response complete, but its status was told.
#[test]
fn a_response_of_which_only_the_beginning_came_tells_its_status() {
    for ending in [Ending::Closed, Ending::Reset, Ending::Forgotten] {
        let mut talk = Talk::new();
        talk.client("GET /1 HTTP/1.1\r\n\r\n").server("HTTP/1.1 503 Busy\r\nServer: s\n\r\r\n");
        talk.closed(ending);
        assert_eq!((talk.told(), talk.lost), (vec!["GET /1 503".to_owned()], 0));
        assert_eq!(talk.exchanges[0].outcome, Outcome::Inferred);
        // Its line is the least.
        let mut talk = Talk::new();
        talk.client("GET /1 HTTP/1.1\r\n\r\n").server("HTTP/1.1 503 Bu").closed(ending);
        assert_eq!(talk.told(), ["GET /1 -"]);
        let mut talk = Talk::new();
        talk.client("GET /1 HTTP/1.1\r\n\r\n").server("HTTP/1.1 100 Continue\r\n").closed(ending);
        assert_eq!(talk.told(), ["GET /1 -"]);
    }
}

#[test]
fn a_response_delivered_before_its_request() {
    let mut talk = Talk::new();
    talk.unseen(Side::Client, 0);
    // Both calls overlap: the client's was begun first and reported last.
    talk.server(OK).meanwhile().client("GET /1 HTTP/1.1\r\n\r\n");
    assert_eq!(talk.told(), ["GET /1 200"]);
    talk.client("GET /2 HTTP/1.1\r\n\r\n").server(GONE);
    assert_eq!(talk.told(), ["GET /1 200", "GET /2 410"]);
}

#[test]
fn chunks_that_come_twice_count_once() {
    let mut talk = Talk::new();
    let request = "GET /1 HTTP/1.1\r\n\r\n";
    talk.client(request);
    let mut again = Talk::new();
    again
        .client(&request[..4])
        .unseen(Side::Client, 0_u64.wrapping_sub(4))
        .client(request)
        .server(OK);
    assert_eq!(again.told(), ["GET /1 200"]);
}

#[test]
fn the_agent_forgets_a_connection() {
    let mut talk = Talk::new();
    talk.client("GET /1 HTTP/1.1\r\n\r\n").closed(Ending::Forgotten);
    assert_eq!(talk.exchanges[0].outcome, Outcome::Aborted(Ending::Forgotten));
}

#[test]
fn junk_behind_a_good_conversation_is_counted_not_taken() {
    let mut talk = Talk::new();
    talk.client("GET /1 HTTP/1.1\r\n\r\n").server(OK).client("\x00\x01\x02 what is this\r\n");
    assert_eq!((talk.handover, talk.not_understood), (None, 1));
    talk.server("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
    talk.client("GET /2 HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["GET /1 200", "GET /2 200"]);
}

/// Captures without a clock.
#[test]
fn time_that_stands_still() {
    let mut dissector = Http1::new(true);
    let mut out = Output::default();
    let mut position = [0, 0];
    for _ in 0..3 {
        for (side, text) in [(Side::Client, "GET /1 HTTP/1.1\r\n\r\n"), (Side::Server, OK)] {
            let first = Moment { position: position[side as usize], ..Moment::default() };
            position[side as usize] += text.len() as u64;
            dissector.feed(&Chunk::new(side, first, text.as_bytes()), &mut out);
        }
    }
    assert_eq!((out.exchanges.len(), out.lost), (3, 0));
}

/// The rest of the head is lost; that shows with the next request, when the response is long there.
#[test]
fn a_response_in_the_middle_of_a_head_whose_rest_is_lost() {
    let mut talk = Talk::new();
    talk.client("GET /1 HTTP/1.1\r\n\r\n").server(OK);
    talk.client("POST /2 H").server(GONE).unseen(Side::Client, 51);
    talk.client("PUT ").client("/3 HTTP/1.1\r\n\r\n").server(OK);
    talk.client("GET /4 HTTP/1.1\r\n\r\n").server(GONE);
    assert_eq!(talk.told(), ["GET /1 200", "POST /2 410", "PUT /3 200", "GET /4 410"]);
}
