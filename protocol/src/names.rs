//! Names of fields: the few that are read, told fast from the many that are not.

/// A set of names that is quick about those that are not in it.
///
/// Whether a name may be one of them is told from its length and its first letter, which nearly no
/// other field shares: a message has ten fields, and each is shown to several readers.
#[derive(Debug)]
pub struct Names {
    /// By length: the first letters, in their five low bits.
    firsts: [u32; Self::LONGEST],
}

impl Names {
    /// No name is as long as this, in bytes.
    const LONGEST: usize = 32;

    /// Names that are all in lower case and shorter than 32 bytes.
    #[must_use]
    pub const fn new(names: &[&[u8]]) -> Self {
        let mut firsts = [0; Self::LONGEST];
        let mut at = 0;
        while at < names.len() {
            firsts[names[at].len()] |= 1 << (names[at][0] & 31);
            at += 1;
        }
        Self { firsts }
    }

    /// The names of several sets.
    #[must_use]
    pub const fn union(sets: &[&Self]) -> Self {
        let mut firsts = [0; Self::LONGEST];
        let mut set = 0;
        while set < sets.len() {
            let mut length = 0;
            while length < Self::LONGEST {
                firsts[length] |= sets[set].firsts[length];
                length += 1;
            }
            set += 1;
        }
        Self { firsts }
    }

    /// Every name that is shorter than 32 bytes.
    pub const ALL: Self = Self { firsts: [u32::MAX; Self::LONGEST] };

    /// Whether `name`, in any case, may be one of them; it is surely none if not.
    #[inline]
    #[must_use]
    pub fn may_hold(&self, name: &[u8]) -> bool {
        let firsts = self.firsts.get(name.len()).copied().unwrap_or_default();
        name.first().is_some_and(|first| firsts >> (first & 31) & 1 == 1)
    }
}

/// Whether `name` is the field `lower`, in any case. `usual` is how most senders spell it.
#[inline]
pub(crate) fn is<const N: usize>(name: &[u8], usual: &[u8; N], lower: &[u8; N]) -> bool {
    name == usual || name == lower || name.eq_ignore_ascii_case(lower)
}

#[cfg(test)]
mod tests {
    use super::{Names, is};

    #[test]
    fn no_name_is_missed() {
        let names = Names::new(&[b"host", b"x-forwarded-for", b"b3"]);
        for name in ["host", "Host", "HOST", "X-Forwarded-For", "b3", "B3"] {
            assert!(names.may_hold(name.as_bytes()), "{name}");
        }
        let more = Names::union(&[&names, &Names::new(&[b"accept"])]);
        assert!(more.may_hold(b"Accept") && more.may_hold(b"host") && !more.may_hold(b"date"));
        assert!(Names::ALL.may_hold(b"anything") && !Names::ALL.may_hold(b""));
        for name in ["", "accept", "date", "h", "x-forwarded-fo", &"h".repeat(40)] {
            assert!(!names.may_hold(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn case_does_not_matter() {
        for name in [b"Host", b"host", b"HOST", b"hOsT"] {
            assert!(is(name, b"Host", b"host"));
        }
        assert!(!is(b"hosts", b"Host", b"host") && !is(b"hos\x14", b"Host", b"host"));
    }
}
