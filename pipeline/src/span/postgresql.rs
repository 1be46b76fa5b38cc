//! Semantic conventions of postgresql.

use onlooker_protocol::Exchange;
use onlooker_protocol::postgresql::PostgresqlFacts;

use super::describe::{Description, Place};

pub(super) fn describe(
    _exchange: &Exchange,
    _facts: &PostgresqlFacts,
    _place: &Place<'_>,
) -> Option<Description> {
    None
}
