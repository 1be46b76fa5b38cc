//! The rules of RFC 9112 §6.3 one by one.

use super::talk::Talk;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const NEXT: &str = "GET /next HTTP/1.1\r\n\r\n";

/// Sends a request with these fields and this body, and another behind it.
fn request(fields: &str, body: &str) -> Vec<String> {
    let mut talk = Talk::new();
    talk.client(format!("POST / HTTP/1.1\r\n{fields}\r\n{body}")).server(OK);
    talk.client(NEXT).server(OK).told()
}

/// Answers with these fields and this body, and with another response behind it.
fn response(fields: &str, body: &str) -> Vec<String> {
    let mut talk = Talk::new();
    talk.client("GET / HTTP/1.1\r\n\r\n").server(format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}"));
    talk.client(NEXT).server(OK).told()
}

#[test]
fn transfer_encoding_overrides_content_length() {
    let both = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(request(both, "a\r\n0123456789\r\n0\r\n\r\n"), ["POST / 200", "GET /next 200"]);
    assert_eq!(response(both, "a\r\n0123456789\r\n0\r\n\r\n"), ["GET / 200", "GET /next 200"]);
}

#[test]
fn equal_lengths_are_one() {
    for fields in ["Content-Length: 2, 2\r\n", "Content-Length: 2\r\ncontent-length: 2\r\n"] {
        assert_eq!(request(fields, "ab"), ["POST / 200", "GET /next 200"]);
        assert_eq!(response(fields, "ab"), ["GET / 200", "GET /next 200"]);
    }
}

#[test]
fn several_codings_of_which_chunked_is_last() {
    for fields in [
        "Transfer-Encoding: gzip, Chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    ] {
        assert_eq!(response(fields, "1\r\nx\r\n0\r\n\r\n"), ["GET / 200", "GET /next 200"]);
    }
}

#[test]
fn extensions_trailers_and_upper_case_sizes() {
    let chunked = "Transfer-Encoding: chunked\r\n";
    let body = "A;name=value;q=\"x\"\r\n0123456789\r\n00\r\nX-Sum: 1\r\nY: 2\r\n\r\n";
    assert_eq!(request(chunked, body), ["POST / 200", "GET /next 200"]);
    assert_eq!(response(chunked, body), ["GET / 200", "GET /next 200"]);
}

/// A request whose length contradicts itself cannot be delimited: it is told, and where the next
/// one begins is found by its request line.
#[test]
fn lengths_that_differ() {
    let mut talk = Talk::new();
    talk.client("POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc");
    talk.server("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(talk.told(), ["POST / 400"]);
    talk.client(NEXT).server(OK);
    assert_eq!(talk.told(), ["POST / 400", "GET /next 200"]);
}

#[test]
fn chunks_that_are_none() {
    let mut talk = Talk::new();
    talk.client("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
    talk.server("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((talk.told(), talk.not_understood), (vec!["POST / 400".to_owned()], 1));
}

#[test]
fn chunked_in_http_1_0_is_read_as_it_is_sent() {
    let mut talk = Talk::new();
    talk.client("GET / HTTP/1.0\r\n\r\n");
    talk.server("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    assert_eq!(talk.told(), ["GET / 200"]);
}

#[test]
fn a_length_beyond_all_bounds_allocates_nothing() {
    let mut talk = Talk::new();
    talk.client("PUT / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\nabc");
    talk.client("PUT / HTTP/1.1\r\n");
    talk.server("HTTP/1.1 413 No\r\nContent-Length: 18446744073709551616\r\n\r\n");
    talk.closed(crate::dissector::Ending::Closed);
    assert_eq!(talk.told(), ["PUT / 413"]);
}
