//! Semantic conventions of amqp.

use onlooker_protocol::Exchange;
use onlooker_protocol::amqp::AmqpFacts;

use super::describe::{Description, Place};

pub(super) fn describe(
    _exchange: &Exchange,
    _facts: &AmqpFacts,
    _place: &Place<'_>,
) -> Option<Description> {
    None
}
