//! What the nine bytes of a frame's header say (RFC 9113 §4.1).

/// Length of a frame header, in bytes.
pub(super) const HEADER: u64 = 9;
/// Types of frames (§6).
pub(super) const DATA: u8 = 0;
pub(super) const SETTINGS: u8 = 4;
/// The flag of DATA that says that it is padded.
pub(super) const PADDED: u8 = 0x8;

/// The longest frame that is believed in, in bytes: more than 16 KiB needs the peer's leave.
const LONGEST: u64 = 1 << 20;

/// Of the payload, in bytes.
#[inline(always)]
pub(super) fn length(head: &[u8; 9]) -> u64 {
    u64::from(head[0]) << 16 | u64::from(head[1]) << 8 | u64::from(head[2])
}

/// Whether a peer may send this (RFC 9113 §6); unknown types are believed in if they are registered.
#[inline(always)]
pub(super) fn is_frame(head: &[u8; 9]) -> bool {
    let length = length(head);
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    if length > LONGEST || stream & 0x8000_0000 != 0 {
        return false;
    }
    match head[3] {
        DATA | 1 | 5 | 9 => stream != 0,
        2 => stream != 0 && length == 5,
        3 => stream != 0 && length == 4,
        SETTINGS => stream == 0 && length <= 1024,
        6 => stream == 0 && length == 8,
        7 => stream == 0 && length >= 8,
        8 => length == 4,
        // ALTSVC (RFC 7838), ORIGIN (RFC 8336), PRIORITY_UPDATE (RFC 9218).
        0xa | 0xc | 0x10 => length <= 16_384,
        _ => false,
    }
}

/// "Unused flags MUST be left unset" (§4.1): a bit more of evidence in the middle of a stream.
#[inline(always)]
pub(super) fn has_unused_flags(head: &[u8; 9]) -> bool {
    let used = match head[3] {
        DATA => 0x9,
        1 => 0x2d,
        SETTINGS | 6 => 0x1,
        5 => 0xc,
        9 => 0x4,
        _ => 0,
    };
    head[4] & !used != 0
}
