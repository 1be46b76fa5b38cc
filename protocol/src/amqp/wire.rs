//! Frames, methods and properties as bytes (AMQP 0-9-1, 4.2).

use crate::context::Carrier;

/// Type, channel and size.
pub(super) const FRAME_HEAD: usize = 7;
/// What every frame ends with.
pub(super) const FRAME_END: u8 = 0xce;
/// The largest payload that is believed, in bytes. RabbitMQ's clients negotiate 128 KiB.
const PAYLOAD_LIMIT: u32 = 16 * 1024 * 1024;
/// How deep tables are followed.
const MAX_DEPTH: u32 = 8;

/// A kind of frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameType {
    Method,
    Header,
    Body,
    Heartbeat,
}

/// A frame's head.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHead {
    pub(super) kind: FrameType,
    pub(super) channel: u16,
    /// Bytes of the payload.
    pub(super) size: u32,
}

/// Why bytes are not what was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// They end too early.
    More,
    /// They cannot be it.
    Bad,
}

impl FrameHead {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Stop> {
        let mut fields = Fields(bytes);
        let kind = match fields.octet().ok_or(Stop::More)? {
            1 => FrameType::Method,
            2 => FrameType::Header,
            3 => FrameType::Body,
            8 => FrameType::Heartbeat,
            _ => return Err(Stop::Bad),
        };
        let channel = fields.short().ok_or(Stop::More)?;
        let size = fields.long().ok_or(Stop::More)?;
        let fits = match kind {
            FrameType::Method => (4..=PAYLOAD_LIMIT).contains(&size),
            FrameType::Header => channel > 0 && (14..=PAYLOAD_LIMIT).contains(&size),
            FrameType::Body => channel > 0 && size <= PAYLOAD_LIMIT,
            FrameType::Heartbeat => channel == 0 && size == 0,
        };
        if fits { Ok(Self { kind, channel, size }) } else { Err(Stop::Bad) }
    }

    /// Bytes of the whole frame.
    pub(super) fn length(self) -> u64 {
        u64::from(self.size) + FRAME_HEAD as u64 + 1
    }
}

/// Fields of a payload, from its front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(field)
    }

    pub(super) fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn short(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    pub(super) fn long(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(super) fn long_long(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    pub(super) fn short_string(&mut self) -> Option<&'a [u8]> {
        let len = self.octet()?;
        self.take(len.into())
    }

    pub(super) fn long_string(&mut self) -> Option<&'a [u8]> {
        let len = self.long()?;
        self.take(usize::try_from(len).ok()?)
    }
}

/// Gives a header table's texts to `carrier`; `None` if it is no table.
pub(super) fn contexts(table: &[u8], carrier: &mut Carrier) -> Option<()> {
    let mut fields = Fields(table);
    while !fields.0.is_empty() {
        let name = fields.short_string()?;
        match fields.octet()? {
            // A byte array is RabbitMQ's `x`; instrumentation in some languages writes bytes.
            b'S' | b'x' => carrier.field(name, fields.long_string()?),
            kind => value(&mut fields, kind, 0)?,
        }
    }
    Some(())
}

/// Passes over a field value, by RabbitMQ's list of types, which differs from the specification's.
fn value(fields: &mut Fields<'_>, kind: u8, depth: u32) -> Option<()> {
    let width = match kind {
        b't' | b'b' | b'B' => 1,
        b's' | b'u' => 2,
        b'I' | b'i' | b'f' => 4,
        b'D' => 5,
        b'l' | b'L' | b'd' | b'T' => 8,
        b'V' => 0,
        b'S' | b'x' => return fields.long_string().map(drop),
        b'F' | b'A' if depth < MAX_DEPTH => {
            let mut inner = Fields(fields.long_string()?);
            while !inner.0.is_empty() {
                if kind == b'F' {
                    inner.short_string()?;
                }
                let kind = inner.octet()?;
                value(&mut inner, kind, depth + 1)?;
            }
            return Some(());
        }
        b'F' | b'A' => return fields.long_string().map(drop),
        _ => return None,
    };
    fields.take(width).map(drop)
}

/// A content header (AMQP 0-9-1, 4.2.6.1), as far as it is of interest.
#[derive(Debug, Default)]
pub(super) struct Properties<'a> {
    pub(super) body_size: u64,
    pub(super) carrier: Carrier,
    pub(super) message_id: Option<&'a [u8]>,
    pub(super) correlation_id: Option<&'a [u8]>,
    pub(super) timestamp: Option<u64>,
}

impl<'a> Properties<'a> {
    /// Reads a header frame's payload, which may be cut: what comes behind the cut is missing.
    pub(super) fn read(payload: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(payload);
        let class = fields.short()?;
        let weight = fields.short()?;
        if class != 60 || weight != 0 {
            return None;
        }
        let mut properties = Self { body_size: fields.long_long()?, ..Self::default() };
        let _ = properties.list(&mut fields);
        Some(properties)
    }

    fn list(&mut self, fields: &mut Fields<'a>) -> Option<()> {
        let flags = fields.short()?;
        let has = |bit: u32| flags & (1 << bit) != 0;
        for bit in [15, 14] {
            if has(bit) {
                fields.short_string()?; // content type, content encoding
            }
        }
        if has(13) {
            let len = usize::try_from(fields.long()?).ok()?;
            let here = fields.0.get(..len).unwrap_or(fields.0);
            let _ = contexts(here, &mut self.carrier);
            fields.take(len)?;
        }
        for bit in [12, 11] {
            if has(bit) {
                fields.octet()?; // delivery mode, priority
            }
        }
        if has(10) {
            self.correlation_id = Some(fields.short_string()?);
        }
        for bit in [9, 8] {
            if has(bit) {
                fields.short_string()?; // reply to, expiration
            }
        }
        if has(7) {
            self.message_id = Some(fields.short_string()?);
        }
        if has(6) {
            self.timestamp = Some(fields.long_long()?);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_followed_to_the_context_behind_every_type() {
        let mut table = Vec::new();
        let mut put = |name: &str, kind: u8, value: &[u8]| {
            table.push(name.len() as u8);
            table.extend_from_slice(name.as_bytes());
            table.push(kind);
            table.extend_from_slice(value);
        };
        put("flag", b't', &[1]);
        put("count", b'l', &[0; 8]);
        put("price", b'D', &[2, 0, 0, 0, 9]);
        put("nothing", b'V', &[]);
        put("list", b'A', &[0, 0, 0, 7, b'I', 0, 0, 0, 1, b't', 0]);
        put("x-death", b'F', &[0, 0, 0, 4, 1, b'a', b'B', 7]);
        let traceparent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut text = 55_u32.to_be_bytes().to_vec();
        text.extend_from_slice(traceparent);
        put("traceparent", b'S', &text);
        let mut carrier = Carrier::default();
        assert_eq!(contexts(&table, &mut carrier), Some(()));
        let context = carrier.finish().expect("the traceparent is valid");
        assert_eq!(context.span_id, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
    }

    #[test]
    fn tables_within_tables_have_an_end() {
        let mut table = vec![1, b'a', b'V'];
        for _ in 0..200 {
            let mut outer = vec![1, b'a', b'F'];
            outer.extend_from_slice(&(table.len() as u32).to_be_bytes());
            outer.extend_from_slice(&table);
            table = outer;
        }
        assert_eq!(contexts(&table, &mut Carrier::default()), Some(()));
    }

    #[test]
    fn heads_that_no_frame_has() {
        let head = |bytes: &[u8]| FrameHead::read(bytes).map(|head| head.kind);
        assert_eq!(head(&[8, 0, 0, 0, 0, 0, 0]), Ok(FrameType::Heartbeat));
        assert_eq!(head(&[8, 0, 1, 0, 0, 0, 0]), Err(Stop::Bad));
        assert_eq!(head(&[4, 0, 1, 0, 0, 0, 0]), Err(Stop::Bad));
        assert_eq!(head(&[3, 0, 0, 0, 0, 0, 1]), Err(Stop::Bad));
        assert_eq!(head(&[1, 0]), Err(Stop::More));
    }
}
