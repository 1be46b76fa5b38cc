//! Semantic conventions of grpc.

use onlooker_protocol::Exchange;
use onlooker_protocol::grpc::GrpcFacts;

use super::describe::{Description, Place};

pub(super) fn describe(
    _exchange: &Exchange,
    _facts: &GrpcFacts,
    _place: &Place<'_>,
) -> Option<Description> {
    None
}
