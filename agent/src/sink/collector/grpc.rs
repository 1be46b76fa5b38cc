//! OTLP over gRPC: unary calls whose messages are the bytes that the encoder wrote.

use std::error::Error;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Uri};
use hyper_util::client::legacy::Client;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};

use super::answer::{Answer, ExportResponse, RpcStatus};
use super::client::{Connector, TlsError, USER_AGENT, Version, client, explain};
use crate::config::{Compression, Tls};

use crate::sink::text::visible;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// One gRPC destination.
#[derive(Debug)]
pub(super) struct GrpcExporter {
    grpc: Grpc<Client<Connector, tonic::body::Body>>,
    metadata: MetadataMap,
    timeout: Duration,
}

impl GrpcExporter {
    pub(super) fn new(
        origin: Uri,
        headers: &[(HeaderName, HeaderValue)],
        compression: Compression,
        timeout: Duration,
        tls: &Tls,
    ) -> Result<Self, TlsError> {
        let https = origin.scheme_str() == Some("https");
        let client = client(Version::Http2, https, tls)?;
        let mut grpc =
            Grpc::with_origin(client, origin).accept_compressed(CompressionEncoding::Gzip);
        if compression == Compression::Gzip {
            grpc = grpc.send_compressed(CompressionEncoding::Gzip);
        }
        let mut metadata = HeaderMap::new();
        metadata.insert(hyper::header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        for (name, value) in headers {
            metadata.insert(name.clone(), value.clone());
        }
        Ok(Self { grpc, metadata: MetadataMap::from_headers(metadata), timeout })
    }

    /// One attempt.
    pub(super) async fn send(&self, body: Bytes) -> Answer {
        let mut request = Request::new(body);
        *request.metadata_mut() = self.metadata.clone();
        request.set_timeout(self.timeout);
        let mut grpc = self.grpc.clone();
        let call = async {
            grpc.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
            grpc.unary(request, PathAndQuery::from_static(EXPORT), Raw).await
        };
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(response)) => response.into_inner().verdict(),
            Ok(Err(status)) => verdict(&status),
            Err(_) => Answer::Retry {
                after: None,
                error: format!("no answer within {} ms", self.timeout.as_millis()),
            },
        }
    }
}

/// OTLP specification, "Failures" of OTLP/gRPC.
fn verdict(status: &Status) -> Answer {
    // A status with a source was made on this side: the connection failed.
    if let Some(cause) = status.source() {
        return Answer::Retry { after: None, error: explain(cause) };
    }
    let after = RpcStatus::decode(status.details()).ok().and_then(|details| details.retry_delay());
    let separator = if status.message().is_empty() { "" } else { ": " };
    let error = visible(&format!("gRPC {}{separator}{}", name(status.code()), status.message()));
    let retryable = match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => after.is_some(),
        _ => false,
    };
    if retryable { Answer::Retry { after, error } } else { Answer::Refused { error } }
}

/// The codes as the gRPC documentation writes them.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Requests are bytes already, answers are small messages.
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = ExportResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.reserve(item.remaining());
        out.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = ExportResponse;
    type Error = Status;

    fn decode(&mut self, input: &mut DecodeBuf<'_>) -> Result<Option<ExportResponse>, Status> {
        // An answer that cannot be read was an OK all the same.
        Ok(Some(ExportResponse::decode(input).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, verdict};
    use tonic::{Code, Status};

    #[test]
    fn codes_are_retried_as_the_specification_says() {
        let retried: Vec<i32> = (1..=16)
            .filter(|code| {
                matches!(verdict(&Status::new(Code::from(*code), "")), Answer::Retry { .. })
            })
            .collect();
        // CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS
        // (https://grpc.io/docs/guides/status-codes/); RESOURCE_EXHAUSTED (8) has no RetryInfo.
        assert_eq!(retried, [1, 4, 10, 11, 14, 15]);
    }
}
