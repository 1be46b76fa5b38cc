//! A connection to talk on, and the packets to say.

use super::super::dissector::Mysql;
use crate::chunk::{Chunk, Moment, Side};
use crate::dissector::{Dissector, Ending, Handover, Output};
use crate::exchange::Exchange;

pub(super) struct Talk {
    dissector: Mysql,
    out: Output,
    positions: [u64; 2],
    clock: u64,
    deprecate_eof: bool,
}

impl Talk {
    pub(super) fn new(from_start: bool, deprecate_eof: bool) -> Self {
        Self {
            dissector: Mysql::new(from_start),
            out: Output::default(),
            positions: [0; 2],
            clock: 0,
            deprecate_eof,
        }
    }

    pub(super) fn client(&mut self, packets: &[Vec<u8>]) {
        self.say(Side::Client, &packets.concat(), 0);
    }

    pub(super) fn server(&mut self, packets: &[Vec<u8>]) {
        self.say(Side::Server, &packets.concat(), 0);
    }

    pub(super) fn client_cut(&mut self, bytes: &[u8], missing: u64) {
        self.say(Side::Client, bytes, missing);
    }

    pub(super) fn server_cut(&mut self, bytes: &[u8], missing: u64) {
        self.say(Side::Server, bytes, missing);
    }

    /// The answer to COM_STMT_PREPARE.
    pub(super) fn prepared(&mut self, id: u8, parameters: u8, columns: u8) {
        let mut packets = vec![packet(1, &[0, id, 0, 0, 0, columns, 0, parameters, 0, 0, 0, 0])];
        for count in [parameters, columns] {
            for _ in 0..count {
                packets.push(column(packets.len() as u8 + 1));
            }
            if count > 0 && !self.deprecate_eof {
                packets.push(eof(false, packets.len() as u8 + 1, 2));
            }
        }
        self.server(&packets);
    }

    fn say(&mut self, side: Side, bytes: &[u8], missing: u64) {
        self.clock += 10;
        let position = &mut self.positions[side as usize];
        let first = Moment {
            position: *position,
            start: self.clock,
            end: self.clock + 5,
            ..Moment::default()
        };
        *position += bytes.len() as u64 + missing;
        let chunk = Chunk { side, first, bytes, missing, datagram: false };
        self.dissector.feed(&chunk, &mut self.out);
    }

    pub(super) fn closed(&mut self, ending: Ending) {
        let at = Moment { start: self.clock, end: self.clock, ..Moment::default() };
        self.dissector.closed(ending, at, &mut self.out);
    }

    pub(super) fn exchanges(&self) -> &[Exchange] {
        &self.out.exchanges
    }

    pub(super) fn handover(&self) -> Option<Handover> {
        self.out.handover
    }

    pub(super) fn not_understood(&self) -> u64 {
        self.out.not_understood + self.out.lost
    }
}

pub(super) fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = (payload.len() as u32).to_le_bytes()[..3].to_vec();
    packet.push(sequence);
    packet.extend(payload);
    packet
}

pub(super) fn command(kind: u8, body: &[u8]) -> Vec<u8> {
    packet(0, &[&[kind], body].concat())
}

/// An OK packet: nothing affected, a status, no warnings.
pub(super) fn ok(sequence: u8, status: u16) -> Vec<u8> {
    let [low, high] = status.to_le_bytes();
    packet(sequence, &[0, 0, 0, low, high, 0, 0])
}

/// The end of definitions or rows: an EOF packet, or the OK packet that replaced it.
pub(super) fn eof(deprecated: bool, sequence: u8, status: u16) -> Vec<u8> {
    let [low, high] = status.to_le_bytes();
    if deprecated {
        packet(sequence, &[0xfe, 0, 0, low, high, 0, 0])
    } else {
        packet(sequence, &[0xfe, 0, 0, low, high])
    }
}

pub(super) fn err(sequence: u8, number: u16, rest: &[u8]) -> Vec<u8> {
    packet(sequence, &[&[0xff], &number.to_le_bytes()[..], rest].concat())
}

pub(super) fn column(sequence: u8) -> Vec<u8> {
    packet(
        sequence,
        b"\x03def\x00\x00\x00\x01a\x00\x0c\x3f\x00\x01\x00\x00\x00\x08\x81\x00\x00\x00\x00",
    )
}

pub(super) fn row(sequence: u8) -> Vec<u8> {
    packet(sequence, b"\x011")
}

/// A result of so many columns and rows; the last packet has the status.
pub(super) fn result(deprecate_eof: bool, columns: u8, rows: u8, status: u16) -> Vec<Vec<u8>> {
    let mut packets = vec![packet(1, &[columns])];
    for _ in 0..columns {
        packets.push(column(packets.len() as u8 + 1));
    }
    if !deprecate_eof {
        packets.push(eof(false, packets.len() as u8 + 1, status));
    }
    for _ in 0..rows {
        packets.push(row(packets.len() as u8 + 1));
    }
    packets.push(eof(deprecate_eof, packets.len() as u8 + 1, status));
    packets
}
