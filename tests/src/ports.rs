//! Ports to listen on, and waiting until somebody does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use crate::{PATIENCE, POLL, Process};

/// Below the ports that the kernel hands out by itself, so that no client takes one meanwhile.
const FIRST: u16 = 21_000;
const COUNT: u16 = 1_000;

/// A port on which nobody listens, neither with IPv4 nor with IPv6.
///
/// # Panics
/// If all are taken.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test runs side by side start at different places.
    let start = (std::process::id() % 16) as u16 * (COUNT / 16);
    (0..COUNT)
        .map(|_| FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT)
        .find(|&port| {
            TcpListener::bind(("0.0.0.0", port)).is_ok() && TcpListener::bind(("::", port)).is_ok()
        })
        .expect("a free port")
}

/// Waits until `process` accepts TCP connections on the port (IPv4 loopback).
///
/// # Panics
/// If the process ends, or does not within [`PATIENCE`].
pub fn wait_for_tcp(process: &mut Process, port: u16) {
    wait_for_tcp_within(process, port, PATIENCE);
}

/// The same for a server that takes longer.
pub(crate) fn wait_for_tcp_within(process: &mut Process, port: u16, patience: Duration) {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    wait(process, &format!("port {port}"), patience, || {
        TcpStream::connect_timeout(&address, PATIENCE).is_ok()
    });
}

/// Waits until `process` accepts connections on the Unix socket.
///
/// # Panics
/// If the process ends, or does not within [`PATIENCE`].
pub fn wait_for_socket(process: &mut Process, path: &Path) {
    let what = path.display().to_string();
    wait(process, &what, PATIENCE, || UnixStream::connect(path).is_ok());
}

/// Waits until somebody accepts TCP connections on the port.
///
/// # Panics
/// If nobody does within [`PATIENCE`].
pub fn wait_for_port(port: u16) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "nobody listens on port {port}");
        std::thread::sleep(POLL);
    }
}

fn wait(process: &mut Process, what: &str, patience: Duration, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !ready() {
        if let Some(status) = process.try_wait() {
            panic!("{} ended ({status}) before it listened on {what}", process.name());
        }
        assert!(Instant::now() < deadline, "{} does not listen on {what}", process.name());
        std::thread::sleep(POLL);
    }
}
