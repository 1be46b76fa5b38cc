//! Responses that carry one error for the whole request: those of groups, transactions and SASL.

use super::body::{Body, Step};
use super::known::Known;
use super::wire::{Cursor, Read, Stop};
use super::{Api, ErrorCode};

/// The highest error code that is believed, far above the highest there is (133 in Kafka 4.1).
const MOST_CODE: i16 = 512;

/// The response in the course of being read.
#[derive(Debug)]
pub(super) struct StatusResponse {
    has_throttle_time: bool,
    pub(super) error: Option<ErrorCode>,
}

impl StatusResponse {
    /// The response of a request, if its error stands at the front, alone or behind the throttle
    /// time (message definitions `*Response.json`).
    pub(super) fn new(api: Api, version: i16) -> Option<Self> {
        let first_with_throttle_time = match api {
            Api::SASL_HANDSHAKE | Api::SASL_AUTHENTICATE => i16::MAX,
            Api::JOIN_GROUP => 2,
            Api::HEARTBEAT | Api::LEAVE_GROUP | Api::SYNC_GROUP => 1,
            // From version 4 on there is an error for each coordinator.
            Api::FIND_COORDINATOR if version < 4 => 1,
            Api::INIT_PRODUCER_ID
            | Api::ADD_OFFSETS_TO_TXN
            | Api::END_TXN
            | Api::CONSUMER_GROUP_HEARTBEAT => 0,
            _ => return None,
        };
        Some(Self { has_throttle_time: version >= first_with_throttle_time, error: None })
    }
}

impl Body for StatusResponse {
    fn step(&mut self, fields: &mut Cursor<'_>, _known: &mut Known) -> Read<Step> {
        if self.has_throttle_time {
            fields.int32()?;
        }
        let code = fields.int16()?;
        // Codes are few and close together: anything else is the middle of another message.
        if !(-1..=MOST_CODE).contains(&code) {
            return Err(Stop::Bad);
        }
        self.error = ErrorCode::new(code);
        Ok(Step::Rest)
    }
}
