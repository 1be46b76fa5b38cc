//! What is asked of a group is no lookup (RFC 6762, section 6.7: a legacy query has an id of its own,
//! comes from any port and may ask for recursion; answers come to that port from whoever answers).

mod wire;

use std::sync::Arc;

use onlooker_pipeline::process::{Handlers, Processes};
use onlooker_pipeline::span::Resource;
use onlooker_pipeline::{Pipeline, PipelineOptions};
use onlooker_replay::{Ends, Recorder, replay};

struct Nobody;

impl Processes for Nobody {
    fn resource(&mut self, _process: u32) -> Arc<Resource> {
        Arc::default()
    }

    fn handlers(&mut self, _process: u32) -> Handlers {
        Handlers::Unknown
    }
}

/// How many spans a capture gives, and how many connections were not understood.
fn spans(packets: &[Vec<u8>]) -> (usize, u64) {
    let mut pipeline = Pipeline::new(Nobody, PipelineOptions { seed: 1, epoch: 0 });
    let mut recorder = Recorder::new(Ends::Clients);
    replay(&wire::pcap(packets)[..], &mut |event| {
        recorder.take(&event, &mut |record| pipeline.feed(Some(record)));
    })
    .expect("a capture");
    pipeline.finish();
    (pipeline.take_spans().len(), pipeline.counters().unknown)
}

const QUERY: &[u8] =
    b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04shop\x05local\x00\x00\x01\x00\x01";

/// The query of [`QUERY`] with its answer, 10.0.0.2.
fn answer() -> Vec<u8> {
    let mut answer = QUERY.to_vec();
    answer[2..8].copy_from_slice(&[0x84, 0, 0, 1, 0, 1]);
    answer.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x0a\x00\x04\x0a\x00\x00\x02");
    answer
}

fn ipv4(source: [u8; 4], destination: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut packet = wire::ipv4(0, 0, 17, 0, payload);
    packet[12..16].copy_from_slice(&source);
    packet[16..20].copy_from_slice(&destination);
    packet
}

#[test]
fn a_legacy_query_to_the_group_is_no_lookup() {
    let (client, responder) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    for port in [40_000, 5353] {
        let asks = ipv4(client, [224, 0, 0, 251], &wire::udp(port, 5353, QUERY));
        let answers = ipv4(responder, client, &wire::udp(5353, port, &answer()));
        assert_eq!(spans(&[asks.clone(), answers]), (0, 1), "from {port}");
        assert_eq!(spans(&[asks]), (0, 1), "from {port}");
    }
}

#[test]
fn nor_is_one_over_ipv6() {
    let datagram = wire::udp(40_000, 5353, QUERY);
    let mut packet = vec![0x60, 0, 0, 0, 0, datagram.len() as u8, 17, 1];
    packet.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb]);
    packet.extend(datagram);
    assert_eq!(spans(&[packet]), (0, 1));
}

/// Port 5353 of one host is a server like any other (OpenShift's listens there).
#[test]
fn a_server_on_that_port_is_asked() {
    let (client, server) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let asks = ipv4(client, server, &wire::udp(40_000, 5353, QUERY));
    let answers = ipv4(server, client, &wire::udp(5353, 40_000, &answer()));
    assert_eq!(spans(&[asks, answers]), (1, 0));
}
