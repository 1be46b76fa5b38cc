//! Semantic conventions of kafka.

use onlooker_protocol::Exchange;
use onlooker_protocol::kafka::KafkaFacts;

use super::describe::{Description, Place};

pub(super) fn describe(
    _exchange: &Exchange,
    _facts: &KafkaFacts,
    _place: &Place<'_>,
) -> Option<Description> {
    None
}
