//! Semantic conventions of mysql.

use onlooker_protocol::Exchange;
use onlooker_protocol::mysql::MysqlFacts;

use super::describe::{Description, Place};

pub(super) fn describe(
    _exchange: &Exchange,
    _facts: &MysqlFacts,
    _place: &Place<'_>,
) -> Option<Description> {
    None
}
