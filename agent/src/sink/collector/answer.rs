//! What a collector's answer means: delivered, delivered in part, try again, or give up.

use std::time::Duration;

use prost::Message;

/// The verdict on one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Accepted, but for `rejected` spans, which must not be sent again.
    Accepted {
        /// Spans that the collector threw away.
        rejected: u64,
        /// What it said; a warning if nothing was rejected.
        message: String,
    },
    /// Not accepted, but may be later.
    Retry {
        /// The pause that the collector asked for.
        after: Option<Duration>,
        /// What went wrong.
        error: String,
    },
    /// Never will be accepted.
    Refused {
        /// What went wrong.
        error: String,
    },
}

/// `ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) partial_success: Option<PartialSuccess>,
}

/// `ExportTracePartialSuccess`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub(super) rejected_spans: i64,
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}

/// `google.rpc.Status`: the body of failed OTLP/HTTP requests, and gRPC's status details.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Any {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub(super) retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Delay {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

impl ExportResponse {
    /// An empty `partial_success` is a full success.
    pub(super) fn verdict(self) -> Answer {
        let partial = self.partial_success.unwrap_or_default();
        Answer::Accepted {
            rejected: u64::try_from(partial.rejected_spans).unwrap_or(0),
            message: partial.error_message,
        }
    }
}

impl RpcStatus {
    /// The delay of a `RetryInfo` among the details. One that is there without a delay, or with
    /// a negative one, means "at once".
    pub(super) fn retry_delay(&self) -> Option<Duration> {
        let info = self
            .details
            .iter()
            .find(|any| any.type_url.ends_with("/google.rpc.RetryInfo"))
            .and_then(|any| RetryInfo::decode(any.value.as_slice()).ok())?;
        let delay = info.retry_delay.unwrap_or_default();
        let seconds = u64::try_from(delay.seconds).unwrap_or(0);
        let nanos = u32::try_from(delay.nanos).unwrap_or(0).min(999_999_999);
        Some(Duration::new(seconds, nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Any, Delay, ExportResponse, PartialSuccess, RetryInfo, RpcStatus};
    use prost::Message;
    use std::time::Duration;

    #[test]
    fn an_empty_partial_success_is_a_success() {
        let full = Answer::Accepted { rejected: 0, message: String::new() };
        assert_eq!(ExportResponse::decode(&b""[..]).unwrap().verdict(), full);
        // Field 1, length 0.
        assert_eq!(ExportResponse::decode(&b"\x0a\x00"[..]).unwrap().verdict(), full);
    }

    #[test]
    fn rejected_spans_are_counted_and_a_negative_number_is_none() {
        let partial = |rejected_spans| ExportResponse {
            partial_success: Some(PartialSuccess { rejected_spans, error_message: "x".into() }),
        };
        assert_eq!(partial(3).verdict(), Answer::Accepted { rejected: 3, message: "x".into() });
        assert_eq!(partial(-3).verdict(), Answer::Accepted { rejected: 0, message: "x".into() });
    }

    #[test]
    fn retry_info_is_found_among_other_details() {
        let info = |delay| RetryInfo { retry_delay: delay }.encode_to_vec();
        let any = |url: &str, value| Any { type_url: url.into(), value };
        let status = |delay| RpcStatus {
            details: vec![
                any("type.googleapis.com/google.rpc.DebugInfo", vec![0xff]),
                any("type.googleapis.com/google.rpc.RetryInfo", info(delay)),
            ],
            ..RpcStatus::default()
        };
        let delay = |seconds, nanos| Some(Delay { seconds, nanos });
        assert_eq!(status(delay(2, 500_000_000)).retry_delay(), Some(Duration::from_millis(2500)));
        assert_eq!(status(delay(-1, -5)).retry_delay(), Some(Duration::ZERO));
        assert_eq!(status(None).retry_delay(), Some(Duration::ZERO));
        assert_eq!(RpcStatus::default().retry_delay(), None);
    }
}
