//! The dns protocol.

/// Facts of one exchange.
#[derive(Clone, Debug, Default)]
pub struct DnsFacts {}
