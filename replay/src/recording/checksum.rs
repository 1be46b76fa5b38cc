//! CRC-32 of IEEE 802.3 (reflected, polynomial 0x04C11DB7), as Ethernet, gzip and PNG use it.

static TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

/// The checksum of bytes.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    let sum =
        bytes.iter().fold(u32::MAX, |sum, &byte| TABLE[usize::from(sum as u8 ^ byte)] ^ (sum >> 8));
    !sum
}

#[cfg(test)]
mod tests {
    /// The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms, and the
    /// checksum of PNG's IEND chunk (PNG specification, annex).
    #[test]
    fn published_values() {
        assert_eq!(super::checksum(b"123456789"), 0xcbf4_3926);
        assert_eq!(super::checksum(b"IEND"), 0xae42_6082);
        assert_eq!(super::checksum(b""), 0);
    }
}
