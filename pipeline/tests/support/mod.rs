//! What the tests of the whole pipeline share: records as the kernel programs submit them, all of one process
//! with one thread.

use std::sync::Arc;

use onlooker_common::event::{Header, Kind, Place, Socket};
use onlooker_pipeline::process::{Handlers, Processes};
use onlooker_pipeline::span::Resource;
use onlooker_pipeline::{Pipeline, PipelineOptions};

pub(crate) const AF_INET: u16 = 2;
const IPPROTO_TCP: u16 = 6;

/// Answers about a process of which nothing is known.
pub(crate) struct OneService;

impl Processes for OneService {
    fn resource(&mut self, _process: u32) -> Arc<Resource> {
        Arc::default()
    }

    fn handlers(&mut self, _process: u32) -> Handlers {
        Handlers::Unknown
    }
}

/// An empty pipeline; `epoch` is its clock's distance from 1970 in nanoseconds.
pub(crate) fn pipeline(epoch: u64) -> Pipeline<OneService> {
    Pipeline::new(OneService, PipelineOptions { seed: 1, epoch })
}

/// `captured` in bytes, `time` in nanoseconds.
pub(crate) fn header(kind: Kind, captured: u32, time: u64) -> Header {
    Header { kind: kind as u32, tgid: 1, tid: 1, captured, time }
}

/// An end of a connection between port 40000 and port 80, whose streams begin at 0.
pub(crate) fn socket(family: u16, socket: u64, inode: u32, role: u8, role_evidence: u8) -> Socket {
    let client = role == onlooker_common::event::role::CLIENT;
    let (local_port, remote_port) = if client { (40_000, 80) } else { (80, 40_000) };
    Socket {
        header: header(Kind::Socket, 0, 1),
        socket,
        peer_inode: 0,
        opener_flags: 0,
        inode,
        netns: 1,
        sent_base: 0,
        received_base: 0,
        family,
        protocol: if family == AF_INET { IPPROTO_TCP } else { 0 },
        local_port,
        remote_port,
        local: [0; 16],
        remote: [0; 16],
        role,
        role_evidence,
        path_length: 0,
        path: [0; 108],
        cause: Place::default(),
        resumed: Place::default(),
        opener: 0,
    }
}
