//! Errors that stand inside a response, one for each topic, partition or group: in every version
//! that an independent encoder (`kafka-protocol`) writes.

#[path = "../support/mod.rs"]
mod support;

#[macro_use]
mod set;

mod cluster;
mod groups;
mod topics;

use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::BytesMut;
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Encodable, StrBytes};
use onlooker_protocol::kafka::{ErrorCode, Kafka};
use onlooker_protocol::{Facts, Side};
use support::writes::{Recording, pieces, whole};

fn text(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

/// A request, whose body does not matter, and its response.
fn call(api: ApiKey, version: i16, response: &impl Encodable) -> Recording {
    let mut asked = BytesMut::new();
    RequestHeader::default()
        .with_request_api_key(api as i16)
        .with_request_api_version(version)
        .with_correlation_id(7)
        .with_client_id(Some(text("oracle")))
        .encode(&mut asked, api.request_header_version(version))
        .expect("a header");
    asked.extend_from_slice(&[0; 40]);
    let mut answered = BytesMut::new();
    ResponseHeader::default()
        .with_correlation_id(7)
        .encode(&mut answered, api.response_header_version(version))
        .expect("a header");
    response.encode(&mut answered, version).expect("a response");
    let framed = |bytes: BytesMut| {
        let mut frame = (bytes.len() as u32).to_be_bytes().to_vec();
        frame.extend_from_slice(&bytes);
        frame
    };
    Recording(vec![(Side::Client, framed(asked)), (Side::Server, framed(answered))])
}

/// The error that is told of a response, read whole and byte by byte.
fn error_of(api: ApiKey, version: i16, response: &impl Encodable) -> Option<ErrorCode> {
    let call = call(api, version, response);
    let kafka = || Kafka::with_topic_ids(true, Arc::default());
    let [whole, pieces] = [whole(kafka(), &call), pieces(kafka(), &call, || 1)].map(|output| {
        assert_eq!((output.lost, output.not_understood), (0, 0), "{api:?} {version}");
        let [exchange] = &output.exchanges[..] else { panic!("one exchange: {output:?}") };
        let Facts::Kafka(facts) = &exchange.facts else { panic!("not Kafka") };
        facts.error
    });
    assert_eq!(whole, pieces, "{api:?} {version}");
    whole
}

/// That the error of a response is told, and that none is told where there is none.
fn told<R: Encodable + Debug>(
    api: ApiKey,
    versions: RangeInclusive<i16>,
    response: impl Fn(i16, i16) -> R,
) {
    for version in versions {
        for code in [0, 29] {
            let error = error_of(api, version, &response(version, code));
            assert_eq!(error, ErrorCode::new(code), "{api:?} {version}");
        }
    }
}
