//! What the span limits leave of a span (OpenTelemetry specification, "Span Limits" and
//! "Attribute Limits").

use std::borrow::Cow;

use onlooker_pipeline::span::{Attributes, Link, Span, Value};

use crate::config::Limits;

/// A key and its value.
pub(super) type Attribute = (Cow<'static, str>, Value);

/// The attribute that says why a span has its parent.
pub(super) const EVIDENCE: &str = "onlooker.parent.evidence";

/// The parts of a span that may be exported, and how many were left out.
#[derive(Debug)]
pub(super) struct Limited<'a> {
    pub(super) attributes: &'a [Attribute],
    /// The value of [`EVIDENCE`]; it counts as an attribute and is the last to go.
    pub(super) evidence: Option<&'static str>,
    pub(super) dropped_attributes: u32,
    pub(super) links: &'a [Link],
    pub(super) dropped_links: u32,
}

impl<'a> Limited<'a> {
    pub(super) fn new(span: &'a Span, limits: &Limits) -> Self {
        let evidence = span.evidence.map(|evidence| evidence.name());
        let kept_evidence = evidence.filter(|_| limits.attributes > 0);
        let room = limits.attributes - usize::from(kept_evidence.is_some());
        let (attributes, mut dropped_attributes) = first(&span.attributes.0, room);
        dropped_attributes += u32::from(evidence.is_some() && kept_evidence.is_none());
        let (links, dropped_links) = first(&span.links, limits.links);
        Self { attributes, evidence: kept_evidence, dropped_attributes, links, dropped_links }
    }
}

/// A link's attributes and how many were left out.
pub(super) fn link_attributes<'a>(
    attributes: &'a Attributes,
    limits: &Limits,
) -> (&'a [Attribute], u32) {
    first(&attributes.0, limits.link_attributes)
}

/// The part of a text that the length limit (in characters) leaves.
pub(super) fn cut<'a>(text: &'a str, limits: &Limits) -> &'a str {
    match limits.value_length {
        // A text has at most as many characters as bytes.
        Some(length) if text.len() > length => match text.char_indices().nth(length) {
            Some((end, _)) => text.get(..end).unwrap_or(text),
            None => text,
        },
        _ => text,
    }
}

fn first<T>(all: &[T], most: usize) -> (&[T], u32) {
    match all.split_at_checked(most) {
        Some((kept, left)) => (kept, u32::try_from(left.len()).unwrap_or(u32::MAX)),
        None => (all, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::{Limited, cut};
    use crate::config::Limits;
    use crate::sink::sample;

    #[test]
    fn attributes_beyond_the_limit_are_counted_and_the_evidence_stays() {
        let span = sample::client();
        let all = span.attributes.0.len();
        assert!(all > 2 && span.evidence.is_some());
        let limits = Limits { attributes: 2, ..Limits::default() };
        let limited = Limited::new(&span, &limits);
        assert_eq!(limited.attributes.len(), 1);
        assert!(limited.evidence.is_some());
        assert_eq!(limited.dropped_attributes as usize, all - 1);

        let none = Limited::new(&span, &Limits { attributes: 0, ..limits }).dropped_attributes;
        assert_eq!(none as usize, all + 1);
    }

    #[test]
    fn values_are_cut_by_characters() {
        let limits = Limits { value_length: Some(3), ..Limits::default() };
        assert_eq!(cut("äöüß", &limits), "äöü");
        assert_eq!(cut("äöü", &limits), "äöü");
        assert_eq!(cut("abc", &limits), "abc");
        assert_eq!(cut("anything", &Limits::default()), "anything");
    }
}
