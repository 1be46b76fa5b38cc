//! The response's head, as CGI writes it (RFC 3875 §6): fields, an empty line, the body.

use crate::http::HttpFacts;

/// The longest head that is waited for, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;

/// Collects the head of one response.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: Vec<u8>,
    is_over: bool,
}

impl Head {
    /// What it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes the start of `STDOUT`, which may come in pieces; where in this piece the head ends, if
    /// it does.
    pub(super) fn push(&mut self, content: &[u8], facts: &mut HttpFacts) -> Option<usize> {
        if self.is_over {
            return None;
        }
        if self.bytes.is_empty()
            && let Some(end) = end_of_head(content)
        {
            self.read(content.get(..end).unwrap_or_default(), facts);
            return Some(end);
        }
        let before = self.bytes.len();
        let room = HEAD_LIMIT.saturating_sub(before);
        self.bytes.extend_from_slice(content.get(..room).unwrap_or(content));
        let end = end_of_head(&self.bytes);
        if end.is_none() && self.bytes.len() < HEAD_LIMIT {
            return None;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let end = end.unwrap_or(bytes.len());
        self.read(bytes.get(..end).unwrap_or_default(), facts);
        Some(end.saturating_sub(before))
    }

    /// The rest of the head was not captured: takes what it says so far.
    pub(super) fn cut(&mut self, facts: &mut HttpFacts) {
        if !self.is_over {
            self.is_over = true;
            let bytes = std::mem::take(&mut self.bytes);
            facts.status = fields(&bytes, facts).status;
        }
    }

    fn read(&mut self, head: &[u8], facts: &mut HttpFacts) {
        self.is_over = true;
        let found = fields(head, facts);
        // Without a status it is 200, or 302 if the client is sent elsewhere (§6.2.3, §6.3.3).
        facts.status = found.status.or(Some(if found.redirects { 302 } else { 200 }));
    }
}

struct Found {
    status: Option<u16>,
    redirects: bool,
}

fn fields(head: &[u8], facts: &mut HttpFacts) -> Found {
    let mut found = Found { status: None, redirects: false };
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"Status") {
            found.status = status(value);
        } else {
            found.redirects |= name.eq_ignore_ascii_case(b"Location") && !value.starts_with(b"/");
            facts.response_field(name, value);
        }
    }
    found
}

/// Where the head ends, the empty line included. Lines end with LF or CRLF (§6.2).
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        match bytes.get(from..)? {
            [b'\n', ..] => return Some(from + 1),
            [b'\r', b'\n', ..] => return Some(from + 2),
            rest => from += rest.iter().position(|byte| *byte == b'\n')? + 1,
        }
    }
}

/// `404 Not Found`.
fn status(value: &[u8]) -> Option<u16> {
    let digits = value.split(|byte| byte.is_ascii_whitespace()).next()?;
    match *digits {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Some(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
        }
        _ => None,
    }
}
