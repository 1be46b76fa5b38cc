//! Where a collector is and how it is spoken to, from the settings.

use std::collections::BTreeMap;

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};

use super::answer::Answer;
use super::client::TlsError;
use super::grpc::GrpcExporter;
use super::http::HttpExporter;
use crate::config::{
    BatchSettings, Compression, OtlpSettings, Protocol, Tls, ZipkinSettings, is_http_url,
};
use crate::sink::encoding::Encoding;

/// What keeps an exporter from starting.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The endpoint is no URL.
    #[error("{0:?} is no endpoint: expected http://host:port or https://…")]
    Endpoint(String),
    /// A header cannot be sent. Only its name is kept: values are secrets.
    #[error("the header {0:?} cannot be sent")]
    Header(String),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A collector.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) transport: Transport,
    pub(super) encoding: Encoding,
    /// `otlp grpc http://localhost:4317`.
    pub(super) name: String,
    /// What to try when nothing works, or nothing.
    pub(super) hint: &'static str,
}

#[derive(Debug)]
pub(super) enum Transport {
    Http(Box<HttpExporter>),
    Grpc(Box<GrpcExporter>),
}

impl Destination {
    pub(super) fn otlp(
        settings: &OtlpSettings,
        batching: BatchSettings,
    ) -> Result<Self, ExportError> {
        let url = settings.url();
        let uri = parse(&url)?;
        let protocol = settings.protocol();
        let hint = port_hint(protocol, uri.port_u16());
        let headers = headers(&settings.headers)?;
        let timeout = settings.timeout.min(batching.timeout);
        let (compression, tls) = (settings.compression, &settings.tls);
        let encoding =
            if protocol == Protocol::HttpJson { Encoding::Json } else { Encoding::Protobuf };
        let transport = match protocol {
            Protocol::Grpc => GrpcExporter::new(uri, &headers, compression, timeout, tls)
                .map(|grpc| Transport::Grpc(Box::new(grpc))),
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                HttpExporter::new(uri, &headers, encoding, compression, timeout, tls)
                    .map(|http| Transport::Http(Box::new(http)))
            }
        }
        .map_err(ExportError::Tls)?;
        let name = format!("otlp {protocol} {}", without_credentials(&url));
        Ok(Self { transport, encoding, name, hint })
    }

    /// Whether it answers as a collector should: asked with a request without spans.
    pub(super) async fn check(&self) -> Result<(), String> {
        let body = self.encoding.empty();
        let answer = match &self.transport {
            Transport::Http(http) => http.send(http.prepare(body)).await,
            Transport::Grpc(grpc) => grpc.send(body).await,
        };
        match answer {
            Answer::Accepted { .. } => Ok(()),
            Answer::Retry { error, .. } | Answer::Refused { error } => {
                Err(format!("{error}{}", self.hint))
            }
        }
    }

    pub(super) fn zipkin(
        settings: &ZipkinSettings,
        batching: BatchSettings,
    ) -> Result<Self, ExportError> {
        let encoding = Encoding::Zipkin;
        let timeout = settings.timeout.min(batching.timeout);
        let uri = parse(&settings.endpoint)?;
        let http =
            HttpExporter::new(uri, &[], encoding, Compression::None, timeout, &Tls::default())
                .map_err(ExportError::Tls)?;
        let name = format!("zipkin {}", without_credentials(&settings.endpoint));
        Ok(Self { transport: Transport::Http(Box::new(http)), encoding, name, hint: "" })
    }
}

fn parse(url: &str) -> Result<Uri, ExportError> {
    let refused = || ExportError::Endpoint(without_credentials(url));
    if is_http_url(url) { url.parse().map_err(|_| refused()) } else { Err(refused()) }
}

fn headers(
    settings: &BTreeMap<String, String>,
) -> Result<Vec<(HeaderName, HeaderValue)>, ExportError> {
    settings
        .iter()
        .map(|(name, value)| {
            let refused = || ExportError::Header(name.clone());
            let mut secret = HeaderValue::from_str(value).map_err(|_| refused())?;
            secret.set_sensitive(true);
            Ok((HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?, secret))
        })
        .collect()
}

/// The most common mistake: the port of one protocol with the other.
fn port_hint(protocol: Protocol, port: Option<u16>) -> &'static str {
    match (protocol, port) {
        (Protocol::HttpProtobuf | Protocol::HttpJson, Some(4317)) => {
            " (port 4317 is mostly gRPC's: try OTEL_EXPORTER_OTLP_PROTOCOL=grpc)"
        }
        (Protocol::Grpc, Some(4318)) => {
            " (port 4318 is mostly HTTP's: try OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf)"
        }
        _ => "",
    }
}

/// The URL as it may be shown: `user:password@` and the query are left out.
pub(super) fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let authority_end = rest.find('/').unwrap_or(rest.len());
            let host = rest.get(..authority_end).and_then(|authority| authority.rfind('@'));
            let start = host.map_or(0, |at| at + 1);
            format!("{scheme}://{}", rest.get(start..).unwrap_or_default())
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn urls_are_shown_without_secrets() {
        for (url, shown) in [
            ("http://c:4318/v1/traces", "http://c:4318/v1/traces"),
            ("https://me:hunter2@c/v1/traces?key=hunter2", "https://c/v1/traces"),
            ("https://a@b@c", "https://c"),
            ("https://c/path@x", "https://c/path@x"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
