//! The request: name-value pairs (FastCGI 1.0 §3.4) that say what CGI's variables say
//! (RFC 3875 §4.1).

use crate::context::{Carrier, WireContext};
use crate::http::{HttpFacts, Method, Scheme};

/// A pair longer than this is skipped, in bytes.
const PAIR_LIMIT: usize = 16 * 1024;
/// The longest name of a field that is looked at, in bytes.
const NAME_LIMIT: usize = 64;
/// The longest of the values that are kept until the end, in bytes.
const VALUE_LIMIT: usize = 4096;

/// Reads a stream of pairs, which may be split over records anywhere.
#[derive(Debug, Default)]
pub(super) struct Params {
    facts: HttpFacts,
    carrier: Carrier,
    script: Vec<u8>,
    path_info: Vec<u8>,
    query: Vec<u8>,
    server_name: Vec<u8>,
    server_port: Vec<u8>,
    remote: Vec<u8>,
    /// A pair that goes on in the next record; shorter than [`PAIR_LIMIT`].
    rest: Vec<u8>,
    /// Bytes of a pair that is too long to be of interest.
    skip: usize,
}

impl Params {
    /// What they take, in bytes.
    pub(super) fn held(&self) -> usize {
        let Self { script, path_info, query, server_name, server_port, remote, rest, .. } = self;
        let texts = [script, path_info, query, server_name, server_port, remote, rest];
        size_of::<Self>() + texts.map(Vec::capacity).iter().sum::<usize>() + self.facts.held()
    }

    /// Takes the content of one record.
    pub(super) fn record(&mut self, content: &[u8]) {
        let skipped = self.skip.min(content.len());
        self.skip -= skipped;
        let content = content.get(skipped..).unwrap_or_default();
        if self.rest.is_empty() {
            let left = self.pairs(content);
            self.rest.extend_from_slice(left);
        } else {
            let mut joined = std::mem::take(&mut self.rest);
            joined.extend_from_slice(content);
            let left = self.pairs(&joined);
            self.rest.extend_from_slice(left);
        }
    }

    /// Takes the pairs that are complete; what is left over.
    fn pairs<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        loop {
            let Some((name_length, rest)) = length(bytes) else { return bytes };
            let Some((value_length, rest)) = length(rest) else { return bytes };
            let total = name_length.saturating_add(value_length);
            let Some(pair) = rest.get(..total) else {
                if total > PAIR_LIMIT {
                    self.skip = total - rest.len();
                    return &[];
                }
                return bytes;
            };
            let (name, value) = pair.split_at(name_length);
            self.pair(name, value);
            bytes = rest.get(total..).unwrap_or_default();
        }
    }

    fn pair(&mut self, name: &[u8], value: &[u8]) {
        if let Some(field) = name.strip_prefix(b"HTTP_") {
            return self.field(field, value);
        }
        let cut = value.get(..VALUE_LIMIT).unwrap_or(value);
        match name {
            b"REQUEST_METHOD" if !value.is_empty() => self.facts.method = Some(Method::new(value)),
            b"REQUEST_URI" if !value.is_empty() => self.facts.set_target(value),
            b"REQUEST_SCHEME" if !value.is_empty() => {
                self.facts.scheme = Some(Scheme::new(value));
            }
            b"HTTPS" if value.eq_ignore_ascii_case(b"on") => {
                self.facts.scheme = Some(Scheme::Https);
            }
            b"SCRIPT_NAME" => self.script = cut.to_vec(),
            b"PATH_INFO" => self.path_info = cut.to_vec(),
            b"QUERY_STRING" => self.query = cut.to_vec(),
            b"SERVER_NAME" => self.server_name = cut.to_vec(),
            b"SERVER_PORT" => self.server_port = cut.to_vec(),
            b"REMOTE_ADDR" => self.remote = cut.to_vec(),
            _ => {}
        }
    }

    /// Takes a field of the HTTP request: `HTTP_USER_AGENT` is `User-Agent` (RFC 3875 §4.1.18).
    fn field(&mut self, name: &[u8], value: &[u8]) {
        let mut buffer = [0; NAME_LIMIT];
        let Some(field) = buffer.get_mut(..name.len()) else { return };
        for (to, from) in field.iter_mut().zip(name) {
            *to = if *from == b'_' { b'-' } else { from.to_ascii_lowercase() };
        }
        self.facts.request_field(field, value);
        self.carrier.field(field, value);
    }

    /// What the request was. `is_whole` says that every pair was seen: only then is it known
    /// that a pair is not there, and that another one says the same less well.
    pub(super) fn finish(mut self, is_whole: bool) -> (HttpFacts, Option<WireContext>) {
        let facts = &mut self.facts;
        facts.carrier = Some("fastcgi");
        if !is_whole {
            return (self.facts, self.carrier.finish());
        }
        if facts.path.is_none() && !self.script.is_empty() {
            let mut path = self.script;
            path.extend_from_slice(&self.path_info);
            if !self.query.is_empty() {
                path.push(b'?');
                path.extend_from_slice(&self.query);
            }
            facts.set_path(&path);
        }
        // nginx has `_` for a server without a name.
        if facts.host.is_none() && facts.authority.is_none() && self.server_name.len() > 1 {
            let mut authority = self.server_name;
            if !self.server_port.is_empty() {
                authority.push(b':');
                authority.extend_from_slice(&self.server_port);
            }
            facts.set_authority(&authority);
        }
        // The peer of this connection is the web server; this is the web server's peer.
        let is_told = facts.forwarded.as_ref().is_some_and(|told| told.client().is_some());
        if !is_told && !self.remote.is_empty() {
            facts.request_field(b"x-forwarded-for", &self.remote);
        }
        (self.facts, self.carrier.finish())
    }
}

/// A length of one byte, or of four with the top bit set (§3.4), and what follows it.
pub(super) fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match *bytes {
        [short @ 0..=0x7f, ref rest @ ..] => Some((short.into(), rest)),
        [a, b, c, d, ref rest @ ..] => {
            let length = u32::from_be_bytes([a & 0x7f, b, c, d]);
            Some((usize::try_from(length).ok()?, rest))
        }
        _ => None,
    }
}
