//! The packets to say.

/// The answer to COM_STMT_PREPARE.
pub(super) fn prepared(deprecate_eof: bool, id: u8, parameters: u8, columns: u8) -> Vec<Vec<u8>> {
    let mut packets = vec![packet(1, &[0, id, 0, 0, 0, columns, 0, parameters, 0, 0, 0, 0])];
    for count in [parameters, columns] {
        for _ in 0..count {
            packets.push(column(packets.len() as u8 + 1));
        }
        if count > 0 && !deprecate_eof {
            packets.push(eof(false, packets.len() as u8 + 1, 2));
        }
    }
    packets
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
