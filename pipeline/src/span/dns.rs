//! Semantic conventions of dns.

use onlooker_protocol::Exchange;
use onlooker_protocol::dns::DnsFacts;

use super::describe::{Description, Place};

pub(super) fn describe(
    _exchange: &Exchange,
    _facts: &DnsFacts,
    _place: &Place<'_>,
) -> Option<Description> {
    None
}
