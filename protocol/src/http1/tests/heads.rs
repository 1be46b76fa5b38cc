use super::talk::{Talk, facts};
use crate::chunk::Side;
use crate::dissector::{Capture, Ending, Handover};
use crate::exchange::Outcome;
use crate::http::{Method, Scheme, Version};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_request_and_its_response() {
    let mut talk = Talk::new();
    talk.client("GET /a?b=c HTTP/1.1\r\nHost: h:81\r\nUser-Agent: curl/8\r\n\r\n");
    assert_eq!(talk.open_request(3), Some(0));
    talk.server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").server("hello");
    assert_eq!(talk.told(), ["GET /a 200"]);
    assert_eq!(talk.open_request(3), None);
    let exchange = &talk.exchanges[0];
    assert_eq!(exchange.outcome, Outcome::Complete);
    assert_eq!((exchange.request.first.position, exchange.request.last.position), (0, 54));
    let response = exchange.response.unwrap();
    assert_eq!((response.first.position, response.last.position), (0, 42));
    assert_eq!((response.first.start, response.last.end), (10, 25));
    assert_eq!(exchange.answered.unwrap().end, 15);
    let facts = facts(exchange);
    assert_eq!(facts.query.as_deref(), Some("b=c"));
    assert_eq!(facts.host.as_deref(), Some("h:81"));
    assert_eq!(facts.user_agent.as_deref(), Some("curl/8"));
    assert_eq!(facts.version, Version::Http11);
    assert_eq!(talk.capture, Some(Capture::Heads { client: 65536, server: 8192 }));
}

#[test]
fn every_method_even_unknown_ones() {
    let mut talk = Talk::new();
    let methods =
        ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "QUERY", "M-SEARCH"];
    for method in methods {
        talk.client(format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n")).server(OK);
    }
    let told: Vec<_> = methods.iter().map(|method| format!("{method} / 200")).collect();
    assert_eq!(talk.told(), told);
    assert_eq!(facts(&talk.exchanges[8]).method, Some(Method::Other("M-SEARCH".into())));
    assert_eq!(facts(&talk.exchanges[8]).method.as_ref().unwrap().known(), None);
}

/// RFC 9112 §3.2.
#[test]
fn every_form_of_target() {
    let mut talk = Talk::new();
    talk.client("GET http://u:p@proxied.example:8080/x?y HTTP/1.1\r\nHost: h\r\n\r\n").server(OK);
    talk.client("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").server(OK);
    talk.client("CONNECT far.example:443 HTTP/1.1\r\nHost: far.example\r\n\r\n")
        .server("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(talk.told(), ["GET /x 200", "OPTIONS * 200", "CONNECT  403"]);
    let absolute = facts(&talk.exchanges[0]);
    assert_eq!(absolute.scheme, Some(Scheme::Http));
    assert_eq!(absolute.authority.as_deref(), Some("u:p@proxied.example:8080"));
    assert_eq!(absolute.query.as_deref(), Some("y"));
    assert_eq!(facts(&talk.exchanges[2]).authority.as_deref(), Some("far.example:443"));
}

#[test]
fn names_in_any_case_bare_line_feeds_and_folded_values() {
    let mut talk = Talk::new();
    talk.client("\r\n\r\nGET / HTTP/1.0\nHOST:h\nuser-agent: a\n\tb\nX : y\n\n");
    talk.server("HTTP/1.0 200 OK\ncontent-LENGTH: 2\n\nok");
    assert_eq!(talk.told(), ["GET / 200"]);
    let facts = facts(&talk.exchanges[0]);
    assert_eq!(facts.user_agent.as_deref(), Some("a b"));
    assert_eq!(facts.host.as_deref(), Some("h"));
    assert_eq!(facts.version, Version::Http10);
    assert_eq!(talk.exchanges[0].request.first.position, 4);
}

#[test]
fn a_status_line_without_reason() {
    let mut talk = Talk::new();
    talk.client("GET / HTTP/1.1\r\n\r\n").server("HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(talk.told(), ["GET / 404"]);
}

#[test]
fn heads_split_over_any_writes() {
    let request = b"\r\nPOST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    let response = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n";
    for step in 1..request.len() {
        let mut talk = Talk::new();
        for _ in 0..3 {
            request.chunks(step).for_each(|part| _ = talk.client(part));
            response.chunks(step).for_each(|part| _ = talk.server(part));
        }
        assert_eq!(talk.told(), ["POST /p 201"; 3], "in steps of {step}");
        assert_eq!((talk.lost, talk.not_understood), (0, 0));
    }
}

#[test]
fn a_head_of_64_kb() {
    let mut talk = Talk::new();
    let cookie = "c".repeat(64 * 1024 - 60);
    let request = format!("GET /big HTTP/1.1\r\nHost: h\r\nCookie: {cookie}\r\nX: y\r\n\r\n");
    request.as_bytes().chunks(4096).for_each(|part| _ = talk.client(part));
    talk.server(OK).client("GET /next HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["GET /big 200", "GET /next 200"]);
}

#[test]
fn a_head_that_was_cut_still_names_the_request() {
    let mut talk = Talk::new();
    talk.say(Side::Client, b"GET /cut?x HTTP/1.1\r\nHost: h\r\nCookie: aaa", 70_000);
    talk.server(OK).client("GET /next HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["GET /cut 200", "GET /next 200"]);
    assert_eq!(talk.exchanges[0].outcome, Outcome::Inferred);
    assert_eq!(facts(&talk.exchanges[0]).host.as_deref(), Some("h"));
}

#[test]
fn a_response_head_that_was_cut_asks_for_more() {
    let mut talk = Talk::new();
    talk.client("GET /a HTTP/1.1\r\n\r\n");
    talk.say(Side::Server, b"HTTP/1.1 500 Oops\r\nSet-Cookie: aaa", 9000);
    assert_eq!(talk.capture, Some(Capture::Heads { client: 65536, server: 65536 }));
    talk.say(Side::Server, b"", 500);
    assert!(talk.exchanges.is_empty());
    talk.client("GET /b HTTP/1.1\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["GET /a 500", "GET /b 200"]);
    assert_eq!(talk.exchanges[0].outcome, Outcome::Inferred);
    assert_eq!(talk.exchanges[0].response.unwrap().last.position, 9533);
}

#[test]
fn what_is_not_http_is_given_back() {
    for junk in
        ["*1\r\n$4\r\nPING\r\n", "\x16\x03\x01\x02\x00", "SSH-2.0-x\r\n", "GET / HTTP/2.0\r\n"]
    {
        let mut talk = Talk::new();
        talk.client(junk);
        assert_eq!(talk.handover, Some(Handover::NotMine), "{junk:?}");
    }
    let mut talk = Talk::new();
    talk.client("GET / HTTP/1.1\r\n\r\n").server("-ERR wrong number of arguments\r\n");
    assert_eq!(talk.handover, Some(Handover::NotMine));
    assert!(talk.exchanges.is_empty());
}

#[test]
fn a_request_cut_off_by_the_end_of_the_connection() {
    let mut talk = Talk::new();
    talk.client("POST /slow HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf").closed(Ending::Reset);
    assert_eq!(talk.told(), ["POST /slow -"]);
    assert_eq!(talk.exchanges[0].outcome, Outcome::Aborted(Ending::Reset));
}

/// RFC 9112 §3: a target with white space is invalid. What stands before the space is not the path.
#[test]
fn a_cut_request_line_has_no_more_path_than_is_certain() {
    for (line, told) in [
        ("GET /a b c", "GET ? 200"),
        ("GET /a b", "GET ? 200"),
        ("GET /a HTTP/3.7", "GET ? 200"),
        ("GET /a", "GET ? 200"),
        ("GET /a ", "GET /a 200"),
        ("GET /a HT", "GET /a 200"),
        ("GET /a HTTP/1.", "GET /a 200"),
        ("GET /a HTTP/1.1\r", "GET /a 200"),
    ] {
        let mut talk = Talk::new();
        talk.client("GET /first HTTP/1.1\r\n\r\n").server(OK);
        talk.say(Side::Client, line.as_bytes(), 500);
        talk.server(OK).client("GET /next HTTP/1.1\r\n\r\n").server(OK);
        assert_eq!(talk.told(), ["GET /first 200", told, "GET /next 200"], "{line:?}");
    }
}

/// RFC 9112 §3: the server may answer 400, or take the target as it is; so it is told as it is.
#[test]
fn a_target_with_spaces_is_told_whole() {
    let mut talk = Talk::new();
    talk.client("GET /a b c HTTP/1.1\r\nHost: h\r\n\r\n")
        .server("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(talk.told(), ["GET /a b c 400"]);
}

/// RFC 9112 §3: recipients may ignore preceding and trailing white space.
#[test]
fn spaces_around_a_target_are_not_its_own() {
    let mut talk = Talk::new();
    talk.client("GET  /a  HTTP/1.1\r\nHost: h\r\n\r\n").server(OK);
    talk.client("POST     /b?c HTTP/1.0\r\nHost: h\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["GET /a 200", "POST /b 200"]);
}

/// RFC 9112 §2.2, §2.3 and §3: a bare CR, no version, one that is not HTTP/1, control characters, no
/// single space.
#[test]
fn lines_that_are_no_request_lines_are_not_told() {
    for line in [
        "GET /a\rb HTTP/1.1\r\n",
        "GET /a\r\n",
        "GET\r\n",
        "GET /a HTTP/3.7\r\n",
        "GET /a HTTP/1.10\r\n",
        "GET /a http/1.1\r\n",
        "GET /a\x01b HTTP/1.1\r\n",
        "GET /a\0 HTTP/1.1\r\n",
        "G\x7fT /a HTTP/1.1\r\n",
        "GET\t/a HTTP/1.1\r\n",
        " GET /a HTTP/1.1\r\n",
        "GET   HTTP/1.1\r\n",
    ] {
        let mut talk = Talk::new();
        talk.client("GET /first HTTP/1.1\r\n\r\n").server(OK);
        talk.client(format!("{line}Host: h\r\n\r\n"));
        talk.server("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        talk.client("GET /next HTTP/1.1\r\n\r\n").server(OK).closed(Ending::Closed);
        let told = talk.told();
        assert_eq!(told[0], "GET /first 200", "{line:?}");
        assert!(told.iter().all(|it| !it.contains("/a")), "{line:?}: {told:?}");
        assert!(talk.not_understood + talk.lost > 0, "{line:?} was passed over silently");
    }
}

/// RFC 9112 §5.1: a server must reject a request with white space before a colon, so nothing that
/// stands in such a field is told. A proxy must remove it from a response.
#[test]
fn white_space_before_a_colon_makes_no_field_of_a_request() {
    let mut talk = Talk::new();
    let context = "traceparent : 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    talk.client(format!("GET / HTTP/1.1\r\nHost : h\r\nUser-Agent\t: a\r\n{context}\r\n\r\n"));
    talk.server("HTTP/1.1 400 Bad Request\r\nContent-Length : 2\r\n\r\nno");
    talk.client("GET /next HTTP/1.1\r\nHost: h\r\n\r\n").server(OK);
    assert_eq!(talk.told(), ["GET / 400", "GET /next 200"]);
    assert_eq!(facts(&talk.exchanges[0]).host, None);
    assert_eq!(facts(&talk.exchanges[0]).user_agent, None);
    assert_eq!(talk.exchanges[0].context, None);
}

/// RFC 9110 §5.5: CR and NUL in a value are replaced by spaces. RFC 9112 §5.2: so is a fold; §2.2: a
/// line with white space behind the start line is passed over.
#[test]
fn dangerous_characters_of_a_value_become_spaces() {
    let mut talk = Talk::new();
    talk.client("GET / HTTP/1.1\r\n Host: evil\r\nHost: h\r\nUser-Agent: a\rb\0c\td\r\n\r\n");
    talk.server(OK);
    let facts = facts(&talk.exchanges[0]);
    assert_eq!(facts.host.as_deref(), Some("h"));
    assert_eq!(facts.user_agent.as_deref(), Some("a b c\td"));
}
