//! Start lines of heads (RFC 9112 §2–4).

use memchr::memchr;

use super::lines::trim_cr;
use super::scan::has_control;
use crate::http::{HttpFacts, Version};

/// The longest method that is believed, in bytes.
const METHOD_LIMIT: usize = 32;

/// `method SP request-target SP HTTP-version` (§3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    pub(super) version: Version,
}

/// `HTTP-version SP status-code SP [ reason-phrase ]` (§4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StatusLine {
    pub(super) version: Version,
    pub(super) status: u16,
}

/// Whether bytes are the beginning of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// They are.
    Yes,
    /// Too few to tell.
    Maybe,
    /// They are not.
    No,
}

/// How many bytes of line ends precede a start line: receivers ignore them (§2.2).
pub(super) fn leading_empty_lines(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

/// The first line without its end, and whether the end was there.
fn first_line(bytes: &[u8]) -> (&[u8], bool) {
    match memchr(b'\n', bytes) {
        Some(end) => (trim_cr(&bytes[..end]), true),
        None => (bytes, false),
    }
}

fn version(text: &[u8]) -> Option<Version> {
    match text {
        b"HTTP/1.0" => Some(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor] if minor.is_ascii_digit() => {
            Some(Version::Http11)
        }
        _ => None,
    }
}

/// Whether a version goes on where these bytes end, or is over with its line's end to come.
fn begins_version(text: &[u8]) -> bool {
    const PATTERN: &[u8] = b"HTTP/1.";
    match text.strip_prefix(PATTERN) {
        Some(rest) => matches!(trim_cr(rest), [] | [b'0'..=b'9']),
        None => PATTERN.starts_with(text),
    }
}

/// `tchar` (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    const TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 128 {
            table[byte] = (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        let marks = b"!#$%&'*+-.^_`|~";
        let mut at = 0;
        while at < marks.len() {
            table[marks[at] as usize] = true;
            at += 1;
        }
        table
    };
    TOKEN[usize::from(byte)]
}

impl<'a> RequestLine<'a> {
    /// Reads the request line that `head` starts with; the line must be complete.
    pub(super) fn read(head: &'a [u8]) -> Option<Self> {
        let (line, true) = first_line(head) else { return None };
        Self::of_line(line)
    }

    /// Reads a whole request line, line end removed.
    pub(super) fn of_line(line: &'a [u8]) -> Option<Self> {
        let start = &line[..line.len().min(METHOD_LIMIT + 1)];
        let space = start.iter().position(|&byte| !is_token(byte))?;
        let (method, rest) = line.split_at(space);
        let [b' ', rest @ ..] = rest else { return None };
        // Every version has eight characters, none of which is a space.
        let (target, tail) = rest.split_at_checked(rest.len().checked_sub(1 + 8)?)?;
        let [b' ', version_text @ ..] = tail else { return None };
        // More spaces than one are as one (§3).
        let target = target.trim_ascii();
        let fits = !method.is_empty() && !target.is_empty() && !has_control(target);
        fits.then_some(Self { method, target, version: version(version_text)? })
    }

    /// Reads what there is of a request line whose end was lost. The target is empty if its path
    /// is not complete, and has no query if that is not.
    pub(super) fn read_cut(head: &'a [u8]) -> Option<Self> {
        if let Some(line) = Self::read(head) {
            return Some(line);
        }
        // Its version is not seen, so that the line may be none: the method has to speak for it.
        if is_surely_request(head) != Fit::Maybe {
            return None;
        }
        let (method, rest) = head.split_at(head.iter().position(|&byte| byte == b' ')?);
        let mut target = rest.trim_ascii_start();
        match target.iter().position(|byte| b" ?".contains(byte)) {
            // Of a target with spaces in it the path is not complete.
            Some(end) if target[end] == b' ' && !begins_version(&target[end + 1..]) => target = b"",
            Some(end) => target = &target[..end],
            None if target.len() < HttpFacts::PATH_LIMIT => target = b"",
            None => {}
        }
        Some(Self { method, target, version: Version::Http11 })
    }
}

impl StatusLine {
    /// Reads the status line that `head` starts with; the line must be complete.
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        let (line, true) = first_line(head) else { return None };
        Self::of_line(line)
    }

    /// Reads a whole status line, line end removed.
    pub(super) fn of_line(line: &[u8]) -> Option<Self> {
        let version = version(line.get(..8)?)?;
        let (b' ', digits) = (line.get(8)?, line.get(9..12)?) else { return None };
        if !matches!(line.get(12), None | Some(b' ')) || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let status = digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        (100..=999).contains(&status).then_some(Self { version, status })
    }
}

/// Whether `bytes` start with a request line.
pub(super) fn looks_like_request(bytes: &[u8]) -> Fit {
    let (line, complete) = first_line(bytes);
    if complete {
        return if RequestLine::read(bytes).is_some() { Fit::Yes } else { Fit::No };
    }
    let line = trim_cr(line);
    let Some(space) = line.iter().take(METHOD_LIMIT + 1).position(|&byte| byte == b' ') else {
        let fits = line.len() <= METHOD_LIMIT && line.iter().all(|&byte| is_token(byte));
        return if fits { Fit::Maybe } else { Fit::No };
    };
    let fits = space > 0
        && line[..space].iter().all(|&byte| is_token(byte))
        && line[space..].iter().all(|byte| !byte.is_ascii_control());
    if fits { Fit::Maybe } else { Fit::No }
}

/// Whether `bytes` start with a request line of a method in common use: what a body hardly does.
pub(super) fn is_surely_request(bytes: &[u8]) -> Fit {
    const METHODS: [&[u8]; 20] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"DELETE ",
        b"OPTIONS ",
        b"PATCH ",
        b"CONNECT ",
        b"TRACE ",
        b"QUERY ",
        b"PROPFIND ",
        b"PROPPATCH ",
        b"MKCOL ",
        b"COPY ",
        b"MOVE ",
        b"LOCK ",
        b"UNLOCK ",
        b"REPORT ",
        b"SEARCH ",
        b"PURGE ",
    ];
    let known = METHODS.iter().any(|method| {
        let common = method.len().min(bytes.len());
        method[..common] == bytes[..common]
    });
    if known { looks_like_request(bytes) } else { Fit::No }
}

/// Whether `bytes` start with a status line.
pub(super) fn looks_like_response(bytes: &[u8]) -> Fit {
    const PATTERN: &[u8] = b"HTTP/1.d ddd";
    let fits = bytes.iter().zip(PATTERN).all(|(byte, pattern)| match pattern {
        b'd' => byte.is_ascii_digit(),
        pattern => byte == pattern,
    });
    match (fits, bytes.get(PATTERN.len())) {
        (true, Some(b' ' | b'\r' | b'\n')) => Fit::Yes,
        (true, None) => Fit::Maybe,
        _ => Fit::No,
    }
}
