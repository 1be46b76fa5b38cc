//! The records that the kernel programs submit for keep-alive HTTP/1.1, fed to a pipeline: once seen
//! at the server's end alone, once at both ends of a call.

use std::sync::Arc;

use onlooker_common::event::{
    Data, Header, Kind, Place, Socket, call, direction, role, role_evidence,
};
use onlooker_common::view::Record;
use onlooker_pipeline::process::{Handlers, Processes};
use onlooker_pipeline::span::Resource;
use onlooker_pipeline::{Pipeline, PipelineOptions};

const CONNECTIONS: u64 = 64;
const REQUEST: &[u8] = b"GET /api/orders/4711?page=2 HTTP/1.1\r\nHost: shop.example:8080\r\n\
User-Agent: curl/7.88.1\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\
Date: Sat, 21 Nov 2026 08:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\
Connection: keep-alive\r\n\r\n{\"orders\": [17]}";

struct OneService(Arc<Resource>);

impl Processes for OneService {
    fn resource(&mut self, _process: u32) -> Arc<Resource> {
        Arc::clone(&self.0)
    }

    fn handlers(&mut self, _process: u32) -> Handlers {
        Handlers::Unknown
    }
}

/// One end of a connection.
struct End {
    socket: u64,
    tgid: u32,
    tid: u32,
    client: bool,
}

impl End {
    fn header(&self, kind: Kind, captured: usize, time: u64) -> Header {
        let captured = captured as u32;
        Header { kind: kind as u32, tgid: self.tgid, tid: self.tid, captured, time }
    }

    /// Sequence numbers of the first bytes that are sent and received.
    fn firsts(&self) -> (u32, u32) {
        let pair = (self.socket & 0xffff) as u32;
        let (client, server) = (1_000 + pair * 7, 9_000 + pair * 11);
        if self.client { (client, server) } else { (server, client) }
    }

    fn opened(&self, time: u64) -> Socket {
        let [local, remote] = if self.client { [40_000, 80] } else { [80, 40_000] };
        let (sent, received_base) = self.firsts();
        // The kernel counts an opener's SYN as a byte.
        let sent_base = sent - u32::from(self.client);
        Socket {
            header: self.header(Kind::Socket, 0, time),
            socket: self.socket,
            peer_inode: 0,
            opener_flags: 0,
            inode: 1,
            netns: 1,
            sent_base,
            received_base,
            family: 2,
            protocol: 6,
            local_port: local,
            remote_port: remote,
            local: [0; 16],
            remote: [0; 16],
            role: if self.client { role::CLIENT } else { role::SERVER },
            role_evidence: role_evidence::LISTENER,
            path_length: 0,
            path: [0; 108],
            cause: Place::default(),
            resumed: Place::default(),
            opener: 0,
        }
    }

    fn data(&self, outward: bool, offset: u64, bytes: &[u8], time: u64) -> Data {
        let (sent, received) = self.firsts();
        let base = if outward { sent } else { received };
        let place = Place {
            socket: self.socket,
            position: u64::from(base.wrapping_add(offset as u32)),
            inode: 1,
            length: bytes.len() as u32,
        };
        Data {
            header: self.header(Kind::Data, bytes.len(), time),
            start: time - 500,
            place,
            direction: if outward { direction::OUT } else { direction::IN },
            call: if outward { call::WRITE } else { call::READ },
            task: u64::from(self.tid),
            ..Data::default()
        }
    }
}

/// Feeds `rounds` requests of each connection, and gives the number of spans that came of them.
pub(crate) fn drive(both_ends: bool, rounds: u64) -> u64 {
    let resource = Arc::new(Resource { service: "shop".to_owned(), ..Resource::default() });
    let options = PipelineOptions { seed: 1, epoch: 1 };
    let mut pipeline = Pipeline::new(OneService(resource), options);
    let mut time = 1_000_000;
    let ends: Vec<_> = (0..CONNECTIONS)
        .map(|n| {
            let id = 10_000 + n as u32;
            let server = End { socket: 0x1_0000 + n, tgid: 1, tid: id, client: false };
            let client = End { socket: 0x2_0000 + n, tgid: 2, tid: id + 10_000, client: true };
            (client, server)
        })
        .collect();
    for (client, server) in &ends {
        if both_ends {
            pipeline.feed(Some(Record::Socket(client.opened(time))));
        }
        pipeline.feed(Some(Record::Socket(server.opened(time))));
    }
    let mut spans = 0;
    for round in 0..rounds {
        let (asked, answered) = (round * REQUEST.len() as u64, round * RESPONSE.len() as u64);
        for (client, server) in &ends {
            time += 10_000;
            let mut feed = |end: &End, outward, offset, bytes, time| {
                let data = end.data(outward, offset, bytes, time);
                pipeline.feed(Some(Record::Data(data, bytes)));
            };
            if both_ends {
                feed(client, true, asked, REQUEST, time);
            }
            feed(server, false, asked, REQUEST, time + 600);
            feed(server, true, answered, RESPONSE, time + 5_000);
            if both_ends {
                feed(client, false, answered, RESPONSE, time + 6_000);
            }
        }
        pipeline.tick(time);
        spans += pipeline.take_spans().len() as u64;
    }
    pipeline.finish();
    spans += pipeline.take_spans().len() as u64;
    let expected = rounds * CONNECTIONS * if both_ends { 2 } else { 1 };
    assert_eq!(spans, expected, "every exchange is one span at each end");
    spans
}
