//! A collector that costs next to nothing: it counts the spans of OTLP/HTTP requests and forgets
//! them.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::shell::Result;

/// A listening receiver; its threads end with the process.
pub(super) struct Receiver {
    pub(super) port: u16,
    counts: Arc<Counts>,
}

/// Spans received, by kind.
#[derive(Debug, Default)]
pub(super) struct Counts {
    servers: AtomicU64,
    clients: AtomicU64,
    others: AtomicU64,
}

/// Fields of ExportTraceServiceRequest, down to a span's kind, and two of its values
/// (opentelemetry/proto/trace/v1/trace.proto).
const RESOURCE_SPANS: u64 = 1;
const SCOPE_SPANS: u64 = 2;
const SPANS: u64 = 2;
const KIND: u64 = 6;
const KIND_SERVER: u64 = 2;
const KIND_CLIENT: u64 = 3;

/// A larger request is refused: OTLP's own limit is 4 MiB.
const LARGEST: usize = 16 << 20;

impl Receiver {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|why| why.to_string())?;
        let port = listener.local_addr().map_err(|why| why.to_string())?.port();
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let counts = Arc::clone(&shared);
                thread::spawn(move || serve(connection, &counts));
            }
        });
        Ok(Self { port, counts })
    }

    /// SERVER spans so far.
    pub(super) fn servers(&self) -> u64 {
        self.counts.servers.load(Ordering::Relaxed)
    }

    /// CLIENT spans so far.
    pub(super) fn clients(&self) -> u64 {
        self.counts.clients.load(Ordering::Relaxed)
    }

    /// All spans so far.
    pub(super) fn spans(&self) -> u64 {
        self.servers() + self.clients() + self.counts.others.load(Ordering::Relaxed)
    }
}

fn serve(connection: TcpStream, counts: &Counts) -> io::Result<()> {
    let mut reader = BufReader::new(connection);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut length = 0;
        line.clear();
        while reader.read_line(&mut line)? > 2 {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
            }
            line.clear();
        }
        if line.is_empty() || length > LARGEST {
            return Ok(());
        }
        // The buffer is kept: memory that comes and goes with each request takes page faults, and
        // interrupts the threads of this process that measure.
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        // Bytes that are no protobuf leave spans uncounted, which the measure shows as lost.
        let _ = counts.request(&body);
        reader.get_mut().write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n",
        )?;
    }
}

impl Counts {
    fn request(&self, request: &[u8]) -> Option<()> {
        each(request, RESOURCE_SPANS, &mut |resource| {
            each(resource, SCOPE_SPANS, &mut |scope| {
                each(scope, SPANS, &mut |span| self.span(span))
            })
        })
    }

    fn span(&self, span: &[u8]) -> Option<()> {
        let mut kind = None;
        // Found, it is all that is read: most of a span are its attributes, behind it.
        let whole = fields(span, &mut |number, field| {
            if let (KIND, Field::Number(value)) = (number, field) {
                kind = Some(value);
            }
            kind.is_none().then_some(())
        });
        let kind = kind.or(whole.map(|()| 0))?;
        let count = match kind {
            KIND_SERVER => &self.servers,
            KIND_CLIENT => &self.clients,
            _ => &self.others,
        };
        count.fetch_add(1, Ordering::Relaxed);
        Some(())
    }
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Every message in the fields of the number.
fn each(message: &[u8], wanted: u64, take: &mut dyn FnMut(&[u8]) -> Option<()>) -> Option<()> {
    fields(message, &mut |number, field| match field {
        Field::Bytes(inner) if number == wanted => take(inner),
        _ => Some(()),
    })
}

/// Every field of a protobuf message; `None` if it is not one.
fn fields<'a>(
    mut message: &'a [u8],
    take: &mut dyn FnMut(u64, Field<'a>) -> Option<()>,
) -> Option<()> {
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut message)?),
            1 => Field::Bytes(message.split_off(..8)?),
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                Field::Bytes(message.split_off(..length)?)
            }
            5 => Field::Bytes(message.split_off(..4)?),
            _ => return None,
        };
        take(tag >> 3, field)?;
    }
    Some(())
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *message.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Counts;
    use std::sync::atomic::Ordering;

    #[test]
    fn spans_are_counted_by_kind() {
        // Written by hand from the protobuf encoding: two resources, one with spans of kind 2 and
        // 3, the other with one of kind 2 after a name and a fixed64.
        let span = |kind: u8| vec![0x12, 2, 0x30, kind];
        let wrap = |tag: u8, inner: Vec<u8>| [vec![tag, inner.len() as u8], inner].concat();
        let first = wrap(0x0a, wrap(0x12, [span(2), span(3)].concat()));
        let long =
            wrap(0x12, [&[0x2a, 1, b'x', 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x30, 2][..]].concat());
        let second = wrap(0x0a, wrap(0x12, long));
        let counts = Counts::default();
        assert_eq!(counts.request(&[first, second].concat()), Some(()));
        assert_eq!(counts.servers.load(Ordering::Relaxed), 2);
        assert_eq!(counts.clients.load(Ordering::Relaxed), 1);
        assert_eq!(counts.request(&[0x0a, 200]), None, "a length beyond the end");
    }
}
