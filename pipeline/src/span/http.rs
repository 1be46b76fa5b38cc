//! Semantic conventions of http.

use onlooker_protocol::Exchange;
use onlooker_protocol::http::HttpFacts;

use super::describe::{Description, Place};

pub(super) fn describe(
    _exchange: &Exchange,
    _facts: &HttpFacts,
    _place: &Place<'_>,
) -> Option<Description> {
    None
}
