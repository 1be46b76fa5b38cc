//! Classic pcap: a head of 24 bytes, then records of one link type.

use std::io::Read;

use super::{CaptureError, Ended, Filled, Input, MAX_FRAME, Step};
use crate::bytes::Order;
use crate::link::LinkType;

/// What the magic number says.
#[derive(Clone, Copy)]
pub(super) struct Variant {
    order: Order,
    /// Nanoseconds per unit of a record's second timestamp field.
    unit: u64,
    /// Bytes of a record's head.
    record_head: usize,
}

/// The variant of a magic number.
pub(super) fn variant(magic: [u8; 4]) -> Option<Variant> {
    let by_order = |order, number| match number {
        0xa1b2_c3d4_u32 => Some(Variant { order, unit: 1_000, record_head: 16 }),
        0xa1b2_3c4d => Some(Variant { order, unit: 1, record_head: 16 }),
        // Alexey Kuznetzov's patch of libpcap, which old Linux distributions shipped: each record
        // also has the interface's index, the protocol and the packet's type.
        0xa1b2_cd34 => Some(Variant { order, unit: 1_000, record_head: 24 }),
        _ => None,
    };
    by_order(Order::Little, u32::from_le_bytes(magic))
        .or_else(|| by_order(Order::Big, u32::from_be_bytes(magic)))
}

pub(super) struct Pcap {
    variant: Variant,
    link: LinkType,
}

impl Pcap {
    /// Reads what follows the magic number.
    pub(super) fn open<R: Read>(
        variant: Variant,
        input: &mut Input<R>,
    ) -> Result<Self, CaptureError> {
        let mut head = [0; 20];
        if input.fill(&mut head)? != Filled::Fully {
            return Err(CaptureError::HeadCut);
        }
        let order = variant.order;
        let field = |at| order.u32(&head, at).unwrap_or_default();
        let (major, minor) = match order {
            Order::Little => (field(0) as u16, (field(0) >> 16) as u16),
            Order::Big => ((field(0) >> 16) as u16, field(0) as u16),
        };
        // Some writers put the version in network byte order whatever the order of the rest.
        if major != 2 && major.swap_bytes() != 2 {
            return Err(CaptureError::Version { format: "pcap", major, minor });
        }
        // The upper half of the field tells of frame check sequences, which the length field of
        // IP makes superfluous.
        Ok(Self { variant, link: LinkType(field(16) & 0xffff) })
    }

    pub(super) fn step<R: Read>(
        &mut self,
        input: &mut Input<R>,
        buffer: &mut Vec<u8>,
    ) -> Result<Step, CaptureError> {
        let offset = input.offset;
        let mut head = [0; 24];
        let head = &mut head[..self.variant.record_head];
        match input.fill(head)? {
            Filled::Nothing => return Ok(Step::Over(Ended::Complete)),
            Filled::Partly => return Ok(Step::Over(Ended::Truncated { offset })),
            Filled::Fully => {}
        }
        let field = |at| self.variant.order.u32(head, at).unwrap_or_default();
        let captured = field(8);
        if captured > MAX_FRAME {
            let reason = "a frame longer than 1 MiB";
            return Ok(Step::Over(Ended::Corrupt { offset, reason }));
        }
        // Below 2^32 * 10^9 + 2^32 * 10^3, which fits.
        let time = u64::from(field(0)) * 1_000_000_000 + u64::from(field(4)) * self.variant.unit;
        let wire_len = u64::from(field(12));
        if !input.read(captured, buffer)? {
            return Ok(Step::Over(Ended::Truncated { offset }));
        }
        Ok(Step::Frame { link: self.link, interface: 0, time, from: 0, to: buffer.len(), wire_len })
    }
}
