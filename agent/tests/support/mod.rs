//! A collector that answers by a script, and spans to send to it.

// Each test crate uses a part.
#![allow(dead_code)]

use std::borrow::Cow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use onlooker_pipeline::span::{Attributes, Kind, Resource, Span, SpanId, Status, TraceId};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// One answer of the script. When the script is over, everything is accepted.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// HTTP status with headers.
    Http(u16, Vec<(&'static str, String)>),
    /// gRPC status with `grpc-status-details-bin`.
    Grpc(i32, Vec<u8>),
    /// Accepted, but for so many spans.
    Partial(i64, &'static str),
    /// No answer, ever.
    Silence,
}

/// One request that arrived.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Arrival {
    /// The message, whatever transport and encoding brought it.
    pub(crate) fn message(&self) -> ExportTraceServiceRequest {
        let content = self.headers["content-type"].to_str().unwrap();
        let gzip = |name: &str| self.headers.get(name).is_some_and(|value| value == "gzip");
        match content {
            "application/grpc" => {
                let (head, message) = self.body.split_at(5);
                assert_eq!(head[0] == 1, gzip("grpc-encoding"));
                let message = if head[0] == 1 { gunzip(message) } else { message.to_vec() };
                ExportTraceServiceRequest::decode(message.as_slice()).unwrap()
            }
            _ => {
                let body =
                    if gzip("content-encoding") { gunzip(&self.body) } else { self.body.to_vec() };
                match content {
                    "application/x-protobuf" => {
                        ExportTraceServiceRequest::decode(body.as_slice()).unwrap()
                    }
                    "application/json" => serde_json::from_slice(&body).unwrap(),
                    other => panic!("{other}"),
                }
            }
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let message = self.message();
        let scopes = message.resource_spans.iter().flat_map(|each| &each.scope_spans);
        scopes.flat_map(|scope| &scope.spans).map(|span| span.name.clone()).collect()
    }
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut out).unwrap();
    out
}

/// What a collector speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http,
    Grpc,
}

#[derive(Debug, Default)]
struct State {
    script: Mutex<VecDeque<Reply>>,
    arrivals: Mutex<Vec<Arc<Arrival>>>,
    arrived: Notify,
}

/// A collector on loopback; HTTP/1.1 for OTLP/HTTP, HTTP/2 for gRPC.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Collector {
    pub(crate) async fn http(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::start(loopback(), Speaks::Http, None, script).await
    }

    pub(crate) async fn grpc(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::start(loopback(), Speaks::Grpc, None, script).await
    }

    pub(crate) async fn start(
        address: SocketAddr,
        speaks: Speaks,
        tls: Option<TlsAcceptor>,
        script: impl IntoIterator<Item = Reply>,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script: Mutex::new(script.into_iter().collect()),
            ..State::default()
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&shared);
                let tls = tls.clone();
                tokio::spawn(async move {
                    // Clients go away or are refused: that is part of the tests.
                    match tls {
                        None => serve(stream, speaks, state).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, speaks, state).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, state, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn arrivals(&self) -> Vec<Arc<Arrival>> {
        self.state.arrivals.lock().unwrap().clone()
    }

    /// All requests, once there are `count`.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Arc<Arrival>> {
        let arrived = async {
            loop {
                let woken = self.state.arrived.notified();
                let arrivals = self.arrivals();
                if arrivals.len() >= count {
                    return arrivals;
                }
                woken.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), arrived).await.expect("requests arrive")
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    speaks: Speaks,
    state: Arc<State>,
) {
    let service = service_fn(move |request| answer(Arc::clone(&state), request));
    let io = TokioIo::new(stream);
    // As above.
    let _ = match speaks {
        Speaks::Grpc => {
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(io, service)
                .await
        }
        Speaks::Http => {
            hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
        }
    };
}

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let grpc = parts.headers["content-type"] == "application/grpc";
    let Ok(body) = body.collect().await else {
        return Ok(Response::new(Full::default().boxed()));
    };
    let arrival = Arrival {
        at: Instant::now(),
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        body: body.to_bytes(),
    };
    let content = arrival.headers["content-type"].clone();
    state.arrivals.lock().unwrap().push(Arc::new(arrival));
    let reply = state.script.lock().unwrap().pop_front();
    state.arrived.notify_one();
    let (message, status, details) = match reply {
        Some(Reply::Silence) => std::future::pending().await,
        Some(Reply::Http(status, headers)) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            return Ok(response.body(Full::default().boxed()).unwrap());
        }
        Some(Reply::Grpc(status, details)) => (None, status, details),
        Some(Reply::Partial(rejected_spans, text)) => {
            let partial =
                ExportTracePartialSuccess { rejected_spans, error_message: text.to_owned() };
            let message = ExportTraceServiceResponse { partial_success: Some(partial) };
            (Some(message), 0, Vec::new())
        }
        None => (Some(ExportTraceServiceResponse::default()), 0, Vec::new()),
    };
    if !grpc {
        let message = message.unwrap_or_default();
        let body = if content == "application/json" {
            serde_json::to_vec(&message).unwrap()
        } else {
            message.encode_to_vec()
        };
        let response = Response::builder().header("content-type", content);
        return Ok(response.body(Full::from(body).boxed()).unwrap());
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.into());
    if !details.is_empty() {
        let text = tonic::metadata::MetadataValue::from_bytes(&details);
        let text = std::str::from_utf8(text.as_encoded_bytes()).unwrap().to_owned();
        trailers.insert("grpc-status-details-bin", text.parse().unwrap());
    }
    let mut frames = Vec::new();
    if let Some(message) = message {
        let message = message.encode_to_vec();
        let mut framed = vec![0];
        framed.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        framed.extend_from_slice(&message);
        frames.push(Ok(Frame::data(Bytes::from(framed))));
    }
    frames.push(Ok(Frame::trailers(trailers)));
    let body = StreamBody::new(futures_util::stream::iter(frames));
    Ok(Response::builder()
        .header("content-type", "application/grpc")
        .body(BodyExt::boxed(body))
        .unwrap())
}

/// A span with a name and a number for its ids.
pub(crate) fn span(name: &str, number: u64) -> Span {
    let mut trace = [7; 16];
    trace[8..].copy_from_slice(&number.to_be_bytes());
    let mut attributes = Attributes::default();
    attributes.set("service.name", "shop");
    Span {
        trace_id: TraceId(trace),
        span_id: SpanId((number + 1).to_be_bytes()),
        parent: None,
        evidence: None,
        parent_is_remote: false,
        flags: 3,
        state: None,
        name: Cow::Owned(name.to_owned()),
        kind: Kind::Server,
        start_unix_nano: 1_700_000_000_000_000_000,
        end_unix_nano: 1_700_000_000_001_000_000,
        status: Status::Unset,
        attributes: Attributes::default(),
        links: Vec::new(),
        resource: Arc::new(Resource { service: "shop".to_owned(), attributes }),
    }
}
