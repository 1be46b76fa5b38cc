//! Small exchanges of HTTP/1, FastCGI, Redis and DNS.

use onlooker_protocol::Side;
use onlooker_protocol::{dns, fastcgi, http1, redis};

use crate::beside;
use crate::case::{Case, Turn};

const REQUEST: &[u8] = b"GET /api/v1/orders/4711?page=2 HTTP/1.1\r\n\
    Host: shop.example:8080\r\nUser-Agent: python-requests/2.31.0\r\n\
    Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n\
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\
    Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: application/json\r\n\
    Content-Length: 28\r\nConnection: keep-alive\r\n\r\n{\"id\":4711,\"state\":\"paid\"}\r\n";

pub(crate) fn cases() -> Vec<Case> {
    let heads = REQUEST.len() + RESPONSE.len();
    let get = b"*2\r\n$3\r\nGET\r\n$6\r\nuser:1\r\n";
    let value = [&b"$1000\r\n"[..], &[b'v'; 1000], b"\r\n"].concat();
    let (query, answer) = (dns_message(false), dns_message(true));
    vec![
        Case::small("HTTP/1", &http1::PROTOCOL, vec![], turns(REQUEST, RESPONSE)).beside(
            "httparse (heads)",
            heads,
            || beside::httparse(REQUEST, RESPONSE),
        ),
        Case::small(
            "FastCGI, as nginx asks",
            &fastcgi::PROTOCOL,
            vec![],
            turns(&fastcgi_request(), &fastcgi_response()),
        ),
        Case::small("Redis GET, 1 KB", &redis::PROTOCOL, vec![], turns(get, &value)).beside(
            "redis-protocol",
            get.len() + value.len(),
            move || beside::redis([get, &value]),
        ),
        Case::small(
            "Redis, pipeline of 10",
            &redis::PROTOCOL,
            vec![],
            turns(&get.repeat(10), &b"$5\r\nvalue\r\n".repeat(10)),
        ),
        Case::small("DNS A", &dns::PROTOCOL, vec![], turns(&query, &answer)).datagrams().beside(
            "simple-dns",
            query.len() + answer.len(),
            move || beside::dns([&query, &answer]),
        ),
    ]
}

fn turns(request: &[u8], response: &[u8]) -> Vec<Turn> {
    vec![(Side::Client, request.to_vec()), (Side::Server, response.to_vec())]
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    [&[1, kind, 0, 1, length[0], length[1], 0, 0], content].concat()
}

fn fastcgi_request() -> Vec<u8> {
    let pairs = [
        ("QUERY_STRING", "item=1"),
        ("REQUEST_METHOD", "GET"),
        ("CONTENT_TYPE", ""),
        ("CONTENT_LENGTH", ""),
        ("SCRIPT_NAME", "/cart"),
        ("REQUEST_URI", "/cart?item=1"),
        ("DOCUMENT_URI", "/cart"),
        ("DOCUMENT_ROOT", "/srv/shop"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("REQUEST_SCHEME", "http"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_SOFTWARE", "nginx/1.22.1"),
        ("REMOTE_ADDR", "192.0.2.7"),
        ("REMOTE_PORT", "51234"),
        ("SERVER_ADDR", "192.0.2.1"),
        ("SERVER_PORT", "80"),
        ("SERVER_NAME", "shop.example"),
        ("SCRIPT_FILENAME", "/srv/shop/index.php"),
        ("HTTP_HOST", "shop.example"),
        ("HTTP_USER_AGENT", "curl/7.88.1"),
        ("HTTP_ACCEPT", "*/*"),
    ];
    let mut params = Vec::new();
    for (name, value) in pairs {
        params.extend([name.len() as u8, value.len() as u8]);
        params.extend(name.bytes().chain(value.bytes()));
    }
    let begin = record(1, &[0, 1, 1, 0, 0, 0, 0, 0]);
    [begin, record(4, &params), record(4, b""), record(5, b"")].concat()
}

fn fastcgi_response() -> Vec<u8> {
    let output = b"Content-type: text/html; charset=UTF-8\r\n\r\nhello";
    [record(6, output), record(3, &[0; 8])].concat()
}

fn dns_message(response: bool) -> Vec<u8> {
    let question = b"\x04shop\x07example\x00\x00\x01\x00\x01";
    if response {
        let record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01";
        [&b"\x00\x07\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"[..], question, record].concat()
    } else {
        [&b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"[..], question].concat()
    }
}
