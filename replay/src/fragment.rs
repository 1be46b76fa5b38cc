//! IP packets put together from their fragments.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::ip::Packet;

/// How many packets can be in pieces at a time. The oldest is given up for a new one.
pub const MAX_PENDING: usize = 256;
/// How long a packet's fragments are waited for, in nanoseconds of the capture's clock (RFC 8200,
/// section 4.5: 60 seconds).
pub const PATIENCE: u64 = 60_000_000_000;
/// The longest payload that fragments can make, in bytes.
const MAX_PACKET: u64 = 65_535;

/// RFC 791 section 3.2 and RFC 8200 section 4.5: what the fragments of one packet share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    identification: u32,
}

#[derive(Debug, Default)]
struct Pending {
    /// When the first fragment came.
    since: u64,
    count: u64,
    /// Payloads by offset, without overlap: the bytes seen first stay.
    pieces: BTreeMap<u32, Vec<u8>>,
    /// The protocol that the first fragment names (in IPv6 the later ones need not).
    protocol: u8,
    /// Length of the whole, once the last fragment is here.
    total: Option<u32>,
}

/// Packets in pieces.
#[derive(Debug, Default)]
pub struct Fragments {
    pending: HashMap<Key, Pending>,
    lost: u64,
}

/// A packet put together.
#[derive(Debug, PartialEq, Eq)]
pub struct Whole {
    /// What the payload is, by IANA's number.
    pub protocol: u8,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Fragments {
    /// Takes a fragment that came at `time`. Gives the packet if that was its last piece.
    pub fn push(&mut self, packet: &Packet<'_>, time: u64) -> Option<Whole> {
        let fragment = packet.fragment?;
        let end = u64::from(fragment.offset) + packet.wire_len;
        if (packet.payload.len() as u64) < packet.wire_len || end > MAX_PACKET {
            self.lost += 1;
            return None;
        }
        let key = Key {
            source: packet.source,
            destination: packet.destination,
            protocol: if packet.source.is_ipv4() { packet.protocol } else { 0 },
            identification: fragment.identification,
        };
        if self.pending.get(&key).is_some_and(|old| old.since.saturating_add(PATIENCE) < time) {
            self.give_up(key);
        }
        if !self.pending.contains_key(&key) {
            self.make_room();
        }
        let pending = self
            .pending
            .entry(key)
            .or_insert_with(|| Pending { since: time, ..Pending::default() });
        pending.count += 1;
        pending.insert(fragment.offset, packet.payload);
        if fragment.offset == 0 {
            pending.protocol = packet.protocol;
        }
        if !fragment.more {
            pending.total = Some(end as u32);
        }
        let payload = pending.whole()?;
        let protocol = pending.protocol;
        self.pending.remove(&key);
        Some(Whole { protocol, payload })
    }

    /// Fragments given up since the last call.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Gives up all that is in pieces.
    pub fn finish(&mut self) {
        self.lost += self.pending.drain().map(|(_, pending)| pending.count).sum::<u64>();
    }

    fn make_room(&mut self) {
        if self.pending.len() < MAX_PENDING {
            return;
        }
        if let Some((&oldest, _)) = self.pending.iter().min_by_key(|(_, pending)| pending.since) {
            self.give_up(oldest);
        }
    }

    fn give_up(&mut self, key: Key) {
        self.lost += self.pending.remove(&key).map_or(0, |pending| pending.count);
    }
}

impl Pending {
    /// Adds what the pieces do not cover yet.
    fn insert(&mut self, offset: u32, payload: &[u8]) {
        let mut at = offset;
        let end = offset + payload.len() as u32;
        while at < end {
            let before = self.pieces.range(..=at).next_back();
            if let Some(covered) = before.map(|(start, piece)| start + piece.len() as u32)
                && covered > at
            {
                at = covered;
                continue;
            }
            let next = self.pieces.range(at..).next().map_or(end, |(start, _)| end.min(*start));
            let range = (at - offset) as usize..(next - offset) as usize;
            self.pieces.insert(at, payload.get(range).unwrap_or_default().to_vec());
            at = next;
        }
    }

    fn whole(&self) -> Option<Vec<u8>> {
        let total = self.total?;
        let mut payload = Vec::new();
        for (start, piece) in &self.pieces {
            if *start as usize != payload.len() {
                return None;
            }
            payload.extend_from_slice(piece);
        }
        (payload.len() >= total as usize).then(|| {
            payload.truncate(total as usize);
            payload
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{Fragments, MAX_PENDING, PATIENCE, Whole};
    use crate::ip::{Fragment, Packet, UDP};

    fn piece(identification: u32, offset: u32, more: bool, payload: &[u8]) -> Packet<'_> {
        Packet {
            source: Ipv4Addr::new(10, 0, 0, 1).into(),
            destination: Ipv4Addr::new(10, 0, 0, 2).into(),
            protocol: UDP,
            payload,
            wire_len: payload.len() as u64,
            fragment: Some(Fragment { identification, offset, more }),
        }
    }

    #[test]
    fn pieces_come_together_in_any_order() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.push(&piece(1, 8, true, b"ijklmnop"), 0), None);
        assert_eq!(fragments.push(&piece(2, 0, true, b"another."), 0), None);
        assert_eq!(fragments.push(&piece(1, 16, false, b"qr"), 0), None);
        let whole = Whole { protocol: UDP, payload: b"abcdefghijklmnopqr".to_vec() };
        assert_eq!(fragments.push(&piece(1, 0, true, b"abcdefgh"), 0), Some(whole));
        fragments.finish();
        assert_eq!(fragments.take_lost(), 1);
    }

    #[test]
    fn bytes_seen_first_stay() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.push(&piece(1, 0, true, b"abcdefgh"), 0), None);
        let whole = fragments.push(&piece(1, 0, false, b"ABCDEFGHij"), 0);
        assert_eq!(whole.map(|whole| whole.payload), Some(b"abcdefghij".to_vec()));
    }

    #[test]
    fn patience_and_room_are_limited() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.push(&piece(1, 0, true, b"abcdefgh"), 0), None);
        assert_eq!(fragments.push(&piece(1, 8, false, b"ij"), PATIENCE + 1), None);
        assert_eq!(fragments.take_lost(), 1);
        for n in 0..MAX_PENDING as u32 {
            assert_eq!(fragments.push(&piece(100 + n, 0, true, b"abcdefgh"), u64::from(n)), None);
        }
        assert_eq!(fragments.take_lost(), 1);
        assert_eq!(fragments.pending.len(), MAX_PENDING);
    }

    #[test]
    fn cut_and_overlong_pieces_are_lost() {
        let mut fragments = Fragments::default();
        let mut cut = piece(1, 0, true, b"abcdefgh");
        cut.wire_len = 16;
        assert_eq!(fragments.push(&cut, 0), None);
        assert_eq!(fragments.push(&piece(1, 65_528, false, b"abcdefgh"), 0), None);
        assert_eq!(fragments.take_lost(), 2);
    }
}
