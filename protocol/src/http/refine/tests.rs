//! Requests as the SDKs and the specifications write them.

use super::{Api, AwsCall, AwsResource, ElasticsearchCall};
use crate::http::{HttpFacts, Method};

const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/";

/// Reads an exchange as a dissector does.
fn read(
    request: (&str, &str),
    fields: &[(&str, &str)],
    body: &str,
    status: u16,
    response: &[(&str, &str)],
    answer: &str,
) -> HttpFacts {
    let mut facts =
        HttpFacts { method: Some(Method::new(request.0.as_bytes())), ..HttpFacts::default() };
    facts.set_target(request.1.as_bytes());
    fields.iter().for_each(|(name, value)| facts.request_field(name.as_bytes(), value.as_bytes()));
    if facts.wants_body() {
        facts.request_body(body.as_bytes());
    }
    facts.status = Some(status);
    response
        .iter()
        .for_each(|(name, value)| facts.response_field(name.as_bytes(), value.as_bytes()));
    if facts.wants_response_body() {
        facts.response_body(answer.as_bytes());
    }
    facts.refine();
    facts
}

fn asked(request: (&str, &str), fields: &[(&str, &str)], body: &str) -> Option<Api> {
    read(request, fields, body, 200, &[], "").api.map(|api| *api)
}

fn aws(request: (&str, &str), fields: &[(&str, &str)], body: &str) -> AwsCall {
    match asked(request, fields, body) {
        Some(Api::Aws(call)) => call,
        other => panic!("{request:?}: {other:?}"),
    }
}

fn signed(service: &str) -> String {
    format!(
        "{SIGNED}{service}/aws4_request, SignedHeaders=host, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )
}

#[test]
fn dynamodb_in_json() {
    let fields = [
        ("Host", "dynamodb.us-east-1.amazonaws.com"),
        ("X-Amz-Target", "DynamoDB_20120810.GetItem"),
        ("Content-Type", "application/x-amz-json-1.0"),
        ("Authorization", &signed("dynamodb")),
    ];
    let body = r#"{"Key":{"id":{"S":"secret"}},"TableName":"orders"}"#;
    let response =
        [("x-amzn-RequestId", "79b9da39-b7ae"), ("Content-Type", "application/x-amz-json-1.0")];
    let facts = read(
        ("POST", "/"),
        &fields,
        body,
        400,
        &response,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no"}"#,
    );
    let Some(Api::Aws(call)) = facts.api.as_deref() else { panic!("{facts:?}") };
    assert_eq!((&*call.service, call.operation.as_deref()), ("DynamoDB", Some("GetItem")));
    assert_eq!(call.region.as_deref(), Some("us-east-1"));
    assert_eq!(call.resource, Some(AwsResource::Table("orders".into())));
    assert_eq!(call.request_id.as_deref(), Some("79b9da39-b7ae"));
    assert_eq!(call.error.as_deref(), Some("ResourceNotFoundException"));
    assert!(!format!("{facts:?}").contains("AKIDEXAMPLE"), "key ids are not kept");
}

#[test]
fn sqs_in_json_and_as_a_query() {
    let queue = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs";
    let json = [
        ("X-Amz-Target", "AmazonSQS.SendMessage"),
        ("Content-Type", "application/x-amz-json-1.0"),
        ("Authorization", &signed("sqs")),
    ];
    let call = aws(("POST", "/"), &json, &format!(r#"{{"QueueUrl":"{queue}","MessageBody":"x"}}"#));
    assert_eq!((&*call.service, call.operation.as_deref()), ("SQS", Some("SendMessage")));
    assert_eq!(call.resource, Some(AwsResource::Queue(queue.into())));

    let form = [
        ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("Authorization", &signed("sqs")),
    ];
    let body = "Action=ReceiveMessage&Version=2012-11-05&QueueUrl=https%3A%2F%2Fsqs.us-east-1.amazonaws.com%2F123456789012%2Fjobs";
    let call = aws(("POST", "/"), &form, body);
    assert_eq!((&*call.service, call.operation.as_deref()), ("SQS", Some("ReceiveMessage")));
    assert_eq!(call.resource, Some(AwsResource::Queue(queue.into())));
}

#[test]
fn sns_and_sts_as_queries() {
    let fields = |service| {
        [
            ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
            ("Authorization", signed(service)),
        ]
    };
    let of = |service, body| {
        let fields = fields(service);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        aws(("POST", "/"), &fields, body)
    };
    let call = of(
        "sns",
        "TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A123456789012%3Anews&Message=hi&Action=Publish",
    );
    assert_eq!((&*call.service, call.operation.as_deref()), ("SNS", Some("Publish")));
    assert_eq!(
        call.resource,
        Some(AwsResource::Topic("arn:aws:sns:us-east-1:123456789012:news".into()))
    );
    let call = of("sts", "Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!((&*call.service, call.operation.as_deref()), ("STS", Some("GetCallerIdentity")));
}

#[test]
fn s3_by_path_host_and_presigned_url() {
    let authorization = signed("s3");
    let path_style = |method, target| {
        aws((method, target), &[("Host", "localhost:5000"), ("Authorization", &*authorization)], "")
    };
    for (method, target, operation, resource) in [
        ("GET", "/", "ListBuckets", None),
        ("PUT", "/media", "CreateBucket", Some(("media", None))),
        ("GET", "/media?list-type=2&prefix=a", "ListObjectsV2", Some(("media", None))),
        ("GET", "/media?location", "GetBucketLocation", Some(("media", None))),
        ("HEAD", "/media", "HeadBucket", Some(("media", None))),
        ("POST", "/media?delete", "DeleteObjects", Some(("media", None))),
        ("PUT", "/media/a/b.png", "PutObject", Some(("media", Some("a/b.png")))),
        ("GET", "/media/a/b.png", "GetObject", Some(("media", Some("a/b.png")))),
        ("GET", "/media/a/b.png?tagging", "GetObjectTagging", Some(("media", Some("a/b.png")))),
        ("POST", "/media/k?uploads", "CreateMultipartUpload", Some(("media", Some("k")))),
        ("PUT", "/media/k?partNumber=1&uploadId=x", "UploadPart", Some(("media", Some("k")))),
        ("POST", "/media/k?uploadId=x", "CompleteMultipartUpload", Some(("media", Some("k")))),
        ("DELETE", "/media/k", "DeleteObject", Some(("media", Some("k")))),
    ] {
        let call = path_style(method, target);
        assert_eq!(
            (&*call.service, call.operation.as_deref()),
            ("S3", Some(operation)),
            "{target}"
        );
        let resource = resource.map(|(bucket, key): (&str, Option<&str>)| AwsResource::Object {
            bucket: bucket.into(),
            key: key.map(Into::into),
        });
        assert_eq!(call.resource, resource, "{target}");
    }

    let object = |bucket: &str, key: &str| {
        Some(AwsResource::Object { bucket: bucket.into(), key: Some(key.into()) })
    };
    let call = aws(("GET", "/k"), &[("Host", "media.s3.eu-west-1.amazonaws.com")], "");
    assert_eq!(
        (call.operation.as_deref(), call.resource),
        (Some("GetObject"), object("media", "k"))
    );
    let presigned = "/media/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20130524%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=ab";
    let call = aws(("GET", presigned), &[("Host", "s3.example")], "");
    assert_eq!((call.region.as_deref(), call.resource), (Some("eu-west-1"), object("media", "k")));
    let copy = [("Authorization", &*authorization), ("x-amz-copy-source", "/media/a")];
    assert_eq!(aws(("PUT", "/media/b"), &copy, "").operation.as_deref(), Some("CopyObject"));
}

/// "Error responses" of the S3 API reference: the request has no content to tell the API from.
#[test]
fn errors_of_s3_without_a_content() {
    let authorization = signed("s3");
    let fields = [("Host", "localhost:5000"), ("Authorization", &*authorization)];
    let answer = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Key>k</Key></Error>";
    let facts = read(("GET", "/media/k"), &fields, "", 404, &[], answer);
    let Some(Api::Aws(call)) = facts.api.as_deref() else { panic!("{facts:?}") };
    assert_eq!(call.operation.as_deref(), Some("GetObject"));
    assert_eq!(call.error.as_deref(), Some("NoSuchKey"));
}

#[test]
fn lambda_cbor_and_errors_in_xml() {
    let authorization = signed("lambda");
    let call = aws(
        ("POST", "/2015-03-31/functions/resize/invocations"),
        &[("Authorization", &*authorization)],
        "",
    );
    assert_eq!((&*call.service, call.operation.as_deref()), ("Lambda", Some("Invoke")));
    assert_eq!(call.resource, Some(AwsResource::Function("resize".into())));
    let authorization = signed("monitoring");
    let fields = [("Authorization", &*authorization), ("smithy-protocol", "rpc-v2-cbor")];
    let call = aws(
        ("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData"),
        &fields,
        "",
    );
    assert_eq!((&*call.service, call.operation.as_deref()), ("CloudWatch", Some("PutMetricData")));

    let authorization = signed("sqs");
    let fields =
        [("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", &*authorization)];
    let facts = read(
        ("POST", "/"),
        &fields,
        "Action=GetQueueUrl",
        400,
        &[],
        "<?xml version=\"1.0\"?><ErrorResponse><Error><Code>AWS.SimpleQueueService.NonExistentQueue</Code>",
    );
    let Some(Api::Aws(call)) = facts.api.as_deref() else { panic!() };
    assert_eq!(call.error.as_deref(), Some("AWS.SimpleQueueService.NonExistentQueue"));
}

#[test]
fn what_only_looks_like_aws() {
    let authorization = signed("execute-api");
    assert_eq!(asked(("GET", "/prod/pets"), &[("Authorization", &*authorization)], ""), None);
    assert_eq!(asked(("POST", "/"), &[("X-Amz-Target", "A.B")], ""), None);
    assert_eq!(
        asked(("GET", "/x"), &[("Host", "abc.execute-api.eu-west-1.amazonaws.com")], ""),
        None
    );
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(asked(("POST", "/"), &form, "Action=SendMessage&Version=2012-11-05"), None);
    assert_eq!(
        asked(
            ("GET", "/"),
            &[("Authorization", "Bearer AWS4-HMAC-SHA256 Credential=a/b/c/s3/aws4_request")],
            ""
        ),
        None
    );
}

fn elasticsearch(
    request: (&str, &str),
    fields: &[(&str, &str)],
    response: &[(&str, &str)],
) -> Option<ElasticsearchCall> {
    match read(request, fields, "", 200, response, "").api.map(|api| *api) {
        Some(Api::Elasticsearch(call)) => Some(call),
        None => None,
        other => panic!("{other:?}"),
    }
}

/// Identifiers by the REST API specification's files (`rest-api-spec/api/*.json`).
#[test]
fn elasticsearch_endpoints() {
    let product = [("X-elastic-product", "Elasticsearch")];
    for (method, path, endpoint, index) in [
        ("GET", "/", "info", None),
        ("HEAD", "/", "ping", None),
        ("POST", "/logs-*,app/_search?size=1", "search", Some("logs-*,app")),
        ("POST", "/_bulk", "bulk", None),
        ("PUT", "/books/_doc/1?refresh", "index", Some("books")),
        ("GET", "/books/_doc/1", "get", Some("books")),
        ("DELETE", "/books/_doc/1", "delete", Some("books")),
        ("POST", "/books/_update/1", "update", Some("books")),
        ("POST", "/books/_delete_by_query", "delete_by_query", Some("books")),
        ("PUT", "/books", "indices.create", Some("books")),
        ("HEAD", "/books", "indices.exists", Some("books")),
        ("POST", "/_all/_refresh", "indices.refresh", Some("_all")),
        ("GET", "/_cluster/health", "cluster.health", None),
        ("GET", "/_cat/indices/b*?v", "cat.indices", None),
        ("POST", "/_search/scroll", "scroll", None),
    ] {
        let call = elasticsearch((method, path), &[], &product).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(
            (call.endpoint, call.index(), call.system),
            (endpoint, index, "elasticsearch"),
            "{path}"
        );
    }
    let call = elasticsearch(("GET", "/books/_doc/7"), &[], &product).unwrap();
    assert_eq!(call.parameters, [("index", "books".into()), ("id", "7".into())]);
}

#[test]
fn elasticsearch_only_on_its_evidence() {
    let search = ("GET", "/books/_search");
    assert_eq!(elasticsearch(search, &[("Host", "shop.example")], &[]), None);
    assert!(elasticsearch(search, &[("Host", "10.0.0.3:9200")], &[]).is_some());
    assert!(elasticsearch(search, &[("x-elastic-client-meta", "es=8.1,py=3.11")], &[]).is_some());
    let open = elasticsearch(search, &[("User-Agent", "opensearch-py/2.4 (Python 3.11)")], &[]);
    assert_eq!(open.unwrap().system, "opensearch");
    let managed = signed("es");
    assert_eq!(
        elasticsearch(search, &[("Authorization", &managed)], &[]).unwrap().system,
        "opensearch"
    );
    let product = [("X-elastic-product", "Elasticsearch")];
    assert_eq!(elasticsearch(("GET", "/_unknown/thing"), &[], &product), None);
    let cloud = [
        product[0],
        ("X-Found-Handling-Cluster", "c1"),
        ("X-Found-Handling-Instance", "instance-0000000001"),
    ];
    let call = elasticsearch(search, &[], &cloud).unwrap();
    assert_eq!(
        (call.cluster.as_deref(), call.node.as_deref()),
        (Some("c1"), Some("instance-0000000001"))
    );
}

fn graphql(target: &str, kind: &str, body: &str) -> Option<(Option<&'static str>, Option<String>)> {
    match asked(("POST", target), &[("Content-Type", kind)], body) {
        Some(Api::GraphQl(operation)) => Some((operation.kind, operation.name.map(Into::into))),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn graphql_operations() {
    let json = "application/json; charset=utf-8";
    for (body, kind, name) in [
        (r#"{"query":"query HeroName { hero { name } }"}"#, Some("query"), Some("HeroName")),
        (
            r#"{"query":"mutation($x: In = {a: 1}) { add(x: $x) }","variables":{}}"#,
            Some("mutation"),
            None,
        ),
        (r##"{"query":"# hi\n\n  subscription S { s }"}"##, Some("subscription"), Some("S")),
        (
            r#"{"operationName":"B","query":"query A { a } mutation B { b }"}"#,
            Some("mutation"),
            Some("B"),
        ),
        (
            r#"{"operationName":null,"query":"query A { a } query B { b }"}"#,
            Some("query"),
            Some("A"),
        ),
        (r#"{"query":"{ hero { name } }","variables":null}"#, Some("query"), None),
        (r#"{"query":"fragment F on T { a } query Q { ...F }"}"#, Some("query"), Some("Q")),
        (r#"[{"query":"query A { a }"},{"query":"query B { b }"}]"#, Some("query"), Some("A")),
        (
            r#"{"operationName":"P","extensions":{"persistedQuery":{"version":1,"sha256Hash":"e"}}}"#,
            None,
            Some("P"),
        ),
        (r#"{"query":"query Cut { hero { na"#, Some("query"), Some("Cut")),
    ] {
        assert_eq!(graphql("/api", json, body), Some((kind, name.map(str::to_owned))), "{body}");
    }
    assert_eq!(graphql("/graphql", json, r#"{"query":"{ hero }"}"#), Some((Some("query"), None)));
    assert_eq!(
        graphql("/x", "application/graphql", "query Q { a }"),
        Some((Some("query"), Some("Q".into())))
    );
    let get = asked(
        ("GET", "/graphql?query=query+Q%28%24a%3A+Int%29+%7B+x+%7D&variables=%7B%7D"),
        &[],
        "",
    );
    let Some(Api::GraphQl(operation)) = get else { panic!("{get:?}") };
    assert_eq!((operation.kind, operation.name.as_deref()), (Some("query"), Some("Q")));
}

#[test]
fn what_only_looks_like_graphql() {
    for body in [
        r#"{"query":"SELECT * FROM t"}"#,
        r#"{"query":{"match_all":{}}}"#,
        r#"{"query":"{shoes}"}"#,
        r#"{"query":"query"}"#,
        r#"{"query":"mutation of genes"}"#,
        r#"{"query":"query me, please"}"#,
        "{",
        "",
    ] {
        assert_eq!(graphql("/api/search", "application/json", body), None, "{body}");
    }
}

#[test]
fn json_rpc() {
    let json = [("Content-Type", "application/json")];
    let read =
        |body: &str, answer: &str| match read(("POST", "/rpc"), &json, body, 200, &[], answer)
            .api
            .map(|api| *api)
        {
            Some(Api::JsonRpc(call)) => Some((
                call.method.map(String::from),
                call.id.map(String::from),
                call.error_code,
                String::from(call.version),
            )),
            None => None,
            other => panic!("{other:?}"),
        };
    let two = || "2.0".to_owned();
    // The examples of the specification, section 7.
    assert_eq!(
        read(
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
            r#"{"jsonrpc": "2.0", "result": 19, "id": 1}"#
        ),
        Some((Some("subtract".into()), Some("1".into()), None, two()))
    );
    assert_eq!(
        read(
            r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
            r#"{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}"#
        ),
        Some((Some("foobar".into()), Some("1".into()), Some(-32601), two()))
    );
    assert_eq!(
        read(r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2]}"#, ""),
        Some((Some("update".into()), None, None, two()))
    );
    assert_eq!(
        read(
            r#"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method": "notify_hello"}]"#,
            "[]"
        ),
        Some((None, None, None, two()))
    );
    for body in [r#"{"method":"x","id":1}"#, r#"{"jsonrpc":"2.0","result":1}"#, "[]", "{}", ""] {
        assert_eq!(read(body, ""), None, "{body}");
    }
}
