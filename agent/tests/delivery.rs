//! Delivery to collectors that are slow, refuse, fail or are not there.

mod support;

use std::time::{Duration, Instant};

use onlooker::config::{Compression, Config, FileSettings, Protocol, ZipkinSettings};
use onlooker::sink::Sinks;
use onlooker::sink::counters::{DropReason, SinkCounts};
use prost::Message;
use support::{Collector, Reply, Speaks, span};
use tokio::runtime::Handle;

const LONG: Duration = Duration::from_secs(30);

fn config(url: &str, protocol: Protocol) -> Config {
    let mut config = Config::default();
    config.export.otlp.set_url(url);
    config.export.otlp.protocol = Some(protocol);
    config.export.batch.delay = Duration::from_millis(1);
    config
}

fn start(config: &Config) -> Sinks {
    Sinks::start(config, &Handle::current()).unwrap()
}

async fn stop(sinks: Sinks) -> SinkCounts {
    sinks.flush_and_stop(LONG).await.sinks.remove(0)
}

#[tokio::test]
async fn every_protocol_and_compression_delivers() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson] {
        for compression in [Compression::None, Compression::Gzip] {
            let collector = match protocol {
                Protocol::Grpc => Collector::grpc([]).await,
                _ => Collector::http([]).await,
            };
            let mut config = config(&collector.url(), protocol);
            config.export.otlp.compression = compression;
            config.export.otlp.headers = [("x-tenant".to_owned(), "blue".to_owned())].into();
            let sinks = start(&config);
            sinks.submit(vec![span("first", 1), span("second", 2)]);
            let counts = stop(sinks).await;
            assert_eq!((counts.exported, counts.dropped_total(), counts.retries), (2, 0, 0));

            let arrivals = collector.arrivals();
            assert_eq!(arrivals.len(), 1, "{protocol} {compression:?}");
            assert_eq!(arrivals[0].names(), ["first", "second"]);
            assert_eq!(arrivals[0].headers["x-tenant"], "blue");
            let agent = arrivals[0].headers["user-agent"].to_str().unwrap();
            let version = env!("CARGO_PKG_VERSION");
            assert_eq!(agent, format!("Onlooker/{version} OTel-OTLP-Exporter-Rust/{version}"));
            let path = match protocol {
                Protocol::Grpc => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                _ => "/v1/traces",
            };
            assert_eq!(arrivals[0].path, path);
        }
    }
}

#[tokio::test]
async fn retryable_http_answers_are_retried_and_retry_after_is_obeyed() {
    let script = [
        Reply::Http(503, vec![("retry-after", "1".into())]),
        Reply::Http(429, vec![("retry-after", "0".into())]),
        Reply::Http(502, vec![("retry-after", "0".into())]),
        Reply::Http(504, vec![("retry-after", "0".into())]),
    ];
    let collector = Collector::http(script).await;
    let sinks = start(&config(&collector.url(), Protocol::HttpProtobuf));
    sinks.submit(vec![span("kept", 1)]);
    let counts = stop(sinks).await;
    assert_eq!((counts.exported, counts.retries), (1, 4));
    let arrivals = collector.arrivals();
    assert_eq!(arrivals.len(), 5);
    assert!(arrivals[1].at - arrivals[0].at >= Duration::from_secs(1));
    assert!(counts.last_error.unwrap().contains("504"));
}

#[tokio::test]
async fn other_http_answers_lose_the_request_and_only_it() {
    for status in [400, 401, 404, 413, 500, 301] {
        let collector = Collector::http([Reply::Http(status, Vec::new())]).await;
        let mut config = config(&collector.url(), Protocol::HttpJson);
        config.export.batch.size = 1;
        config.export.batch.delay = Duration::ZERO;
        let sinks = start(&config);
        sinks.submit(vec![span("lost", 1)]);
        collector.wait_for(1).await;
        sinks.submit(vec![span("kept", 2)]);
        let counts = stop(sinks).await;
        assert_eq!(counts.exported, 1, "{status}");
        assert_eq!(counts.dropped, [(DropReason::Refused, 1)]);
        assert_eq!(counts.retries, 0);
    }
}

/// `google.rpc.Status` with a `RetryInfo` of so many milliseconds, by the protobuf encoding.
fn retry_info(milliseconds: i32) -> Vec<u8> {
    #[derive(Clone, PartialEq, Message)]
    struct Outer {
        #[prost(message, repeated, tag = "3")]
        details: Vec<prost_types_any::Any>,
    }
    let delay = [vec![0x10], varint(milliseconds as u64 * 1_000_000)].concat();
    let info = [vec![0x0a, u8::try_from(delay.len()).unwrap()], delay].concat();
    let any = prost_types_any::Any {
        type_url: "type.googleapis.com/google.rpc.RetryInfo".into(),
        value: info,
    };
    Outer { details: vec![any] }.encode_to_vec()
}

mod prost_types_any {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Any {
        #[prost(string, tag = "1")]
        pub(crate) type_url: String,
        #[prost(bytes = "vec", tag = "2")]
        pub(crate) value: Vec<u8>,
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

#[tokio::test]
async fn grpc_retries_with_retry_info_and_gives_up_without() {
    // RESOURCE_EXHAUSTED is 8, UNAVAILABLE 14.
    let script = [Reply::Grpc(8, retry_info(300)), Reply::Grpc(14, retry_info(0))];
    let collector = Collector::grpc(script).await;
    let sinks = start(&config(&collector.url(), Protocol::Grpc));
    sinks.submit(vec![span("kept", 1)]);
    let counts = stop(sinks).await;
    assert_eq!((counts.exported, counts.retries), (1, 2));
    let arrivals = collector.arrivals();
    assert!(arrivals[1].at - arrivals[0].at >= Duration::from_millis(300));

    // INVALID_ARGUMENT is 3.
    for code in [8, 3] {
        let collector = Collector::grpc([Reply::Grpc(code, Vec::new())]).await;
        let sinks = start(&config(&collector.url(), Protocol::Grpc));
        sinks.submit(vec![span("lost", 1)]);
        let counts = stop(sinks).await;
        assert_eq!((counts.exported, counts.retries), (0, 0));
        assert_eq!(counts.dropped, [(DropReason::Refused, 1)]);
    }
}

#[tokio::test]
async fn a_partial_success_is_counted_and_never_sent_again() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson] {
        let script = [Reply::Partial(2, "too old")];
        let collector = match protocol {
            Protocol::Grpc => Collector::grpc(script).await,
            _ => Collector::http(script).await,
        };
        let sinks = start(&config(&collector.url(), protocol));
        sinks.submit((0..5).map(|number| span("x", number)).collect());
        let counts = stop(sinks).await;
        assert_eq!(counts.exported, 3, "{protocol}");
        assert_eq!(counts.dropped, [(DropReason::Rejected, 2)]);
        assert_eq!(counts.last_error.as_deref(), Some("too old"));
        assert_eq!(collector.arrivals().len(), 1);
    }
}

#[tokio::test]
async fn a_collector_that_comes_later_gets_everything() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let speaks = if protocol == Protocol::Grpc { Speaks::Grpc } else { Speaks::Http };
        // A port where nobody listens.
        let address = {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        let sinks = start(&config(&format!("http://{address}"), protocol));
        sinks.submit(vec![span("early", 1)]);
        while sinks.counters().sinks[0].last_error.is_none() {
            tokio::task::yield_now().await;
        }
        let error = sinks.counters().sinks[0].last_error.clone().unwrap();
        assert!(error.contains("refused"), "{error}");
        let collector = Collector::start(address, speaks, None, []).await;
        sinks.submit(vec![span("late", 2)]);
        let counts = stop(sinks).await;
        assert_eq!((counts.exported, counts.dropped_total()), (2, 0), "{protocol}");
        let mut names: Vec<_> =
            collector.arrivals().iter().flat_map(|arrival| arrival.names()).collect();
        names.sort();
        assert_eq!(names, ["early", "late"]);
    }
}

#[tokio::test]
async fn a_silent_collector_costs_the_timeout_and_then_a_retry() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let collector = match protocol {
            Protocol::Grpc => Collector::grpc([Reply::Silence]).await,
            _ => Collector::http([Reply::Silence]).await,
        };
        let mut config = config(&collector.url(), protocol);
        config.export.otlp.timeout = Duration::from_millis(100);
        let sinks = start(&config);
        sinks.submit(vec![span("kept", 1)]);
        let counts = stop(sinks).await;
        assert_eq!((counts.exported, counts.retries), (1, 1), "{protocol}");
        assert_eq!(counts.last_error.as_deref(), Some("no answer within 100 ms"));
    }
}

#[tokio::test]
async fn a_full_queue_loses_the_newest_counts_them_and_never_blocks() {
    let collector = Collector::http(std::iter::repeat_n(Reply::Silence, 100)).await;
    let mut config = config(&collector.url(), Protocol::HttpProtobuf);
    config.export.batch.queue = 100;
    config.export.batch.size = 10;
    let sinks = start(&config);
    let begin = Instant::now();
    for number in 0..10_000 {
        sinks.submit(vec![span("x", number)]);
    }
    assert!(begin.elapsed() < Duration::from_secs(5));
    let counts = sinks.flush_and_stop(Duration::from_millis(50)).await.sinks.remove(0);
    assert_eq!(counts.accepted, 10_000);
    assert_eq!(counts.exported, 0);
    assert_eq!(counts.dropped_total(), 10_000);
    let full = counts.dropped.iter().find(|(reason, _)| *reason == DropReason::QueueFull);
    // What is neither in the queue nor under way.
    assert!(full.unwrap().1 >= 9_800, "{counts:?}");
}

#[tokio::test]
async fn stopping_is_bounded_when_nobody_answers() {
    let collector = Collector::http(std::iter::repeat_n(Reply::Silence, 100)).await;
    let sinks = start(&config(&collector.url(), Protocol::HttpProtobuf));
    sinks.submit(vec![span("lost", 1)]);
    let begin = Instant::now();
    let counts = sinks.flush_and_stop(Duration::from_millis(200)).await.sinks.remove(0);
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(counts.dropped, [(DropReason::Stopped, 1)]);
}

#[tokio::test]
async fn batches_have_at_most_their_size() {
    let collector = Collector::http([]).await;
    let mut config = config(&collector.url(), Protocol::HttpProtobuf);
    config.export.batch.size = 7;
    let sinks = start(&config);
    sinks.submit((0..20).map(|number| span("x", number)).collect());
    let counts = stop(sinks).await;
    assert_eq!(counts.exported, 20);
    let mut sizes: Vec<_> =
        collector.arrivals().iter().map(|arrival| arrival.names().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [6, 7, 7]);
}

#[tokio::test]
async fn unsampled_spans_are_not_exported_but_counted() {
    let collector = Collector::http([]).await;
    let sinks = start(&config(&collector.url(), Protocol::HttpProtobuf));
    let mut unsampled = span("no", 1);
    unsampled.flags = 2;
    sinks.submit(vec![unsampled, span("yes", 2)]);
    let summary = sinks.flush_and_stop(LONG).await;
    assert_eq!((summary.sinks[0].exported, summary.not_sampled), (1, 1));
    assert_eq!(collector.arrivals()[0].names(), ["yes"]);
}

#[tokio::test]
async fn what_cannot_work_is_an_error_at_the_start() {
    for url in ["", "collector", "ftp://collector", "http://", "http://a b"] {
        let config = config(url, Protocol::HttpProtobuf);
        let error = Sinks::start(&config, &Handle::current()).unwrap_err().to_string();
        assert!(error.contains("endpoint"), "{url}: {error}");
    }
    let mut config = config("https://localhost:1", Protocol::HttpProtobuf);
    config.export.otlp.tls.certificate = Some("/nonexistent/ca.pem".into());
    let error = Sinks::start(&config, &Handle::current()).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/ca.pem"), "{error}");
}

#[tokio::test]
async fn a_collector_is_checked_without_a_span() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson] {
        let collector = match protocol {
            Protocol::Grpc => Collector::grpc([]).await,
            _ => Collector::http([]).await,
        };
        let mut config = config(&collector.url(), protocol);
        let found = Sinks::check_collectors(&config).await.unwrap();
        assert_eq!(found, [(format!("otlp {protocol} {}", config.export.otlp.url()), Ok(()))]);
        let arrival = &collector.arrivals()[0];
        assert!(arrival.names().is_empty());
        // A POST without a body says so (RFC 9110 §8.6); HTTP/2 has frames for that.
        assert!(protocol == Protocol::Grpc || arrival.headers.contains_key("content-length"));

        drop(collector);
        config.export.otlp.set_url("http://127.0.0.1:1");
        let found = Sinks::check_collectors(&config).await.unwrap();
        assert!(found[0].1.as_ref().unwrap_err().contains("refused"), "{found:?}");
    }
}

#[tokio::test]
async fn zipkin_gets_its_list_of_spans() {
    // 202 is Zipkin's answer.
    let collector = Collector::http([Reply::Http(202, Vec::new())]).await;
    let mut config = Config::default();
    let endpoint = format!("{}/api/v2/spans", collector.url());
    config.export.zipkin = Some(ZipkinSettings { endpoint, ..ZipkinSettings::default() });
    let sinks = start(&config);
    sinks.submit(vec![span("GET /cart", 1)]);
    let counts = stop(sinks).await;
    assert_eq!((counts.exported, counts.dropped_total()), (1, 0));
    let arrival = &collector.arrivals()[0];
    assert_eq!(arrival.path, "/api/v2/spans");
    assert_eq!(arrival.headers["content-type"], "application/json");
    let body: serde_json::Value = serde_json::from_slice(&arrival.body).unwrap();
    assert_eq!(body[0]["name"], "GET /cart");
}

#[tokio::test]
async fn several_sinks_get_the_same_spans() {
    let collectors = [Collector::http([]).await, Collector::http([]).await];
    let mut config = config(&collectors[0].url(), Protocol::HttpProtobuf);
    let endpoint = format!("{}/api/v2/spans", collectors[1].url());
    config.export.zipkin = Some(ZipkinSettings { endpoint, ..ZipkinSettings::default() });
    let file = std::env::temp_dir().join(format!("onlooker-delivery-{}", std::process::id()));
    config.export.file = Some(FileSettings::to(&file));
    let sinks = start(&config);
    sinks.submit((0..10).map(|number| span("x", number)).collect());
    let summary = sinks.flush_and_stop(LONG).await;
    let exported: Vec<u64> = summary.sinks.iter().map(|sink| sink.exported).collect();
    let lines = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(exported, [10, 10, 10]);
    assert_eq!(collectors[0].arrivals()[0].names().len(), 10);
    assert_eq!(lines.matches("\"spanId\"").count(), 10);
}
