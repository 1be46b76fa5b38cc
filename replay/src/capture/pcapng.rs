//! pcapng: blocks; sections with a byte order each, interfaces with a link type and clock each.

use std::io::Read;

use super::{CaptureError, Ended, Filled, Input, MAX_FRAME, Step};
use crate::bytes::Order;
use crate::link::LinkType;

/// The type of a section header block, the same in both byte orders.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// The largest block of a kind that is read, in bytes: a frame with its options.
const MAX_BLOCK: u32 = MAX_FRAME + (64 << 10);
/// How many interfaces a section may describe.
const MAX_INTERFACES: usize = 4096;

#[derive(Clone, Copy)]
struct Interface {
    link: LinkType,
    /// In bytes; zero for none.
    snaplen: u32,
    clock: Clock,
}

pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    unreadable: u64,
    last_time: u64,
}

impl Pcapng {
    /// Reads what follows the type of the first section header block.
    pub(super) fn open<R: Read>(input: &mut Input<R>) -> Result<Self, CaptureError> {
        let mut head = [0; 8];
        if input.fill(&mut head)? != Filled::Fully {
            return Err(CaptureError::HeadCut);
        }
        let mut pcapng =
            Self { order: Order::Little, interfaces: Vec::new(), unreadable: 0, last_time: 0 };
        let [l0, l1, l2, l3, magic @ ..] = head;
        match pcapng.section(input, [l0, l1, l2, l3], magic)? {
            Section::Entered => Ok(pcapng),
            Section::Cut => Err(CaptureError::HeadCut),
            Section::Version { major, minor } => {
                Err(CaptureError::Version { format: "pcapng", major, minor })
            }
            Section::Nonsense => Err(CaptureError::NotACapture(MAGIC)),
        }
    }

    pub(super) fn unreadable_records(&self) -> u64 {
        self.unreadable
    }

    /// Reads blocks up to the next frame.
    pub(super) fn step<R: Read>(
        &mut self,
        input: &mut Input<R>,
        buffer: &mut Vec<u8>,
    ) -> Result<Step, CaptureError> {
        loop {
            let offset = input.offset;
            let corrupt = |reason| Ok(Step::Over(Ended::Corrupt { offset, reason }));
            let truncated = Ok(Step::Over(Ended::Truncated { offset }));
            let mut head = [0; 8];
            match input.fill(&mut head)? {
                Filled::Nothing => return Ok(Step::Over(Ended::Complete)),
                Filled::Partly => return truncated,
                Filled::Fully => {}
            }
            let kind = self.order.u32(&head, 0).unwrap_or_default();
            if kind == SECTION_HEADER {
                let mut magic = [0; 4];
                if input.fill(&mut magic)? != Filled::Fully {
                    return truncated;
                }
                let [_, _, _, _, length @ ..] = head;
                match self.section(input, length, magic)? {
                    Section::Entered => continue,
                    Section::Cut => return truncated,
                    Section::Version { .. } => return corrupt("a section of an unknown version"),
                    Section::Nonsense => return corrupt("a section header that is none"),
                }
            }
            let total = self.order.u32(&head, 4).unwrap_or_default();
            if total < 12 || !total.is_multiple_of(4) {
                return corrupt("a block of an impossible length");
            }
            let body = total - 12;
            let wanted =
                matches!(kind, INTERFACE_DESCRIPTION | PACKET | SIMPLE_PACKET | ENHANCED_PACKET);
            if !wanted || body > MAX_BLOCK {
                self.unreadable += u64::from(wanted);
                if !input.pass(u64::from(body) + 4)? {
                    return truncated;
                }
                continue;
            }
            if !input.read(body, buffer)? {
                return truncated;
            }
            let mut tail = [0; 4];
            if input.fill(&mut tail)? != Filled::Fully {
                return truncated;
            }
            if self.order.u32(&tail, 0) != Some(total) {
                return corrupt("a block whose two lengths differ");
            }
            if kind == INTERFACE_DESCRIPTION {
                if self.interfaces.len() >= MAX_INTERFACES {
                    return corrupt("more interfaces than can be");
                }
                match interface(self.order, buffer) {
                    Some(interface) => self.interfaces.push(interface),
                    None => return corrupt("an interface description that cannot be read"),
                }
                continue;
            }
            match self.packet(kind, buffer) {
                Some(step) => return Ok(step),
                None => self.unreadable += 1,
            }
        }
    }

    /// Enters the section whose header block has these length and byte order fields.
    fn section<R: Read>(
        &mut self,
        input: &mut Input<R>,
        length: [u8; 4],
        magic: [u8; 4],
    ) -> Result<Section, CaptureError> {
        let order = match magic {
            [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
            [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
            _ => return Ok(Section::Nonsense),
        };
        let total = order.u32(&length, 0).unwrap_or_default();
        if total < 28 || !total.is_multiple_of(4) {
            return Ok(Section::Nonsense);
        }
        let mut version = [0; 4];
        if input.fill(&mut version)? != Filled::Fully {
            return Ok(Section::Cut);
        }
        let major = order.u16(&version, 0).unwrap_or_default();
        let minor = order.u16(&version, 2).unwrap_or_default();
        if major != 1 {
            return Ok(Section::Version { major, minor });
        }
        if !input.pass(u64::from(total) - 16)? {
            return Ok(Section::Cut);
        }
        self.order = order;
        self.interfaces.clear();
        Ok(Section::Entered)
    }

    /// The frame of a packet block; `None` if the block contradicts itself.
    fn packet(&mut self, kind: u32, block: &[u8]) -> Option<Step> {
        let order = self.order;
        if kind == SIMPLE_PACKET {
            // No interface (it is the first), no time (that of the frame before is the best guess).
            let interface = *self.interfaces.first()?;
            let wire_len = order.u32(block, 0)?;
            let mut captured = wire_len as usize;
            if interface.snaplen > 0 {
                captured = captured.min(interface.snaplen as usize);
            }
            let to = captured.checked_add(4)?;
            let (link, time) = (interface.link, self.last_time);
            return (to <= block.len()).then_some(Step::Frame {
                link,
                interface: 0,
                time,
                from: 4,
                to,
                wire_len: wire_len.into(),
            });
        }
        // An (obsolete) packet block differs from an enhanced one by a count of drops in the upper
        // half of the interface's number.
        let number: u32 =
            if kind == PACKET { order.u16(block, 0)?.into() } else { order.u32(block, 0)? };
        let interface = *self.interfaces.get(usize::try_from(number).ok()?)?;
        let ticks = u64::from(order.u32(block, 4)?) << 32 | u64::from(order.u32(block, 8)?);
        let captured = order.u32(block, 12)? as usize;
        let wire_len = order.u32(block, 16)?.into();
        let to = captured.checked_add(20)?;
        if to > block.len() || captured > MAX_FRAME as usize {
            return None;
        }
        let time = interface.clock.nanoseconds(ticks);
        self.last_time = time;
        Some(Step::Frame { link: interface.link, interface: number, time, from: 20, to, wire_len })
    }
}

enum Section {
    Entered,
    Cut,
    Version { major: u16, minor: u16 },
    Nonsense,
}

/// How an interface counts time: `if_tsresol` and `if_tsoffset`.
#[derive(Clone, Copy)]
struct Clock {
    ticks_per_second: u64,
    /// Seconds to add.
    offset: i64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { ticks_per_second: 1_000_000, offset: 0 }
    }
}

impl Clock {
    /// The clock of an `if_tsresol` value: the most significant bit chooses between a negative
    /// power of 2 and of 10.
    fn with_resolution(value: u8) -> Option<u64> {
        let power = u32::from(value & 0x7f);
        if value & 0x80 == 0 { 10_u64.checked_pow(power) } else { 1_u64.checked_shl(power) }
    }

    fn nanoseconds(self, ticks: u64) -> u64 {
        let nanoseconds =
            u128::from(ticks) * 1_000_000_000 / u128::from(self.ticks_per_second.max(1));
        let offset = i128::from(self.offset) * 1_000_000_000;
        let sum = i128::try_from(nanoseconds).unwrap_or(i128::MAX).saturating_add(offset);
        u64::try_from(sum.max(0)).unwrap_or(u64::MAX)
    }
}

/// Reads the body of an interface description block.
fn interface(order: Order, block: &[u8]) -> Option<Interface> {
    let link = LinkType(order.u16(block, 0)?.into());
    let snaplen = order.u32(block, 4)?;
    let mut clock = Clock::default();
    let mut options = block.get(8..).unwrap_or_default();
    while let (Some(code), Some(len)) = (order.u16(options, 0), order.u16(options, 2)) {
        let len = usize::from(len);
        let Some(value) = options.get(4..4 + len) else { break };
        match (code, value) {
            (0, _) => break,
            (9, &[resolution]) => {
                clock.ticks_per_second = Clock::with_resolution(resolution)?;
            }
            (14, value) if len == 8 => clock.offset = order.u64(value, 0)? as i64,
            _ => {}
        }
        options = options.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(Interface { link, snaplen, clock })
}
