//! AWS' services: boto3 against moto. Ids are those that the SDK returned.

use onlooker_e2e::servers::Moto;
use onlooker_e2e::{Agent, Session, Span, Spans as _, skipped};
use serde_json::{Value, json};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SENDER: &str = "b7ad6b7169203331";
const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

/// An SDK in a process of its own.
struct Sdk(Session);

impl Sdk {
    fn new(moto: &Moto) -> Self {
        Self(Session::python("boto3_session.py", &[moto.port.to_string()]))
    }

    fn call(&mut self, service: &str, operation: &str, arguments: &Value) -> Value {
        let answer = self.0.ask(&format!("{service} {operation} {arguments}"));
        serde_json::from_str(&answer).expect("JSON")
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}: {value}"))
}

fn is_call(span: &Span, service: &str, operation: &str) -> bool {
    span.name == format!("{service}.{operation}") && span.is_client()
}

#[test]
fn aws_messages_are_linked_from_receiver_to_sender() {
    if skipped() {
        return;
    }
    let moto = Moto::start();
    let (mut sender, mut receiver) = (Sdk::new(&moto), Sdk::new(&moto));
    let queue = sender.call("sqs", "create_queue", &json!({"QueueName": "orders"}));
    let queue = text(&queue, "/QueueUrl").to_owned();
    let topic = sender.call("sns", "create_topic", &json!({"Name": "news"}));
    let topic = text(&topic, "/TopicArn").to_owned();
    let named = json!({"QueueUrl": queue, "AttributeNames": ["QueueArn"]});
    let named = sender.call("sqs", "get_queue_attributes", &named);
    let arn = text(&named, "/Attributes/QueueArn");
    let subscription = json!({"TopicArn": topic, "Protocol": "sqs", "Endpoint": arn});
    sender.call("sns", "subscribe", &subscription);

    let agent = Agent::trace_pids(&[sender.0.pid(), receiver.0.pid()]);
    let traceparent = format!("00-{TRACE}-{SENDER}-01");
    let attribute = |value: &str| json!({"StringValue": value, "DataType": "String"});
    let plain =
        sender.call("sqs", "send_message", &json!({"QueueUrl": queue, "MessageBody": "pear"}));
    let carrying = json!({
        "QueueUrl": queue, "MessageBody": "quince",
        "MessageAttributes": {"traceparent": attribute(&traceparent)},
    });
    sender.call("sqs", "send_message", &carrying);
    let traced = json!({
        "QueueUrl": queue, "MessageBody": "damson",
        "MessageSystemAttributes": {"AWSTraceHeader": attribute(XRAY)},
    });
    sender.call("sqs", "send_message", &traced);
    let entries = json!([{"Id": "a", "MessageBody": "plum"}, {"Id": "b", "MessageBody": "cherry"}]);
    sender.call("sqs", "send_message_batch", &json!({"QueueUrl": queue, "Entries": entries}));
    let published = sender.call("sns", "publish", &json!({"TopicArn": topic, "Message": "medlar"}));
    let ask = json!({
        "QueueUrl": queue, "MaxNumberOfMessages": 10,
        "MessageAttributeNames": ["All"], "AttributeNames": ["All"],
    });
    let received = receiver.call("sqs", "receive_message", &ask);
    let count = received.pointer("/Messages").and_then(Value::as_array).map_or(0, Vec::len);
    assert_eq!(count, 6, "the test itself: {received}");
    agent.wait_for("all calls", |spans| {
        ["SendMessageBatch", "ReceiveMessage"]
            .iter()
            .all(|operation| spans.iter().any(|span| is_call(span, "SQS", operation)))
            && spans.iter().any(|span| is_call(span, "SNS", "Publish"))
    });
    let spans = agent.finish().successful().spans;

    assert_eq!(spans.len(), 6, "{spans:#?}");
    for span in &spans {
        assert_eq!(span.text("rpc.system"), Some("aws-api"));
        assert_eq!(span.text("cloud.region"), Some("eu-west-1"));
        assert_eq!(span.int("http.response.status_code"), Some(200));
        let is_topic = span.name.starts_with("SNS");
        let system = if is_topic { "aws.sns" } else { "aws_sqs" };
        assert_eq!(span.text("messaging.system"), Some(system));
        let name = if is_topic { "news" } else { "orders" };
        assert_eq!(span.text("messaging.destination.name"), Some(name));
    }
    let receive = spans.one("receive", |span| is_call(span, "SQS", "ReceiveMessage"));
    assert_eq!(receive.text("messaging.operation.type"), Some("receive"));
    assert_eq!(receive.int("messaging.batch.message_count"), Some(6));
    let message = |id: &str| {
        let id = id.to_owned();
        move |span: &Span| span.text("messaging.message.id") == Some(id.as_str())
    };
    let send = spans.one("send", message(text(&plain, "/MessageId")));
    assert!(is_call(send, "SQS", "SendMessage"));
    assert_eq!(send.text("messaging.operation.type"), Some("send"));
    let publish = spans.one("publish", message(text(&published, "/MessageId")));
    assert!(is_call(publish, "SNS", "Publish"));
    let batch = spans.one("batch", |span| is_call(span, "SQS", "SendMessageBatch"));
    assert_eq!(batch.int("messaging.batch.message_count"), Some(2));

    let mut links: Vec<_> =
        receive.links.iter().map(|link| (&*link.span_id, &*link.evidence)).collect();
    links.sort_unstable();
    let mut expected = [
        (&*send.span_id, "message-identity"),
        (SENDER, "message-context"),
        (&*batch.span_id, "message-identity"),
        ("53995c3f42cd8ad8", "message-context"),
        (&*publish.span_id, "message-identity"),
    ];
    expected.sort_unstable();
    assert_eq!(links, expected);
    let everything = format!("{spans:?}");
    for secret in ["pear", "quince", "medlar", "AKIDEXAMPLE", "secret-access-key"] {
        assert!(!everything.contains(secret), "{secret} has left the machine");
    }
}

#[test]
fn aws_calls_of_s3_and_dynamodb_are_named_by_their_operations() {
    if skipped() {
        return;
    }
    let moto = Moto::start();
    let mut sdk = Sdk::new(&moto);
    let agent = Agent::trace_pid(sdk.0.pid());
    let region = json!({"LocationConstraint": "eu-west-1"});
    let bucket = json!({"Bucket": "fruit", "CreateBucketConfiguration": region});
    sdk.call("s3", "create_bucket", &bucket);
    let object = json!({"Bucket": "fruit", "Key": "a/pear.txt", "Body": "juicy"});
    sdk.call("s3", "put_object", &object);
    let got = sdk.call("s3", "get_object", &json!({"Bucket": "fruit", "Key": "a/pear.txt"}));
    assert_eq!(text(&got, "/Body"), "juicy");
    let missing = sdk.call("s3", "get_object", &json!({"Bucket": "fruit", "Key": "absent"}));
    assert_eq!(text(&missing, "/Error/Code"), "NoSuchKey");
    let table = json!({
        "TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    });
    sdk.call("dynamodb", "create_table", &table);
    let item = json!({"TableName": "orders", "Item": {"id": {"S": "quince"}}});
    let put = sdk.call("dynamodb", "put_item", &item);
    let absent = json!({"TableName": "absent", "Key": {"id": {"S": "quince"}}});
    let absent = sdk.call("dynamodb", "get_item", &absent);
    assert_eq!(text(&absent, "/Error/Code"), "ResourceNotFoundException");
    agent.wait_for("7 calls", |spans| spans.len() >= 7);
    let spans = agent.finish().successful().spans;

    assert_eq!(spans.len(), 7, "{spans:#?}");
    let error = Some("NoSuchKey");
    for (operation, key, error) in [
        ("CreateBucket", None, None),
        ("PutObject", Some("a/pear.txt"), None),
        ("GetObject", Some("a/pear.txt"), None),
        ("GetObject", Some("absent"), error),
    ] {
        let span = spans.one(operation, |span| {
            is_call(span, "S3", operation) && span.text("aws.s3.key") == key
        });
        assert_eq!(span.text("aws.s3.bucket"), Some("fruit"));
        assert_eq!(span.text("error.type"), error);
        assert_eq!(span.status, if error.is_some() { "ERROR" } else { "UNSET" });
    }
    for (operation, table, error) in [
        ("CreateTable", "orders", None),
        ("PutItem", "orders", None),
        ("GetItem", "absent", Some("ResourceNotFoundException")),
    ] {
        let span = spans.one(operation, |span| is_call(span, "DynamoDB", operation));
        assert_eq!(span.text("db.system.name"), Some("aws.dynamodb"));
        assert_eq!(span.text("db.collection.name"), Some(table));
        assert_eq!(span.text("rpc.method"), Some(operation));
        assert_eq!(span.text("error.type"), error);
    }
    let put_item = spans.one("put", |span| is_call(span, "DynamoDB", "PutItem"));
    let id = text(&put, "/ResponseMetadata/RequestId");
    assert_eq!(put_item.text("aws.request_id"), Some(id));
    let everything = format!("{spans:?}");
    for secret in ["juicy", "quince", "AKIDEXAMPLE"] {
        assert!(!everything.contains(secret), "{secret} has left the machine");
    }
}
