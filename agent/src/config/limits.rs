//! How much a span may carry.

use serde::Deserialize;

/// The `limits` section: span and attribute limits of the OpenTelemetry specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Attributes of a span (`OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`).
    pub attributes: usize,
    /// Characters of an attribute's text; `None` is no limit
    /// (`OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`).
    pub value_length: Option<usize>,
    /// Links of a span (`OTEL_SPAN_LINK_COUNT_LIMIT`).
    pub links: usize,
    /// Attributes of a link (`OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`).
    pub link_attributes: usize,
}

impl Limits {
    /// No limits: resources are exempt from them.
    pub(crate) const fn none() -> Self {
        Self {
            attributes: usize::MAX,
            value_length: None,
            links: usize::MAX,
            link_attributes: usize::MAX,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { attributes: 128, value_length: None, links: 128, link_attributes: 128 }
    }
}
