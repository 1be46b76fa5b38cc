//! An HTTP/1.1 client that sends exactly what it is told to, over TCP and Unix sockets.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::PATIENCE;

/// A connection to a server.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<Stream>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The head, as it came.
    pub head: String,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One `GET` on a connection of its own.
///
/// # Panics
/// If it does not succeed as an exchange; any status is fine.
pub fn get(port: u16, target: &str) -> Response {
    Connection::to(port).get(target)
}

impl Connection {
    /// Connects to a port on the IPv4 loopback.
    ///
    /// # Panics
    /// If nobody listens.
    #[must_use]
    pub fn to(port: u16) -> Self {
        Self::to_address(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// Connects to an address.
    ///
    /// # Panics
    /// If nobody listens.
    #[must_use]
    pub fn to_address(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap_or_else(|why| panic!("{address}: {why}"));
        stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        stream.set_nodelay(true).expect("no delay");
        Self { reader: BufReader::new(Stream::Tcp(stream)) }
    }

    /// Connects to a Unix socket.
    ///
    /// # Panics
    /// If nobody listens.
    #[must_use]
    pub fn to_socket(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap_or_else(|why| panic!("{path:?}: {why}"));
        stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        Self { reader: BufReader::new(Stream::Unix(stream)) }
    }

    /// The client's own port; 0 on a Unix socket.
    #[must_use]
    pub fn local_port(&self) -> u16 {
        match self.reader.get_ref() {
            Stream::Tcp(stream) => stream.local_addr().map_or(0, |address| address.port()),
            Stream::Unix(_) => 0,
        }
    }

    /// A keep-alive `GET` and its response.
    ///
    /// # Panics
    /// If the connection breaks.
    pub fn get(&mut self, target: &str) -> Response {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test.example\r\n\r\n"));
        self.response()
    }

    /// Writes bytes, in one call of the system.
    ///
    /// # Panics
    /// If the connection breaks.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.reader.get_mut().write_all(bytes.as_ref()).expect("a connection that takes bytes");
    }

    /// The next line, without its end, of whatever protocol is spoken.
    ///
    /// # Panics
    /// If the connection ends before.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line");
        assert!(line.ends_with('\n'), "the connection ended");
        line.trim_end().to_owned()
    }

    /// The next so many bytes.
    ///
    /// # Panics
    /// If the connection ends before.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes).expect("as many bytes");
        bytes
    }

    /// The next response; the request was no `HEAD`.
    ///
    /// # Panics
    /// If there is none.
    pub fn response(&mut self) -> Response {
        self.try_response(true).expect("a response")
    }

    /// The next response, to a `HEAD`.
    ///
    /// # Panics
    /// If there is none.
    pub fn response_to_head(&mut self) -> Response {
        self.try_response(false).expect("a response")
    }

    /// The next response; `with_body` unless it answers a `HEAD`.
    ///
    /// # Errors
    /// What the connection met, or `InvalidData` for what is not HTTP/1.
    pub fn try_response(&mut self, with_body: bool) -> io::Result<Response> {
        let mut head = String::new();
        loop {
            let start = head.len();
            if self.reader.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if head.len() - start <= 2 {
                break;
            }
        }
        let status =
            head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(invalid)?;
        let bodiless = !with_body || status < 200 || matches!(status, 204 | 304);
        let body = if bodiless { Vec::new() } else { self.body(&head)? };
        Ok(Response { status, head, body })
    }

    fn body(&mut self, head: &str) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if header(head, "transfer-encoding").is_some_and(|value| value == "chunked") {
            loop {
                let mut line = String::new();
                self.reader.read_line(&mut line)?;
                let length = u64::from_str_radix(line.trim(), 16).map_err(|_| invalid())?;
                let before = body.len() as u64;
                self.reader.by_ref().take(length).read_to_end(&mut body)?;
                let mut end = [0; 2];
                self.reader.read_exact(&mut end)?;
                if length == 0 {
                    return Ok(body);
                }
                if body.len() as u64 != before + length || end != *b"\r\n" {
                    return Err(invalid());
                }
            }
        }
        let Some(length) = header(head, "content-length") else {
            self.reader.read_to_end(&mut body)?;
            return Ok(body);
        };
        let length: u64 = length.parse().map_err(|_| invalid())?;
        self.reader.by_ref().take(length).read_to_end(&mut body)?;
        if (body.len() as u64) < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(body)
    }
}

impl Response {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buffer),
            Self::Unix(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
