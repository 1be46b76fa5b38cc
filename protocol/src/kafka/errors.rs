//! Errors inside responses: one for each topic, partition, group or resource that was asked for.
//!
//! A response is walked by its [`Shape`], a description of its fields that ends at the last one
//! with an error; [`shapes`](super::shapes) has one for each request.

use super::body::{Body, Step};
use super::known::Known;
use super::request::Asked;
use super::shapes;
use super::wire::{Cursor, Read, Stop};
use super::{Api, ErrorCode};

/// The fields of a response or of an array's element, in the order of the wire.
pub(super) type Shape = &'static [Field];

/// One field, and the versions that have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    from: i16,
    to: i16,
    kind: Kind,
}

/// What a field is made of.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// So many bytes: numbers, booleans, ids.
    Pass(u8),
    Text,
    Bytes,
    Error,
    /// An array of numbers of so many bytes.
    Ints(u8),
    Texts,
    /// A structure.
    One(Shape),
    /// An array of structures.
    Each(Shape),
}

/// A string, which may be null.
pub(super) const TEXT: Field = field(Kind::Text);
/// Bytes or records, which may be null.
pub(super) const BYTES: Field = field(Kind::Bytes);
/// An error code.
pub(super) const ERROR: Field = field(Kind::Error);
/// An array of strings.
pub(super) const TEXTS: Field = field(Kind::Texts);

/// Numbers of `width` bytes in all.
pub(super) const fn pass(width: u8) -> Field {
    field(Kind::Pass(width))
}

/// An array of numbers of `width` bytes.
pub(super) const fn ints(width: u8) -> Field {
    field(Kind::Ints(width))
}

/// A structure.
pub(super) const fn one(fields: Shape) -> Field {
    field(Kind::One(fields))
}

/// An array of structures.
pub(super) const fn each(fields: Shape) -> Field {
    field(Kind::Each(fields))
}

/// The same field, in versions from `from` on.
pub(super) const fn since(from: i16, field: Field) -> Field {
    Field { from, ..field }
}

/// The same field, in versions up to `to`.
pub(super) const fn until(to: i16, field: Field) -> Field {
    Field { to, ..field }
}

const fn field(kind: Kind) -> Field {
    Field { from: 0, to: i16::MAX, kind }
}

/// A response in the course of being searched for its error.
#[derive(Debug)]
pub(super) struct ErrorsResponse {
    version: i16,
    flexible: bool,
    /// The structures that the next field is in, the outermost first; as many as a shape is deep.
    levels: Vec<Level>,
    error: Option<ErrorCode>,
}

/// An array in hand.
#[derive(Clone, Copy, Debug)]
struct Level {
    fields: Shape,
    /// Which field of the element comes next.
    at: usize,
    /// Elements to come, that in hand included.
    left: u32,
}

impl ErrorsResponse {
    /// `None` for responses that tell of no errors, or whose form is not known.
    pub(super) fn of(asked: &Asked) -> Option<Self> {
        let Asked { api, version, .. } = *asked;
        // A broker that does not know the version of ApiVersions answers with that error in the
        // form of version 0 (KIP-511); the error comes first in every version.
        if api != Api::API_VERSIONS && !asked.is_known() {
            return None;
        }
        let fields = shapes::of(api, version)?;
        let levels = vec![Level { fields, at: 0, left: 1 }];
        Some(Self { version, flexible: api.is_flexible(version), levels, error: None })
    }

    /// The first error, in the order of the wire.
    pub(super) fn error(&self) -> Option<ErrorCode> {
        self.error
    }

    fn note(&mut self, code: i16) {
        // Where one element failed, the others say that they were not tried.
        if self.error.is_none_or(|error| error == ErrorCode::OPERATION_NOT_ATTEMPTED) {
            self.error = ErrorCode::new(code).or(self.error);
        }
    }

    /// Reads one field; how many bytes behind it are passed over, and what array it opens.
    fn field(&mut self, kind: Kind, fields: &mut Cursor<'_>) -> Read<(u64, Option<Level>)> {
        let mut passed = 0;
        match kind {
            Kind::Pass(width) => passed = width.into(),
            Kind::Text => drop(fields.string(self.flexible)?),
            Kind::Bytes => passed = fields.records_len(self.flexible)?,
            Kind::Ints(width) => {
                passed = u64::from(fields.count(self.flexible)?) * u64::from(width);
            }
            Kind::Texts => {
                for _ in 0..fields.count(self.flexible)? {
                    fields.string(self.flexible)?;
                }
            }
            Kind::Error => {
                let code = fields.int16()?;
                self.note(code);
            }
            Kind::One(inner) => return Ok((0, Some(Level { fields: inner, at: 0, left: 1 }))),
            Kind::Each(inner) => {
                let left = fields.count(self.flexible)?;
                return Ok((0, Some(Level { fields: inner, at: 0, left })));
            }
        }
        Ok((passed, None))
    }
}

impl Body for ErrorsResponse {
    fn step(&mut self, fields: &mut Cursor<'_>, _: &mut Known) -> Read<Step> {
        let is_outermost = self.levels.len() == 1;
        let Some(level) = self.levels.last_mut() else { return Err(Stop::Bad) };
        if level.left == 0 {
            self.levels.pop();
            return Ok(Step::Next);
        }
        let Some(field) = level.fields.get(level.at).copied() else {
            if is_outermost {
                return Ok(Step::Rest);
            }
            fields.tags(self.flexible)?;
            level.left -= 1;
            level.at = 0;
            return Ok(Step::Next);
        };
        let mut passed = 0;
        let mut opened = None;
        if (field.from..=field.to).contains(&self.version) {
            (passed, opened) = self.field(field.kind, fields)?;
        }
        if let Some(level) = self.levels.last_mut() {
            level.at += 1;
        }
        self.levels.extend(opened);
        Ok(if passed > 0 { Step::Skip(passed) } else { Step::Next })
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Kind};
    use crate::kafka::shapes;

    /// Whether every element of every array takes bytes, whatever the version: a count that was
    /// made up cannot make work then.
    fn takes_bytes(fields: &[Field], versions: std::ops::RangeInclusive<i16>) -> bool {
        fields.iter().all(|field| {
            let (from, to) = (field.from.max(*versions.start()), field.to.min(*versions.end()));
            match field.kind {
                Kind::Pass(width) | Kind::Ints(width) => width > 0,
                Kind::Each(inner) | Kind::One(inner) => {
                    takes_bytes(inner, from..=to)
                        && (from..=to).all(|version| {
                            inner.iter().any(|it| (it.from..=it.to).contains(&version))
                        })
                }
                _ => true,
            }
        })
    }

    #[test]
    fn elements_take_bytes() {
        for entry in shapes::SHAPES {
            assert!(takes_bytes(entry.fields, entry.from..=entry.to.min(99)), "{entry:?}");
        }
    }

    #[test]
    fn keys_are_in_order_and_versions_are_known() {
        assert!(shapes::SHAPES.is_sorted_by(|one, next| one.api.0 < next.api.0));
        for entry in shapes::SHAPES {
            let highest = entry.api.highest().expect("it is in the table");
            assert!(entry.to == i16::MAX || entry.to <= highest, "{entry:?}");
        }
    }
}
