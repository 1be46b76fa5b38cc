//! The task that takes spans from the queue and brings them to one collector.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use tokio::task::JoinSet;

use super::answer::Answer;
use super::batch::{Added, Batch, Encoding, Request};
use super::grpc::GrpcExporter;
use super::http::HttpExporter;
use crate::config::{BatchSettings, Limits, OtlpSettings, Protocol};
use crate::sink::counters::{Counters, DropReason};
use crate::sink::http::TlsError;
use crate::sink::notice::{note, warn};
use crate::sink::queue::{Queue, Spans};
use crate::sink::retry::Backoff;

/// Requests under way at one time: enough that a distant collector does not limit the rate.
const MAX_IN_FLIGHT: usize = 4;

/// What keeps an OTLP exporter from starting.
#[derive(Debug)]
pub enum OtlpError {
    /// The endpoint is no URL.
    Endpoint(String),
    /// A header cannot be sent. Only its name is kept: values are secrets.
    Header(String),
    /// Certificates.
    Tls(TlsError),
}

impl fmt::Display for OtlpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(url) => {
                write!(f, "{url:?} is no OTLP endpoint: expected http://host:port or https://…")
            }
            Self::Header(name) => write!(f, "the OTLP header {name:?} cannot be sent"),
            Self::Tls(error) => error.fmt(f),
        }
    }
}

impl Error for OtlpError {}

/// An OTLP sink before it runs.
#[derive(Debug)]
pub(crate) struct Exporter {
    transport: Transport,
    batching: BatchSettings,
    encoding: Encoding,
    limits: Limits,
    destination: String,
    hint: &'static str,
}

#[derive(Debug)]
enum Transport {
    Http(Box<HttpExporter>),
    Grpc(Box<GrpcExporter>),
}

impl Exporter {
    pub(crate) fn new(
        settings: &OtlpSettings,
        batching: BatchSettings,
        limits: Limits,
    ) -> Result<Self, OtlpError> {
        let url = settings.url();
        let uri: Uri = url.parse().map_err(|_| OtlpError::Endpoint(url.clone()))?;
        if uri.host().is_none() || !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(OtlpError::Endpoint(url));
        }
        let uri_port = uri.port_u16();
        let headers = headers(&settings.headers)?;
        let timeout = settings.timeout.min(batching.timeout);
        let (compression, tls) = (settings.compression, &settings.tls);
        let protocol = settings.protocol();
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
        .map_err(OtlpError::Tls)?;
        let destination = format!("otlp {protocol} {}", without_credentials(&url));
        let hint = port_hint(protocol, uri_port);
        Ok(Self { transport, batching, encoding, limits, destination, hint })
    }

    /// `otlp grpc http://localhost:4317`.
    pub(crate) fn destination(&self) -> &str {
        &self.destination
    }

    /// Runs until the queue is closed and everything taken from it is settled.
    pub(crate) async fn run(self, queue: Arc<Queue>, counters: Arc<Counters>) {
        let batch_size = self.batching.size.min(queue.capacity());
        let mut batch = Batch::new(self.encoding, self.limits);
        let delivery = Arc::new(Delivery {
            transport: self.transport,
            counters: Arc::clone(&counters),
            hint: self.hint,
            troubled: AtomicBool::new(false),
            full_reported: AtomicBool::new(false),
            remark_reported: AtomicBool::new(false),
        });
        let mut in_flight = JoinSet::new();
        let mut over = false;
        while !over {
            over = gathered(&queue, batch_size, self.batching.delay).await;
            for request in encode(&mut batch, &queue.take(batch_size), &counters) {
                while in_flight.len() >= MAX_IN_FLIGHT {
                    in_flight.join_next().await;
                }
                in_flight.spawn(Arc::clone(&delivery).deliver(request));
            }
            while in_flight.try_join_next().is_some() {}
            delivery.report_full_queue();
        }
        while in_flight.join_next().await.is_some() {}
    }
}

/// Waits for a full batch, or for `delay` after the first span, or for the end. True if there
/// will be nothing more.
async fn gathered(queue: &Queue, batch_size: usize, delay: Duration) -> bool {
    if queue.ready(1).await {
        return true;
    }
    // Time is up or the batch is full: either way there is something to take.
    let _ = tokio::time::timeout(delay, queue.ready(batch_size)).await;
    false
}

/// Encodes spans into as many requests as their size asks for.
fn encode(batch: &mut Batch, runs: &[Spans], counters: &Counters) -> Vec<Request> {
    let mut requests = Vec::with_capacity(1);
    for span in runs.iter().flat_map(Spans::as_slice) {
        let mut added = batch.add(span);
        if added == Added::Full {
            requests.extend(batch.take());
            added = batch.add(span);
        }
        if added != Added::Yes {
            counters.lose(DropReason::TooLarge, 1);
        }
    }
    requests.extend(batch.take());
    requests
}

/// Brings requests to the collector and keeps account.
#[derive(Debug)]
struct Delivery {
    transport: Transport,
    counters: Arc<Counters>,
    /// What to try when nothing works, or nothing.
    hint: &'static str,
    /// The latest attempt failed: trouble is reported when it begins and when it ends, not once
    /// a request.
    troubled: AtomicBool,
    /// The full queue was reported, which is done once.
    full_reported: AtomicBool,
    /// What the collector says beside accepting was reported, which is done once.
    remark_reported: AtomicBool,
}

impl Delivery {
    /// Tries until the collector has decided. Cancelled from outside when the time is up.
    async fn deliver(self: Arc<Self>, request: Request) {
        let body = match &self.transport {
            Transport::Http(http) => http.prepare(request.body),
            Transport::Grpc(_) => request.body,
        };
        let mut backoff = Backoff::new();
        loop {
            match self.attempt(body.clone()).await {
                Answer::Accepted { rejected, message } => {
                    return self.accepted(request.spans, rejected, &message);
                }
                Answer::Refused { error } => return self.refused(request.spans, error),
                Answer::Retry { after, error } => {
                    self.failed(error);
                    self.report_full_queue();
                    tokio::time::sleep(backoff.next(after)).await;
                    self.counters.retry();
                }
            }
        }
    }

    async fn attempt(&self, body: Bytes) -> Answer {
        match &self.transport {
            Transport::Http(http) => http.send(body).await,
            Transport::Grpc(grpc) => grpc.send(body).await,
        }
    }

    fn accepted(&self, spans: u64, rejected: u64, message: &str) {
        let rejected = rejected.min(spans);
        self.counters.export(spans - rejected);
        if rejected > 0 {
            self.counters.lose(DropReason::Rejected, rejected);
        }
        if rejected > 0 || !message.is_empty() {
            let said = crate::sink::text::visible(message);
            if !self.remark_reported.swap(true, Relaxed) {
                warn(format_args!(
                    "{}: accepted, but {rejected} spans rejected: {said}",
                    self.counters.name()
                ));
            }
            self.counters.fail(said);
        }
        if self.troubled.swap(false, Relaxed) {
            note(format_args!("{}: working again", self.counters.name()));
        }
    }

    fn refused(&self, spans: u64, error: String) {
        self.counters.lose(DropReason::Refused, spans);
        if !self.troubled.swap(true, Relaxed) {
            warn(format_args!(
                "{}: {error}; these spans are lost, later ones are tried{}",
                self.counters.name(),
                self.hint
            ));
        }
        self.counters.fail(error);
    }

    fn report_full_queue(&self) {
        let lost = self.counters.lost(DropReason::QueueFull);
        if lost > 0 && !self.full_reported.swap(true, Relaxed) {
            warn(format_args!(
                "{}: spans come faster than they are taken and the queue is full: {lost} spans \
                 are lost so far, the closing summary will tell how many in the end",
                self.counters.name()
            ));
        }
    }

    fn failed(&self, error: String) {
        if !self.troubled.swap(true, Relaxed) {
            warn(format_args!(
                "{}: {error}; trying again, spans are kept while the queue has room{}",
                self.counters.name(),
                self.hint
            ));
        }
        self.counters.fail(error);
    }
}

fn headers(
    settings: &BTreeMap<String, String>,
) -> Result<Vec<(HeaderName, HeaderValue)>, OtlpError> {
    settings
        .iter()
        .map(|(name, value)| {
            let refused = || OtlpError::Header(name.clone());
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
fn without_credentials(url: &str) -> String {
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
