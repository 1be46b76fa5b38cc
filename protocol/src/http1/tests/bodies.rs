use super::talk::Talk;
use crate::chunk::Side;
use crate::dissector::Ending;
use crate::exchange::Outcome;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut talk = Talk::new();
    talk.client("GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
    talk.server(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 N\r\nContent-Length: 99\r\n\r\nHTTP/1.1 503 S\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(talk.told(), ["GET /1 200", "HEAD /2 404", "GET /3 503"]);
}

/// RFC 9112 §6.3: no body after HEAD, 204, 304, whatever the fields say.
#[test]
fn responses_without_body() {
    let mut talk = Talk::new();
    for status in ["204 No Content", "304 Not Modified"] {
        talk.client("GET /n HTTP/1.1\r\n\r\n");
        talk.server(format!("HTTP/1.1 {status}\r\nContent-Length: 1000\r\n\r\n"));
    }
    talk.client("HEAD /h HTTP/1.1\r\n\r\n");
    talk.server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    talk.client("GET /x HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["GET /n 204", "GET /n 304", "HEAD /h 200", "GET /x 200"]);
}

#[test]
fn bodies_that_were_not_captured_end_where_they_say() {
    let mut talk = Talk::new();
    talk.say(Side::Client, b"PUT /up HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nab", 99_998);
    talk.say(Side::Client, b"", 900_000);
    talk.say(Side::Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", 1000);
    assert!(talk.exchanges.is_empty());
    talk.say(Side::Server, b"", 4000);
    assert_eq!(talk.told(), ["PUT /up 200"]);
    let exchange = &talk.exchanges[0];
    assert_eq!(exchange.outcome, Outcome::Complete);
    assert_eq!((exchange.request.last.position, exchange.request.last.start), (1_000_044, 10));
    assert_eq!(exchange.response.unwrap().last.start, 30);
}

#[test]
fn a_chunked_body_whose_chunks_were_cut() {
    let mut talk = Talk::new();
    talk.client("GET /c HTTP/1.1\r\n\r\n");
    // The hole lies within one chunk's data, so its end is known.
    talk.say(Side::Server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\nabc", 997);
    talk.server("\r\n0\r\n\r\n");
    assert_eq!(talk.told(), ["GET /c 200"]);
    assert_eq!(talk.exchanges[0].outcome, Outcome::Complete);
}

#[test]
fn a_chunked_body_whose_end_was_lost_ends_with_the_next_turn() {
    let mut talk = Talk::new();
    talk.client("GET /c HTTP/1.1\r\n\r\n");
    talk.say(Side::Server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", 100);
    talk.say(Side::Server, b"", 50);
    talk.client("GET /d HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["GET /c 200", "GET /d 200"]);
    assert_eq!(talk.exchanges[0].outcome, Outcome::Inferred);
    assert_eq!(talk.exchanges[0].response.unwrap().last.start, 20);
    assert_eq!(talk.exchanges[1].outcome, Outcome::Complete);
}

#[test]
fn silence_ends_a_response_whose_end_was_lost() {
    let mut talk = Talk::new();
    talk.client("GET /c HTTP/1.1\r\n\r\n");
    talk.say(Side::Server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", 100);
    talk.idle(500_000_000);
    assert!(talk.exchanges.is_empty());
    talk.idle(1_500_000_000);
    assert_eq!(talk.told(), ["GET /c 200"]);
    talk.server("tail").client("GET /d HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["GET /c 200", "GET /d 200"]);
}

#[test]
fn a_chunked_request_whose_end_was_lost_is_answered_all_the_same() {
    let mut talk = Talk::new();
    talk.say(Side::Client, b"POST /u HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", 9000);
    talk.say(Side::Client, b"", 700);
    talk.server(OK).client("GET /d HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["POST /u 200", "GET /d 200"]);
    assert_eq!(talk.exchanges[0].request.last.position, 9750);
}

#[test]
fn a_body_until_the_end_of_the_connection() {
    let mut talk = Talk::new();
    talk.client("GET /old HTTP/1.0\r\n\r\n").server("HTTP/1.0 200 OK\r\n\r\nsome").server("thing");
    assert!(talk.exchanges.is_empty());
    talk.half_closed(Side::Server).closed(Ending::Closed);
    assert_eq!(talk.told(), ["GET /old 200"]);
    assert_eq!(talk.exchanges[0].outcome, Outcome::Complete);
    assert_eq!(talk.exchanges[0].response.unwrap().last.position, 27);
    assert_eq!(talk.exchanges[0].answered.unwrap().position, 18);
}

#[test]
fn a_body_until_the_end_that_a_reset_cut_short() {
    let mut talk = Talk::new();
    talk.client("GET /old HTTP/1.0\r\n\r\n").server("HTTP/1.0 200 OK\r\n\r\nsome");
    talk.closed(Ending::Reset);
    assert_eq!(talk.exchanges[0].outcome, Outcome::Aborted(Ending::Reset));
}

#[test]
fn a_kept_connection_behind_a_body_without_length() {
    let mut talk = Talk::new();
    talk.client("GET /1 HTTP/1.1\r\n\r\n").server("HTTP/1.1 200 OK\r\n\r\n");
    talk.client("GET /2 HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["GET /1 200", "GET /2 200"]);
    assert_eq!(talk.exchanges[0].outcome, Outcome::Inferred);
}

#[test]
fn interim_responses_announce_the_final_one() {
    let mut talk = Talk::new();
    talk.client("POST /e HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    talk.server("HTTP/1.1 100 Continue\r\n\r\n").client("body");
    talk.server("HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["POST /e 200"]);
    assert_eq!(talk.exchanges[0].request.last.start, 20);
    assert_eq!(talk.exchanges[0].response.unwrap().first.start, 40);
}

/// RFC 9110 §10.1.1: a final status instead of 100 frees the client from sending the body.
#[test]
fn an_expectation_that_failed() {
    let mut talk = Talk::new();
    talk.client("POST /e HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    talk.server("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(talk.told(), ["POST /e 417"]);
    talk.client("GET /next HTTP/1.1\r\n\r\n").server(OK);
    // Or the client sends it nevertheless.
    talk.client("POST /f HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    talk.server("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
    talk.client("body").client("GET /last HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["POST /e 417", "GET /next 200", "POST /f 401", "GET /last 200"]);
    assert_eq!((talk.lost, talk.not_understood), (0, 0));
}

#[test]
fn a_response_before_the_request_has_ended() {
    let mut talk = Talk::new();
    talk.client("POST /big HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
    talk.server("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    assert!(talk.exchanges.is_empty());
    talk.client("defghij").client("GET /next HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["POST /big 413", "GET /next 200"]);

    let mut talk = Talk::new();
    talk.client("POST /big HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
    talk.server("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").closed(Ending::Closed);
    assert_eq!(talk.told(), ["POST /big 413"]);
    assert_eq!(talk.exchanges[0].outcome, Outcome::Complete);
}

#[test]
fn aborted_requests_are_told() {
    let mut talk = Talk::new();
    talk.client("GET /hang HTTP/1.1\r\n\r\n").closed(Ending::Closed);
    assert_eq!(talk.told(), ["GET /hang -"]);
    assert_eq!(talk.exchanges[0].outcome, Outcome::Aborted(Ending::Closed));
    assert_eq!(talk.exchanges[0].answered.unwrap().end, 10);

    let mut talk = Talk::new();
    talk.client("GET /half HTTP/1.1\r\n\r\n")
        .server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
    talk.closed(Ending::Reset);
    assert_eq!(talk.told(), ["GET /half 200"]);
    assert_eq!(talk.exchanges[0].outcome, Outcome::Aborted(Ending::Reset));
    assert_eq!(talk.exchanges[0].response.unwrap().last.position, 39);
}
