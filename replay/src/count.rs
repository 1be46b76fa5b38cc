//! What was read, and what could not be.

use std::collections::BTreeMap;

/// How many distinct unknown link types are kept by number.
const MAX_UNKNOWN_LINKS: usize = 16;

/// Counts over one capture. Nothing is left out silently: each frame is in exactly one of
/// `tcp_segments`, `udp_datagrams`, `fragments`, `not_ip`, `unknown_link`, `malformed`, `too_deep` or
/// `other_transport`; one with a tunnel by what is innermost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames in the file.
    pub frames: u64,
    /// Frames of which the capture holds only the head.
    pub cut_frames: u64,
    /// Records of the file that hold no readable frame (an unknown interface, beyond the limit).
    pub unreadable_records: u64,
    /// Frames whose link type is not known, by the number of the type.
    pub unknown_links: BTreeMap<u32, u64>,
    /// All frames whose link type is not known.
    pub unknown_link: u64,
    /// Frames that carry something else than IP (ARP, spanning tree, …).
    pub not_ip: u64,
    /// Frames whose headers contradict themselves or are cut.
    pub malformed: u64,
    /// IP packets that carry neither TCP nor UDP nor a tunnel that is read (ICMP, ESP, …).
    pub other_transport: u64,
    /// The same by IANA's protocol number.
    pub other_transports: BTreeMap<u8, u64>,
    /// Packets that were wrapped in others, by the name of the tunnel; each layer counts.
    pub tunnels: BTreeMap<&'static str, u64>,
    /// Packets within more tunnels than are followed.
    pub too_deep: u64,
    /// IP fragments.
    pub fragments: u64,
    /// Packets put together from fragments. They count as segments or datagrams, too.
    pub reassembled: u64,
    /// Fragments given up, because others of their packet never came or were cut.
    pub fragments_lost: u64,
    /// TCP segments.
    pub tcp_segments: u64,
    /// UDP datagrams.
    pub udp_datagrams: u64,
    /// Connections and UDP flows.
    pub connections: u64,
    /// Connections given up because the table was full.
    pub forgotten: u64,
    /// Payload bytes delivered.
    pub bytes: u64,
    /// Payload bytes that were sent (they were acknowledged, or more came behind them) but are not
    /// in the capture.
    pub missing_bytes: u64,
    /// Payload bytes that had already been seen.
    pub repeated_bytes: u64,
    /// Segments that repeat bytes with another content. The first content seen was kept.
    pub conflicting_overlaps: u64,
    /// Segments of connections that the capture also has under other addresses.
    pub copied_segments: u64,
    /// Datagrams that were captured before, at another place or under other addresses.
    pub copied_datagrams: u64,
    /// Keep-alive probes.
    pub keep_alives: u64,
    /// Segments with payload of a connection that had already ended.
    pub after_end: u64,
    /// Segments whose sequence number is far from anything expected.
    pub out_of_window: u64,
}

impl Counters {
    pub(crate) fn count_unknown_link(&mut self, link: u32) {
        self.unknown_link += 1;
        if self.unknown_links.len() < MAX_UNKNOWN_LINKS || self.unknown_links.contains_key(&link) {
            *self.unknown_links.entry(link).or_default() += 1;
        }
    }
}
