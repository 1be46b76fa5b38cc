//! Status codes (`statuscodes.md`), and what stands for one where none was sent.

/// A status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of statuscodes.md")]
pub enum Status {
    Ok,
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

use Status::{
    Aborted, AlreadyExists, Cancelled, DataLoss, DeadlineExceeded, FailedPrecondition, Internal,
    InvalidArgument, NotFound, Ok, OutOfRange, PermissionDenied, ResourceExhausted,
    Unauthenticated, Unavailable, Unimplemented, Unknown,
};

const BY_NUMBER: [Status; 17] = [
    Ok,
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
];

impl Status {
    /// Reads `grpc-status`: "1*DIGIT". Numbers without a name are `UNKNOWN` to clients.
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        std::str::from_utf8(value.trim_ascii())
            .ok()
            .and_then(|text| text.parse::<usize>().ok())
            .and_then(|number| BY_NUMBER.get(number).copied())
            .unwrap_or(Unknown)
    }

    /// What a client makes of a response without `grpc-status` (`http-grpc-status-mapping.md`).
    #[must_use]
    pub const fn from_http(status: u16) -> Self {
        match status {
            400 => Internal,
            401 => Unauthenticated,
            403 => PermissionDenied,
            404 => Unimplemented,
            429 | 502 | 503 | 504 => Unavailable,
            _ => Unknown,
        }
    }

    /// What `RST_STREAM` means by its error code (`PROTOCOL-HTTP2.md`, "Errors").
    #[must_use]
    pub const fn from_reset(code: u32) -> Self {
        match code {
            0x7 => Unavailable,
            0x8 => Cancelled,
            0xb => ResourceExhausted,
            0xc => PermissionDenied,
            _ => Internal,
        }
    }

    /// The name, as `rpc.response.status_code` wants it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Ok => "OK",
            Cancelled => "CANCELLED",
            Unknown => "UNKNOWN",
            InvalidArgument => "INVALID_ARGUMENT",
            DeadlineExceeded => "DEADLINE_EXCEEDED",
            NotFound => "NOT_FOUND",
            AlreadyExists => "ALREADY_EXISTS",
            PermissionDenied => "PERMISSION_DENIED",
            ResourceExhausted => "RESOURCE_EXHAUSTED",
            FailedPrecondition => "FAILED_PRECONDITION",
            Aborted => "ABORTED",
            OutOfRange => "OUT_OF_RANGE",
            Unimplemented => "UNIMPLEMENTED",
            Internal => "INTERNAL",
            Unavailable => "UNAVAILABLE",
            DataLoss => "DATA_LOSS",
            Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    /// The table of `statuscodes.md`.
    #[test]
    fn numbers_have_the_names_of_statuscodes_md() {
        let table = [
            (0, "OK"),
            (1, "CANCELLED"),
            (2, "UNKNOWN"),
            (3, "INVALID_ARGUMENT"),
            (4, "DEADLINE_EXCEEDED"),
            (5, "NOT_FOUND"),
            (6, "ALREADY_EXISTS"),
            (7, "PERMISSION_DENIED"),
            (8, "RESOURCE_EXHAUSTED"),
            (9, "FAILED_PRECONDITION"),
            (10, "ABORTED"),
            (11, "OUT_OF_RANGE"),
            (12, "UNIMPLEMENTED"),
            (13, "INTERNAL"),
            (14, "UNAVAILABLE"),
            (15, "DATA_LOSS"),
            (16, "UNAUTHENTICATED"),
        ];
        for (number, name) in table {
            assert_eq!(Status::parse(number.to_string().as_bytes()).name(), name);
        }
    }

    #[test]
    fn what_is_no_code_is_unknown() {
        for value in ["17", "-1", "", "x", "99999999999999999999999"] {
            assert_eq!(Status::parse(value.as_bytes()), Status::Unknown);
        }
    }
}
