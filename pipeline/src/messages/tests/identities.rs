//! Messages that are known by an id, or by all of their content.

use onlooker_protocol::amqp::{self, AmqpFacts, Message};
use onlooker_protocol::context::from_headers;
use onlooker_protocol::http::{HttpFacts, Method};
use onlooker_protocol::{Facts, Side};

use super::{Bench, MS, SECOND, START, ids};
use crate::span::Value;

fn message(operation: amqp::Operation, body: &str) -> AmqpFacts {
    // FNV-1a is not what is tested: any number that is the body's will do.
    let hash = body.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31) + u64::from(byte));
    AmqpFacts {
        operation,
        vhost: Some("/".into()),
        exchange: "shop".into(),
        routing_key: "order".into(),
        message: Some(Message {
            body_size: body.len() as u64,
            content_hash: Some(hash),
            ..Message::default()
        }),
        ..AmqpFacts::default()
    }
}

fn published(body: &str) -> Facts {
    Facts::Amqp(Box::new(message(amqp::Operation::Publish, body)))
}

fn delivered(body: &str) -> Facts {
    Facts::Amqp(Box::new(message(amqp::Operation::Deliver, body)))
}

#[test]
fn a_delivery_is_linked_by_its_content_if_no_other_is_alike() {
    let mut bench = Bench::new();
    bench.sends(published("one"), START).settle(ids(1));
    bench.sends(published("two"), START).settle(ids(2));
    // Delivered twice, to two queues.
    for _ in 0..2 {
        bench.receives(Side::Server, delivered("two"), START + MS);
        assert!(bench.out.is_empty(), "one more alike may be on its way");
        bench.tick(START + SECOND);
        let link = bench.out[0].links[0].clone();
        let evidence = link.attributes.get("onlooker.link.evidence");
        assert_eq!(evidence, Some(&Value::from("message-identity")));
        assert_eq!(bench.linked(), [2]);
    }
    let get = Facts::Amqp(Box::new(message(amqp::Operation::Get, "one")));
    bench.receives(Side::Client, get, START + MS);
    bench.tick(START + SECOND);
    assert_eq!(bench.linked(), [1]);
}

#[test]
fn the_delivery_may_be_over_before_the_publish() {
    let mut bench = Bench::new();
    bench.receives(Side::Server, delivered("one"), START + MS);
    bench.tick(START + 500 * MS);
    bench.sends(published("one"), START).settle(ids(1));
    bench.tick(START + SECOND + MS);
    assert_eq!(bench.linked(), [1]);
}

#[test]
fn two_alike_are_nobodys() {
    let mut bench = Bench::new();
    bench.sends(published("tick"), START).settle(ids(1));
    bench.receives(Side::Server, delivered("tick"), START + 2 * MS);
    // Its confirm came late, but it was on its way.
    bench.sends(published("tick"), START + MS).settle(ids(2));
    bench.tick(START + 3 * SECOND);
    assert!(bench.linked().is_empty());
    assert_eq!(bench.linker.counters().ambiguous, 1);
    // However many more.
    for number in 3..20 {
        bench.sends(published("tick"), START + MS).settle(ids(number));
    }
    bench.receives(Side::Server, delivered("tick"), START + 3 * SECOND);
    bench.tick(START + 6 * SECOND);
    assert!(bench.linked().is_empty());
}

#[test]
fn what_is_known_of_both_ends_must_not_differ() {
    let differs = |change: fn(&mut AmqpFacts)| {
        let mut bench = Bench::new();
        bench.sends(published("one"), START).settle(ids(1));
        let mut facts = message(amqp::Operation::Deliver, "one");
        change(&mut facts);
        bench.receives(Side::Server, Facts::Amqp(Box::new(facts)), START + MS);
        bench.linker.finish(START + SECOND, &mut bench.out);
        bench.linked().is_empty()
    };
    fn of(facts: &mut AmqpFacts) -> &mut Message {
        facts.message.as_mut().expect("a message")
    }
    assert!(!differs(|_| {}));
    assert!(!differs(|facts| facts.vhost = None), "attached in the middle");
    assert!(differs(|facts| facts.vhost = Some("other".into())));
    assert!(differs(|facts| facts.exchange = "".into()));
    assert!(differs(|facts| facts.routing_key = "x".into()));
    assert!(differs(|facts| of(facts).message_id = Some("m".into())));
    assert!(differs(|facts| of(facts).correlation_id = Some("c".into())));
    assert!(differs(|facts| of(facts).timestamp = Some(1)));
    assert!(differs(|facts| of(facts).content_hash = Some(1)));
    assert!(differs(|facts| of(facts).content_hash = None), "too little was seen");
}

#[test]
fn a_message_id_names_what_was_not_seen_whole() {
    let mut bench = Bench::new();
    let named = |operation| {
        let mut facts = message(operation, "large");
        let message = facts.message.as_mut().expect("a message");
        message.message_id = Some("m-1".into());
        message.content_hash = None;
        Facts::Amqp(Box::new(facts))
    };
    bench.sends(named(amqp::Operation::Publish), START).settle(ids(1));
    bench.receives(Side::Server, named(amqp::Operation::Deliver), START + MS);
    assert_eq!(bench.linked(), [1], "at once");
}

#[test]
fn a_context_in_a_message_names_its_sender_by_itself() {
    let mut bench = Bench::new();
    bench.sends(published("one"), START).settle(ids(1));
    let context = from_headers([(
        &b"traceparent"[..],
        &b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"[..],
    )]);
    let messages = bench.told(Side::Server, delivered("one"), context.clone(), START + MS);
    assert_eq!(messages.contexts, Vec::from_iter(context));
    assert!(messages.names.is_empty());
}

/// A call as boto3 makes it, in AWS' JSON protocol.
fn sqs(operation: &str, request: &str, response: &str) -> Facts {
    let mut facts = HttpFacts { method: Some(Method::Post), ..HttpFacts::default() };
    facts.set_target(b"/");
    let target = format!("AmazonSQS.{operation}");
    for (name, value) in [
        ("X-Amz-Target", &*target),
        ("Content-Type", "application/x-amz-json-1.0"),
        ("Authorization", "AWS4-HMAC-SHA256 Credential=A/20150830/eu-west-1/sqs/aws4_request, S"),
    ] {
        facts.request_field(name.as_bytes(), value.as_bytes());
    }
    assert!(facts.wants_body());
    facts.request_body(request.as_bytes());
    facts.status = Some(200);
    assert!(facts.wants_response_body());
    facts.response_body(response.as_bytes());
    facts.refine();
    Facts::Http(Box::new(facts))
}

#[test]
fn a_queues_message_is_linked_by_its_id() {
    let mut bench = Bench::new();
    let send = sqs("SendMessage", r#"{"QueueUrl":"u","MessageBody":"x"}"#, r#"{"MessageId":"m1"}"#);
    bench.sends(send, START).settle(ids(1));
    let entries = r#"{"Entries":[{"Id":"0","MessageBody":"x"},{"Id":"1","MessageBody":"y"}]}"#;
    let answer = r#"{"Successful":[{"Id":"1","MessageId":"m3"},{"Id":"0","MessageId":"m2"}]}"#;
    bench.sends(sqs("SendMessageBatch", entries, answer), START).settle(ids(2));
    let answer = r#"{"Messages":[{"MessageId":"m1","Body":"x"},{"MessageId":"m3","Body":"y"}]}"#;
    bench.receives(Side::Client, sqs("ReceiveMessage", r#"{"QueueUrl":"u"}"#, answer), START + MS);
    assert_eq!(bench.linked(), [1, 2]);
    let answer = r#"{"Messages":[{"MessageId":"m4","Body":"x"}]}"#;
    bench.receives(Side::Client, sqs("ReceiveMessage", r#"{"QueueUrl":"u"}"#, answer), START + MS);
    bench.tick(START + 3 * SECOND);
    assert!(bench.linked().is_empty());
    assert_eq!(bench.linker.counters().sender_missing, 1);
}
