//! The mysql protocol.

/// Facts of one exchange.
#[derive(Clone, Debug, Default)]
pub struct MysqlFacts {}
