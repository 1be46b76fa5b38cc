//! Heads as `httparse` reads them: what it accepts, we read the same.

use super::random::Random;
use crate::http::Version;
use crate::http1::head::{self, RequestLine, StatusLine};
use crate::http1::lines::Lines;
use crate::names::Names;

type Field = (String, Vec<u8>);

fn ours(bytes: &[u8]) -> Option<(usize, Vec<Field>)> {
    let mut lines = Lines::default();
    let length = lines.end(bytes, 0)?;
    let mut fields = Vec::new();
    lines.of(&bytes[..length]).fields(&Names::ALL, |name, value| {
        fields.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
    });
    Some((length, fields))
}

fn theirs(headers: &[httparse::Header<'_>]) -> Vec<Field> {
    // It keeps white space behind values, which is no part of them (RFC 9112 §5).
    headers.iter().map(|it| (it.name.to_owned(), it.value.trim_ascii().to_vec())).collect()
}

/// A head out of good and bad parts.
fn request(random: &mut Random, start: &str) -> Vec<u8> {
    const PARTS: [&str; 16] = [
        "Host: example.org",
        "Accept:*/*",
        "X-Empty:",
        "X-Spaces:   a  b\t",
        "Cookie: a=b; c=d",
        "Content-Length: 5",
        "content-length:5",
        "X-Colon: a:b",
        "X-Utf: \u{e9}\u{4e2d}",
        "A!#$%&'*+-.^_`|~1: x",
        "Forwarded: for=\"[::1]\"",
        "X: y",
        "Date: Mon, 01 Jan 2024 00:00:00 GMT",
        "bad line",
        ": nameless",
        "Sp ace: x",
    ];
    let mut head = start.as_bytes().to_vec();
    for _ in 0..random.below(8) {
        // The last three are rare, so that most heads are good.
        let part = if random.below(12) == 0 { random.below(16) } else { random.below(13) };
        head.extend_from_slice(PARTS[part as usize].as_bytes());
        head.extend_from_slice(if random.below(5) == 0 { b"\n" } else { b"\r\n" });
    }
    head.extend_from_slice(b"\r\n");
    if random.below(4) == 0 {
        let at = random.below(head.len() as u64) as usize;
        head[at] = random.next() as u8;
    }
    head.extend_from_slice(b"body\r\n\r\n");
    head
}

#[test]
fn requests() {
    let mut random = Random::new(7);
    let mut agreed = 0;
    for _ in 0..20_000 {
        let start = [
            "GET / HTTP/1.1\r\n",
            "POST /a?b=c HTTP/1.0\r\n",
            "M-SEARCH * HTTP/1.1\n",
            "OPTIONS http://h/ HTTP/1.1\r\n",
        ];
        let start = start[random.below(4) as usize];
        let bytes = request(&mut random, start);
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut parsed = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(length)) = parsed.parse(&bytes) else { continue };
        // It skips empty lines before the request line by itself.
        let skipped = head::leading_empty_lines(&bytes);
        let bytes = &bytes[skipped..];
        let line = RequestLine::read(bytes).unwrap_or_else(|| panic!("{}", bytes.escape_ascii()));
        assert_eq!(line.method, parsed.method.unwrap().as_bytes());
        assert_eq!(line.target, parsed.path.unwrap().as_bytes());
        assert_eq!(line.version == Version::Http11, parsed.version == Some(1));
        let expected = (length - skipped, theirs(parsed.headers));
        assert_eq!(ours(bytes), Some(expected), "{}", bytes.escape_ascii());
        agreed += 1;
    }
    assert!(agreed > 5_000, "{agreed}");
}

#[test]
fn responses() {
    let mut random = Random::new(11);
    let mut agreed = 0;
    for _ in 0..20_000 {
        let start = [
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.0 404 Not Found\n",
            "HTTP/1.1 503 \r\n",
            "HTTP/1.1 204\r\n",
        ];
        let start = start[random.below(4) as usize];
        let bytes = request(&mut random, start);
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut parsed = httparse::Response::new(&mut headers);
        let Ok(httparse::Status::Complete(length)) = parsed.parse(&bytes) else { continue };
        let skipped = head::leading_empty_lines(&bytes);
        let bytes = &bytes[skipped..];
        // It takes any three digits for a status; a first digit of zero is none (RFC 9110 §15).
        let Some(line) = StatusLine::read(bytes) else {
            assert!(parsed.code.unwrap() < 100, "{}", bytes.escape_ascii());
            continue;
        };
        assert_eq!(line.status, parsed.code.unwrap());
        let expected = (length - skipped, theirs(parsed.headers));
        assert_eq!(ours(bytes), Some(expected), "{}", bytes.escape_ascii());
        agreed += 1;
    }
    assert!(agreed > 5_000, "{agreed}");
}
