//! HPACK (RFC 7541) for a reader that may have come late.
//!
//! A [`Decoder`] follows one direction of a connection. What it has not seen being inserted stays
//! [`Field::Unknown`]; nothing that it reports is a guess.

mod huffman;
mod mask;
mod static_table;
mod table;

#[cfg(test)]
mod tests;

pub(in crate::http2) use mask::masked;

use static_table::STATIC_TABLE;
use table::{Entry, Found, Name, Table};

pub use table::Older;

/// One field line of a block, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// Name and value.
    Known(&'a [u8], &'a [u8]),
    /// A value under a name that was inserted before this reader came, with the entry.
    Unnamed(&'a [u8], Older),
    /// An entry that was inserted before this reader came.
    Unknown(Older),
}

/// Why a block could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The block ends within a field.
    Truncated,
    /// An integer greater than 32 bits (§5.1).
    Integer,
    /// A string that is not Huffman code (§5.2).
    Huffman,
    /// An index of no entry (§2.3.3), or index 0 (§6.1).
    Index,
    /// A size update behind a field (§4.2).
    SizeUpdate,
}

/// The state of one direction.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    /// Scratch: a name and a value after Huffman decoding.
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Decoder {
    /// What it takes beyond its own size, in bytes.
    pub fn held(&self) -> usize {
        self.table.held() + self.name.capacity() + self.value.capacity()
    }

    /// For a direction that is read from its first byte.
    #[must_use]
    pub const fn from_start() -> Self {
        Self { table: Table::empty(), name: Vec::new(), value: Vec::new() }
    }

    /// For a direction that has been running.
    #[must_use]
    pub const fn late() -> Self {
        Self { table: Table::unknown(), name: Vec::new(), value: Vec::new() }
    }

    /// Forgets everything: a block was lost, and with it the count of insertions.
    pub fn forget(&mut self) {
        self.table = Table::unknown();
    }

    /// Gives an entry its name, which the use of HTTP/2 shows. Fields that take their name from it are known
    /// from here on.
    pub fn learn(&mut self, older: Older, name: &'static [u8]) {
        self.table.learn(older, name);
    }

    /// Reads a block, and gives each field in order.
    ///
    /// # Errors
    ///
    /// If the block is cut or malformed. The fields given before are right all the same;
    /// everything else is forgotten, since insertions of the rest are not known.
    pub fn decode(&mut self, block: &[u8], mut take: impl FnMut(Field<'_>)) -> Result<(), Error> {
        let result = self.fields(block, &mut take);
        if result.is_err() {
            self.forget();
        }
        result
    }

    fn fields(&mut self, block: &[u8], take: &mut impl FnMut(Field<'_>)) -> Result<(), Error> {
        let mut reader = Reader(block);
        let mut fields = false;
        while let Some(&first) = reader.0.first() {
            match first {
                // §6.1: indexed field.
                0x80.. => {
                    let index = reader.integer(7)?;
                    take(self.indexed(index)?);
                }
                // §6.2.1: literal with incremental indexing.
                0x40.. => self.literal(&mut reader, 6, true, take)?,
                // §6.3: dynamic table size update. §4.2: only at the beginning of a block.
                0x20.. if fields => return Err(Error::SizeUpdate),
                0x20.. => {
                    let size = reader.integer(5)?;
                    self.table.resize(size);
                    continue;
                }
                // §6.2.2 and §6.2.3: literal without indexing, and never indexed.
                _ => self.literal(&mut reader, 4, false, take)?,
            }
            fields = true;
        }
        Ok(())
    }

    fn indexed(&self, index: usize) -> Result<Field<'_>, Error> {
        let place = index.checked_sub(1).ok_or(Error::Index)?;
        if let Some((name, value)) = STATIC_TABLE.get(place) {
            return Ok(Field::Known(name, value));
        }
        match self.table.get(place - STATIC_TABLE.len()) {
            Found::Entry(entry) => Ok(match self.table.name(&entry.name) {
                Ok(name) => Field::Known(name, &entry.value),
                Err(older) => Field::Unnamed(&entry.value, older),
            }),
            Found::Unknown(older) => Ok(Field::Unknown(older)),
            Found::Nothing => Err(Error::Index),
        }
    }

    fn literal(
        &mut self,
        reader: &mut Reader<'_>,
        prefix: u32,
        insert: bool,
        take: &mut impl FnMut(Field<'_>),
    ) -> Result<(), Error> {
        let index = reader.integer(prefix)?;
        if index == 0 {
            self.name.clear();
            reader.string(&mut self.name)?;
        }
        self.value.clear();
        reader.string(&mut self.value)?;

        if !insert {
            let name = match index {
                0 => Ok(&self.name[..]),
                _ => self.name_at(index)?,
            };
            take(match name {
                Ok(name) => Field::Known(name, &self.value),
                Err(older) => Field::Unnamed(&self.value, older),
            });
            return Ok(());
        }
        let name = match index {
            0 => Name::Literal(self.name.as_slice().into()),
            _ => match STATIC_TABLE.get(index - 1) {
                Some((name, _)) => Name::Static(name),
                None => {
                    self.name_at(index)?.map_or_else(Name::Older, |it| Name::Literal(it.into()))
                }
            },
        };
        take(match self.table.name(&name) {
            Ok(name) => Field::Known(name, &self.value),
            Err(older) => Field::Unnamed(&self.value, older),
        });
        self.table.insert(Entry { name, value: self.value.as_slice().into() });
        Ok(())
    }

    /// A name, or the entry that has it.
    fn name_at(&self, index: usize) -> Result<Result<&[u8], Older>, Error> {
        Ok(match self.indexed(index)? {
            Field::Known(name, _) => Ok(name),
            Field::Unnamed(_, older) => Err(older),
            Field::Unknown(older) => self.table.name_of(older).ok_or(older),
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, Error> {
        let (&byte, rest) = self.0.split_first().ok_or(Error::Truncated)?;
        self.0 = rest;
        Ok(byte)
    }

    /// An integer behind the flags of its first byte (§5.1).
    fn integer(&mut self, prefix: u32) -> Result<usize, Error> {
        let mask = (1u8 << prefix) - 1;
        let start = self.byte()? & mask;
        let mut value = u64::from(start);
        if start < mask {
            return Ok(value as usize);
        }
        // Five continuation bytes reach beyond 32 bits.
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value += u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map(|it| it as usize).map_err(|_| Error::Integer);
            }
        }
        Err(Error::Integer)
    }

    /// A string literal (§5.2), appended to `out`.
    fn string(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let huffman = self.0.first().is_some_and(|byte| byte & 0x80 != 0);
        let length = self.integer(7)?;
        let (string, rest) = self.0.split_at_checked(length).ok_or(Error::Truncated)?;
        self.0 = rest;
        if huffman {
            huffman::decode(string, out)
        } else {
            out.extend_from_slice(string);
            Ok(())
        }
    }
}
