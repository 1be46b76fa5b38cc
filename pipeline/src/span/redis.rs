//! Semantic conventions of redis.

use onlooker_protocol::Exchange;
use onlooker_protocol::redis::RedisFacts;

use super::describe::{Description, Place};

pub(super) fn describe(
    _exchange: &Exchange,
    _facts: &RedisFacts,
    _place: &Place<'_>,
) -> Option<Description> {
    None
}
