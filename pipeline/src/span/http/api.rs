//! What an API adds to the HTTP span that carries it: the conventions of AWS SDK calls, of
//! Elasticsearch, GraphQL and JSON-RPC (all in development).

use std::borrow::Cow;

use onlooker_protocol::http::{Api, AwsCall, AwsResource, ElasticsearchCall, HttpFacts};

use crate::span::model::{Attributes, Value};

/// The span's name, where the API has one of its own.
pub(super) fn name(api: &Api) -> Option<Cow<'static, str>> {
    match api {
        // `Service.Operation`, as the conventions of AWS SDK calls demand.
        Api::Aws(call) => {
            let operation = call.operation.as_deref()?;
            Some(format!("{}.{operation}", call.service).into())
        }
        Api::Elasticsearch(call) => Some(match call.index() {
            Some(index) => format!("{} {index}", call.endpoint).into(),
            None => call.endpoint.into(),
        }),
        Api::GraphQl(_) | Api::JsonRpc(_) => None,
    }
}

/// `error.type`, where the API tells more of a failure than HTTP does; `failed` says that HTTP tells of one.
pub(super) fn error(api: &Api, facts: &HttpFacts, failed: bool) -> Option<Cow<'static, str>> {
    match api {
        Api::Aws(call) if failed => call.error.as_deref().map(|code| code.to_owned().into()),
        Api::Elasticsearch(_) if failed => facts.status.map(|status| status.to_string().into()),
        Api::JsonRpc(call) => call.error_code.map(|code| code.to_string().into()),
        _ => None,
    }
}

/// Sets the API's attributes.
pub(super) fn set(api: &Api, facts: &HttpFacts, attributes: &mut Attributes) {
    match api {
        Api::Aws(call) => aws(call, attributes),
        Api::Elasticsearch(call) => elasticsearch(call, facts, attributes),
        Api::GraphQl(operation) => {
            attributes.set_some("graphql.operation.type", operation.kind);
            attributes.set_some("graphql.operation.name", operation.name.clone());
        }
        Api::JsonRpc(call) => {
            attributes.set("rpc.system.name", "jsonrpc");
            attributes.set_some("rpc.method", call.method.clone());
            attributes.set("jsonrpc.protocol.version", call.version.clone());
            attributes.set_some("jsonrpc.request.id", call.id.clone());
            let code = call.error_code.map(|code| code.to_string());
            attributes.set_some("rpc.response.status_code", code);
        }
    }
}

fn aws(call: &AwsCall, attributes: &mut Attributes) {
    attributes.set("rpc.system", "aws-api");
    attributes.set("rpc.service", call.service.clone());
    attributes.set_some("rpc.method", call.operation.clone());
    attributes.set_some("cloud.region", call.region.clone());
    attributes.set_some("aws.request_id", call.request_id.clone());
    attributes.set_some("aws.extended_request_id", call.extended_request_id.clone());
    match &*call.service {
        "DynamoDB" => {
            attributes.set("db.system.name", "aws.dynamodb");
            attributes.set_some("db.operation.name", call.operation.clone());
        }
        "SQS" => messaging("aws_sqs", call, attributes),
        "SNS" => messaging("aws.sns", call, attributes),
        _ => {}
    }
    match &call.resource {
        Some(AwsResource::Table(table)) => {
            attributes.set("db.collection.name", table.clone());
            let tables = [table.clone().into()].into();
            attributes.set("aws.dynamodb.table_names", Value::Texts(tables));
        }
        Some(AwsResource::Queue(url)) => {
            let name = url.rsplit('/').next().unwrap_or_default();
            attributes.set("messaging.destination.name", name.to_owned());
            attributes.set("aws.sqs.queue.url", url.clone());
        }
        Some(AwsResource::Topic(arn)) => {
            let name = arn.rsplit(':').next().unwrap_or_default();
            attributes.set("messaging.destination.name", name.to_owned());
            attributes.set("aws.sns.topic.arn", arn.clone());
        }
        Some(AwsResource::Stream(name)) => {
            attributes.set("aws.kinesis.stream_name", name.clone());
        }
        Some(AwsResource::Function(name)) => {
            attributes.set("faas.invoked_name", name.clone());
        }
        Some(AwsResource::Object { bucket, key }) => {
            attributes.set("aws.s3.bucket", bucket.clone());
            attributes.set_some("aws.s3.key", key.clone());
        }
        None => {}
    }
}

fn messaging(system: &'static str, call: &AwsCall, attributes: &mut Attributes) {
    attributes.set("messaging.system", system);
    let Some(operation) = call.operation.as_deref() else { return };
    attributes.set("messaging.operation.name", operation.to_owned());
    let kind = match operation {
        "SendMessage" | "SendMessageBatch" | "Publish" | "PublishBatch" => Some("send"),
        "ReceiveMessage" => Some("receive"),
        "DeleteMessage" | "DeleteMessageBatch" => Some("settle"),
        _ => None,
    };
    attributes.set_some("messaging.operation.type", kind);
    match &call.messages[..] {
        _ if !call.messages_whole => {}
        [message] => attributes.set_some("messaging.message.id", message.id.clone()),
        [] => {}
        messages => {
            let count = i64::try_from(messages.len()).ok();
            attributes.set_some("messaging.batch.message_count", count);
        }
    }
}

fn elasticsearch(call: &ElasticsearchCall, facts: &HttpFacts, attributes: &mut Attributes) {
    attributes.set("db.system.name", call.system);
    attributes.set("db.operation.name", call.endpoint);
    attributes.set_some("db.collection.name", call.index().map(str::to_owned));
    attributes.set_some("db.namespace", call.cluster.clone());
    attributes.set_some("elasticsearch.node.name", call.node.clone());
    let status = facts.status.map(|status| status.to_string());
    attributes.set_some("db.response.status_code", status);
    for (name, value) in &call.parameters {
        let key = format!("db.operation.parameter.{name}");
        attributes.0.push((key.into(), value.clone().into()));
    }
}
