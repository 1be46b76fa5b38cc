//! The postgresql protocol.

/// Facts of one exchange.
#[derive(Clone, Debug, Default)]
pub struct PostgresqlFacts {}
