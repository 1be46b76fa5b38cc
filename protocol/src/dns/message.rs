//! Messages (RFC 1035 §4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::code::{RecordType, ResponseCode};
use super::name;

/// Bytes of the header.
pub(super) const HEADER_LENGTH: usize = 12;
/// The class `IN`.
const INTERNET: u16 = 1;
/// Addresses kept of one response.
const ADDRESSES_LIMIT: usize = 64;

/// The bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The fixed part of a message (§4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) id: u16,
    flags: u16,
    /// Questions, answers, authorities, additional records.
    pub(super) counts: [u16; 4],
}

impl Header {
    /// Reads a header; `None` if it is not complete.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |index: usize| {
            let pair = bytes.get(index * 2..index * 2 + 2)?;
            Some(u16::from_be_bytes([*pair.first()?, *pair.get(1)?]))
        };
        let counts = [word(2)?, word(3)?, word(4)?, word(5)?];
        Some(Self { id: word(0)?, flags: word(1)?, counts })
    }

    pub(super) const fn is_response(self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// `QUERY`; not `NOTIFY`, `UPDATE` and the like.
    pub(super) const fn is_standard(self) -> bool {
        self.flags & 0x7800 == 0
    }

    pub(super) const fn is_truncated(self) -> bool {
        self.flags & 0x0200 != 0
    }

    pub(super) const fn is_authoritative(self) -> bool {
        self.flags & 0x0400 != 0
    }

    pub(super) const fn has_recursion(self) -> bool {
        self.flags & 0x0080 != 0
    }

    pub(super) const fn wants_recursion(self) -> bool {
        self.flags & 0x0100 != 0
    }

    /// Bits that are zero in a query: AA, TC, RA, Z and the response code. Servers ignore them;
    /// detection does not.
    pub(super) const fn is_plain_query(self) -> bool {
        self.flags & !0x0130 == 0
    }

    /// The reserved bit Z.
    pub(super) const fn is_reserved_used(self) -> bool {
        self.flags & 0x0040 != 0
    }

    const fn response_code(self) -> u16 {
        self.flags & 0xf
    }
}

/// What is asked for (§4.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) name: Box<str>,
    pub(super) record_type: RecordType,
    pub(super) class: u16,
}

impl Question {
    /// Reads the only question of a message, and where it ends.
    pub(super) fn parse(message: &[u8]) -> Result<(Self, usize), Malformed> {
        let (name, offset) = name::read(message, HEADER_LENGTH)?;
        let record_type = RecordType(word(message, offset)?);
        let class = word(message, offset + 2)?;
        Ok((Self { name: name.into(), record_type, class }, offset + 4))
    }

    /// Whether two questions are the same; names match in any case (RFC 4343).
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.record_type == other.record_type
            && self.class == other.class
            && self.name.eq_ignore_ascii_case(&other.name)
    }
}

/// What a response says.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// `None` if its upper bits may be in what was not seen.
    pub(super) response_code: Option<ResponseCode>,
    pub(super) addresses: Vec<IpAddr>,
}

impl Answer {
    /// Reads the records of a response from `offset` on, as far as they are there and well-formed.
    pub(super) fn parse(message: &[u8], header: Header, offset: usize) -> Self {
        let mut answer = Self::default();
        let mut upper = None;
        // The first record that makes no sense ends the reading: what came before it stands.
        let all_read = answer.records(message, header, offset, &mut upper).is_ok();
        // The codes that have upper bits come with the question alone (BADVERS: RFC 6891 §6.1.3;
        // BADCOOKIE: RFC 7873 §5.2.3).
        let is_answered = header.counts[1] > 0;
        if all_read || upper.is_some() || header.counts[3] == 0 || is_answered {
            let code = header.response_code() | u16::from(upper.unwrap_or(0)) << 4;
            answer.response_code = Some(ResponseCode(code));
        }
        answer
    }

    fn records(
        &mut self,
        message: &[u8],
        header: Header,
        mut offset: usize,
        upper: &mut Option<u8>,
    ) -> Result<(), Malformed> {
        let [_, answers, authorities, additional] = header.counts.map(u32::from);
        for index in 0..answers + authorities + additional {
            offset = name::skip(message, offset)?;
            let record_type = RecordType(word(message, offset)?);
            let class = word(message, offset + 2)?;
            let extended = *message.get(offset + 4).ok_or(Malformed)?;
            let length = usize::from(word(message, offset + 8)?);
            let data = offset + 10;
            let data = message.get(data..data + length).ok_or(Malformed)?;
            offset += 10 + length;
            if index < answers && class == INTERNET {
                self.address(record_type, data);
            } else if record_type == RecordType::OPT {
                // The upper eight bits of the code (RFC 6891 §6.1.3).
                *upper = Some(extended);
            }
        }
        Ok(())
    }

    fn address(&mut self, record_type: RecordType, data: &[u8]) {
        if self.addresses.len() >= ADDRESSES_LIMIT {
            return;
        }
        let address = match record_type {
            RecordType::A => {
                <[u8; 4]>::try_from(data).ok().map(|octets| IpAddr::V4(Ipv4Addr::from(octets)))
            }
            RecordType::AAAA => {
                <[u8; 16]>::try_from(data).ok().map(|octets| IpAddr::V6(Ipv6Addr::from(octets)))
            }
            _ => None,
        };
        self.addresses.extend(address);
    }
}

fn word(message: &[u8], offset: usize) -> Result<u16, Malformed> {
    match message.get(offset..) {
        Some([high, low, ..]) => Ok(u16::from_be_bytes([*high, *low])),
        _ => Err(Malformed),
    }
}
