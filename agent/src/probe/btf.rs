//! Reading the kernel's type information (BTF), to learn where struct fields are.
//!
//! The format is `Documentation/bpf/btf.rst`: a header, a type section, a string section. Only
//! structs, unions, modifiers and what it takes to step over the rest are understood.

use std::collections::HashMap;

/// What is wrong with a BTF blob.
#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    /// The kernel has no type information to read.
    #[error(
        "cannot read {path}: {source}; boot a kernel that was built with CONFIG_DEBUG_INFO_BTF (that \
         of a distribution mostly is), and in a container mount the host's /sys"
    )]
    Unreadable {
        /// Where it should be.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Not BTF, or cut.
    #[error("the kernel's type information is malformed at byte {0}")]
    Malformed(usize),
    /// A struct that this kernel does not have.
    #[error("this kernel has no struct {0}")]
    NoStruct(&'static str),
    /// A field that this kernel's struct does not have.
    #[error("this kernel's struct {0} has no field {1}")]
    NoField(&'static str, &'static str),
}

const MAGIC: u16 = 0xeb9f;
const KIND_INT: u32 = 1;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_VAR: u32 = 14;
const KIND_DATASEC: u32 = 15;
const KIND_DECL_TAG: u32 = 17;
const KIND_ENUM64: u32 = 19;
/// How deep anonymous members are followed.
const MOST_NESTING: u32 = 8;

/// The kernel's types.
#[derive(Debug)]
pub struct Btf {
    bytes: Vec<u8>,
    strings: usize,
    /// Where each type's record is; type 0 is void.
    types: Vec<usize>,
    structs: HashMap<Vec<u8>, u32>,
}

impl Btf {
    /// Where the running kernel has it.
    pub const PATH: &'static str = "/sys/kernel/btf/vmlinux";

    /// Reads the running kernel's.
    ///
    /// # Errors
    ///
    /// The file is missing, unreadable, or not BTF.
    pub fn of_kernel() -> Result<Self, BtfError> {
        let bytes = std::fs::read(Self::PATH)
            .map_err(|source| BtfError::Unreadable { path: Self::PATH.to_owned(), source })?;
        Self::parse(bytes)
    }

    /// Parses a blob.
    ///
    /// # Errors
    ///
    /// It is not BTF, or cut.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, BtfError> {
        let mut btf = Self { bytes, strings: 0, types: vec![0], structs: HashMap::new() };
        let magic = u16::from_le_bytes([btf.byte(0)?, btf.byte(1)?]);
        if magic != MAGIC {
            return Err(BtfError::Malformed(0));
        }
        let header = btf.word(4)? as usize;
        let first = header.saturating_add(btf.word(8)? as usize);
        let length = btf.word(12)? as usize;
        btf.strings = header.saturating_add(btf.word(16)? as usize);
        let end = first.saturating_add(length).min(btf.bytes.len());
        let mut at = first;
        while at < end {
            let (kind, count) = btf.kind_and_count(at)?;
            if kind == KIND_STRUCT {
                let name = btf.name(btf.word(at)?)?.to_vec();
                let id = btf.types.len() as u32;
                btf.structs.entry(name).or_insert(id);
            }
            btf.types.push(at);
            let more = match kind {
                KIND_INT | KIND_VAR | KIND_DECL_TAG => 4,
                KIND_ARRAY => 12,
                KIND_STRUCT | KIND_UNION | KIND_DATASEC | KIND_ENUM64 => 12 * count,
                KIND_ENUM | KIND_FUNC_PROTO => 8 * count,
                _ => 0,
            };
            at = at.saturating_add(12).saturating_add(more);
        }
        Ok(btf)
    }

    /// The offset of a field in bytes, through anonymous members; dots lead into named ones.
    ///
    /// # Errors
    ///
    /// There is no such struct or field.
    pub fn offset(&self, name: &'static str, field: &'static str) -> Result<u32, BtfError> {
        let id = *self.structs.get(name.as_bytes()).ok_or(BtfError::NoStruct(name))?;
        let (mut id, mut total) = (id, 0);
        for step in field.split('.') {
            let (offset, member) =
                self.member(id, step.as_bytes(), 0)?.ok_or(BtfError::NoField(name, field))?;
            total += offset;
            id = member;
        }
        Ok(total)
    }

    /// Finds a member: its offset in bytes and its type.
    fn member(&self, id: u32, field: &[u8], depth: u32) -> Result<Option<(u32, u32)>, BtfError> {
        let Some(at) = self.resolve(id)? else { return Ok(None) };
        let (kind, count) = self.kind_and_count(at)?;
        if (kind != KIND_STRUCT && kind != KIND_UNION) || depth > MOST_NESTING {
            return Ok(None);
        }
        let bitfields = self.word(at + 4)? >> 31 == 1;
        for n in 0..count {
            let member = at + 12 + 12 * n;
            let name = self.name(self.word(member)?)?;
            let inner = self.word(member + 4)?;
            let bits = self.word(member + 8)?;
            let bits = if bitfields { bits & 0x00ff_ffff } else { bits };
            if name == field {
                return Ok(Some((bits / 8, inner)));
            }
            if name.is_empty()
                && let Some((offset, found)) = self.member(inner, field, depth + 1)?
            {
                return Ok(Some((bits / 8 + offset, found)));
            }
        }
        Ok(None)
    }

    /// Steps over const, volatile, typedef and the like.
    fn resolve(&self, mut id: u32) -> Result<Option<usize>, BtfError> {
        for _ in 0..MOST_NESTING {
            let Some(&at) = self.types.get(id as usize) else { return Ok(None) };
            if id == 0 {
                return Ok(None);
            }
            match self.kind_and_count(at)?.0 {
                // TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG
                8..=11 | 18 => id = self.word(at + 8)?,
                _ => return Ok(Some(at)),
            }
        }
        Ok(None)
    }

    fn kind_and_count(&self, at: usize) -> Result<(u32, usize), BtfError> {
        let info = self.word(at + 4)?;
        Ok(((info >> 24) & 0x1f, (info & 0xffff) as usize))
    }

    fn name(&self, offset: u32) -> Result<&[u8], BtfError> {
        let start = self.strings.saturating_add(offset as usize);
        let rest = self.bytes.get(start..).ok_or(BtfError::Malformed(start))?;
        Ok(rest.split(|&byte| byte == 0).next().unwrap_or_default())
    }

    fn byte(&self, at: usize) -> Result<u8, BtfError> {
        self.bytes.get(at).copied().ok_or(BtfError::Malformed(at))
    }

    fn word(&self, at: usize) -> Result<u32, BtfError> {
        let bytes = self.bytes.get(at..at.saturating_add(4)).ok_or(BtfError::Malformed(at))?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_fields_of_the_running_kernel_in_their_known_order() {
        let Ok(btf) = Btf::of_kernel() else {
            eprintln!("skipped: this kernel shows no BTF");
            return;
        };
        // struct iovec { void *iov_base; size_t iov_len; } is user ABI.
        assert_eq!(btf.offset("iovec", "iov_base").unwrap(), 0);
        assert_eq!(btf.offset("iovec", "iov_len").unwrap(), 8);
        // In sock_common by way of a union of anonymous structs.
        assert_eq!(btf.offset("sock_common", "skc_daddr").unwrap(), 0);
        assert!(btf.offset("sock", "sk_protocol").unwrap() > 0);
        assert!(matches!(btf.offset("iovec", "nothing"), Err(BtfError::NoField(..))));
        assert!(matches!(btf.offset("no_such", "x"), Err(BtfError::NoStruct(_))));
    }

    #[test]
    fn cut_and_foreign_blobs_are_errors() {
        assert!(Btf::parse(Vec::new()).is_err());
        assert!(Btf::parse(vec![0; 64]).is_err());
        if let Ok(whole) = std::fs::read(Btf::PATH) {
            for cut in [1, 10, 24, 1000] {
                let _ = Btf::parse(whole[..cut].to_vec());
            }
        }
    }
}
