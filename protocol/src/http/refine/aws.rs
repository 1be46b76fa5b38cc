//! AWS' HTTP protocols: JSON and CBOR (the operation is in a field or the path), query (it is in
//! the form), REST (it is in method and path; known for S3 and Lambda).

use std::borrow::Cow;

use super::super::facts::HttpFacts;
use super::super::method::Method;
use super::aws_messages::{self, AwsMessage, Operation};
use super::json::{self, Value};
use super::{Content, NAME_LIMIT, aws_service, s3};
use crate::text::lossy;

/// A call of an AWS service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCall {
    /// The service id of AWS' SDKs (`DynamoDB`, `CloudWatch Logs`).
    pub service: Cow<'static, str>,
    /// The operation (`GetItem`), where the protocol tells it.
    pub operation: Option<Cow<'static, str>>,
    /// The region that the request is signed for.
    pub region: Option<Box<str>>,
    /// What the call is about.
    pub resource: Option<AwsResource>,
    /// `x-amzn-RequestId` or `x-amz-request-id` of the response.
    pub request_id: Option<Box<str>>,
    /// `x-amz-id-2` of the response.
    pub extended_request_id: Option<Box<str>>,
    /// The error's code (`ResourceNotFoundException`).
    pub error: Option<Box<str>>,
    /// The messages that are sent or received, as far as they were seen.
    pub messages: Vec<AwsMessage>,
    /// They are all that there are.
    pub messages_whole: bool,
}

/// What a call is about, if it is one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsResource {
    /// A DynamoDB table.
    Table(Box<str>),
    /// An SQS queue's URL.
    Queue(Box<str>),
    /// An SNS topic's ARN.
    Topic(Box<str>),
    /// A Kinesis stream.
    Stream(Box<str>),
    /// A Lambda function's name or ARN.
    Function(Box<str>),
    /// An S3 bucket, and an object in it.
    Object {
        /// The bucket.
        bucket: Box<str>,
        /// The object's key.
        key: Option<Box<str>>,
    },
}

/// What the fields say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// `X-Amz-Target`.
    target: Option<Box<str>>,
    /// Region and service that the request is signed for.
    scope: Option<(Box<str>, Box<str>)>,
    /// `x-amz-copy-source` was there.
    pub(super) copies: bool,
    /// `smithy-protocol` was there.
    smithy: bool,
    request_id: Option<Box<str>>,
    extended_request_id: Option<Box<str>>,
    error: Option<Box<str>>,
}

impl Hints {
    pub(super) fn request_field(slot: &mut Option<Box<Self>>, name: &[u8], value: &[u8]) {
        match name.len() {
            12 if name.eq_ignore_ascii_case(b"x-amz-target") => {
                slot.get_or_insert_default().target = Some(lossy(value.trim_ascii(), NAME_LIMIT));
            }
            13 if name.eq_ignore_ascii_case(b"authorization") => {
                if let Some(scope) = signed_scope(value) {
                    slot.get_or_insert_default().scope = Some(scope);
                }
            }
            17 if name.eq_ignore_ascii_case(b"x-amz-copy-source") => {
                slot.get_or_insert_default().copies = true;
            }
            15 if name.eq_ignore_ascii_case(b"smithy-protocol") => {
                slot.get_or_insert_default().smithy = true;
            }
            _ => {}
        }
    }

    pub(super) fn response_field(slot: &mut Option<Box<Self>>, name: &[u8], value: &[u8]) {
        if name.len() < 10 || !name[..5].eq_ignore_ascii_case(b"x-amz") {
            return;
        }
        let text = |value: &[u8]| Some(lossy(value.trim_ascii(), NAME_LIMIT));
        if [&b"x-amzn-requestid"[..], b"x-amz-request-id", b"x-amzn-request-id"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
        {
            slot.get_or_insert_default().request_id = text(value);
        } else if name.eq_ignore_ascii_case(b"x-amz-id-2") {
            slot.get_or_insert_default().extended_request_id = text(value);
        } else if name.eq_ignore_ascii_case(b"x-amzn-errortype") {
            slot.get_or_insert_default().error = error_name(&String::from_utf8_lossy(value));
        }
    }
}

/// Region and service of `AWS4-HMAC-SHA256 Credential={key}/{date}/{region}/{service}/aws4_request,
/// …`. The key's id is not kept.
fn signed_scope(value: &[u8]) -> Option<(Box<str>, Box<str>)> {
    let text = std::str::from_utf8(value).ok()?;
    let rest = text.trim_start().strip_prefix("AWS4-")?.split_once("Credential=")?.1;
    scope(rest.split([',', ' ']).next()?)
}

/// `{key}/{date}/{region}/{service}/aws4_request`.
fn scope(credential: &str) -> Option<(Box<str>, Box<str>)> {
    let mut parts = credential.rsplit('/');
    let ("aws4_request", service, region) = (parts.next()?, parts.next()?, parts.next()?) else {
        return None;
    };
    let short = |text: &str| lossy(text.as_bytes(), 64);
    (!service.is_empty()).then(|| (short(region), short(service)))
}

/// The scope of a presigned URL: `X-Amz-Credential`, slashes encoded.
fn presigned_scope(facts: &HttpFacts) -> Option<(Box<str>, Box<str>)> {
    const NAME: &str = "X-Amz-Credential=";
    let query = facts.query.as_deref().filter(|query| query.len() > NAME.len())?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(NAME))?;
    scope(&value.replace("%2F", "/").replace("%2f", "/"))
}

/// Whether the request's fields say that it is for AWS.
pub(super) fn is_likely(facts: &HttpFacts) -> bool {
    facts.hints.aws.as_ref().is_some_and(|hints| hints.scope.is_some())
        || facts.host().is_some_and(|host| aws_service::of_host(host).is_some())
}

/// Whether the request is signed for AWS' OpenSearch, managed or serverless.
pub(super) fn signs_for_opensearch(facts: &HttpFacts) -> bool {
    let scope = facts.hints.aws.as_ref().and_then(|hints| hints.scope.as_ref());
    scope.is_some_and(|(_, service)| matches!(&**service, "es" | "aoss"))
}

/// Recognises a call by its fields and the beginning of its content.
pub(super) fn call(facts: &HttpFacts, start: &[u8]) -> Option<AwsCall> {
    let presigned = presigned_scope(facts);
    let of_host = facts.host().and_then(aws_service::of_host);
    if presigned.is_none() && of_host.is_none() && facts.hints.aws.is_none() {
        return None;
    }
    let none = Hints::default();
    let hints = facts.hints.aws.as_deref().unwrap_or(&none);
    let scope = hints.scope.clone().or(presigned);
    if scope.is_none() && of_host.is_none() && hints.target.is_none() {
        return None;
    }
    let signed = scope.as_ref().map(|(_, service)| aws_service::of_signing_name(service));
    if signed == Some(None) {
        return None;
    }
    let (region, signed) = (scope.map(|(region, _)| region), signed.flatten());
    let mut found = AwsCall {
        service: Cow::Borrowed(""),
        operation: None,
        region: region.filter(|region| !region.is_empty()),
        resource: None,
        request_id: None,
        extended_request_id: None,
        error: None,
        messages: Vec::new(),
        messages_whole: false,
    };
    if let Some((target, operation)) = hints.target.as_deref().and_then(|it| it.rsplit_once('.')) {
        // The field alone could be anybody's: the content type belongs to it.
        if facts.hints.content != Content::Json && signed.is_none() {
            return None;
        }
        found.service = aws_service::of_target(target);
        found.operation = Some(Cow::Owned(operation.to_owned()));
        found.resource = json_resource(start);
        found.sends(start);
        return Some(found);
    }
    found.service = signed.or_else(|| of_host.map(Cow::Borrowed))?;
    if hints.smithy
        && let Some((service, operation)) = smithy(facts.path.as_deref()?)
    {
        found.service = aws_service::of_target(service);
        found.operation = Some(Cow::Owned(operation.to_owned()));
    } else if found.service == "S3" {
        let (operation, resource) = s3::operation(facts, hints)?;
        found.operation = operation.map(Cow::Borrowed);
        found.resource = resource;
    } else if found.service == "Lambda" {
        lambda(facts, &mut found);
    } else {
        let form = if facts.hints.content == Content::Form { start } else { b"" };
        let query = facts.query.as_deref().unwrap_or_default().as_bytes();
        let parameter = |name: &str| parameter(form, name).or_else(|| parameter(query, name));
        found.operation = parameter("Action").map(Cow::Owned);
        found.resource = parameter("QueueUrl")
            .map(|url| AwsResource::Queue(url.into()))
            .or_else(|| parameter("TopicArn").map(|arn| AwsResource::Topic(arn.into())));
        found.sends(form);
    }
    Some(found)
}

/// Whether the request's fields say that it is for SQS or SNS.
pub(super) fn carries_messages(facts: &HttpFacts) -> bool {
    let Some(hints) = facts.hints.aws.as_deref() else { return false };
    let of_target = hints.target.as_deref().and_then(|target| target.split_once('.'));
    of_target.is_some_and(|(service, _)| service == "AmazonSQS")
        || hints.scope.as_ref().is_some_and(|(_, service)| matches!(&**service, "sqs" | "sns"))
}

impl AwsCall {
    /// Whether messages are sent or received.
    pub(super) fn has_messages(&self) -> bool {
        self.operation_on_messages().is_some()
    }

    /// Whether messages are received, not sent.
    #[must_use]
    pub fn receives(&self) -> bool {
        self.operation_on_messages() == Some(Operation::Receive)
    }

    fn operation_on_messages(&self) -> Option<Operation> {
        Operation::of(&self.service, self.operation.as_deref()?)
    }

    /// Takes the messages out of a request's content.
    fn sends(&mut self, content: &[u8]) {
        if let Some(operation) = self.operation_on_messages() {
            self.messages = aws_messages::of_request(operation, content);
            self.messages_whole = aws_messages::is_whole(content);
        }
    }

    /// Takes what a response's content says of messages.
    pub(super) fn messages_in(&mut self, content: &[u8]) {
        if let Some(operation) = self.operation_on_messages() {
            aws_messages::answered(&mut self.messages, operation, content);
            if operation == Operation::Receive {
                self.messages_whole = aws_messages::is_whole(content);
            }
        }
    }

    /// Takes what the response's fields say.
    pub(super) fn response(&mut self, hints: &Hints) {
        self.request_id.clone_from(&hints.request_id);
        self.extended_request_id.clone_from(&hints.extended_request_id);
        if hints.error.is_some() {
            self.error.clone_from(&hints.error);
        }
    }

    /// Takes the code of an error out of a response's content: `__type` or `code` in JSON,
    /// `<Code>` in XML.
    pub(super) fn error_in(&mut self, start: &[u8]) {
        let in_json = || {
            let member = json::member(start, "__type").or_else(|| json::member(start, "code"))?;
            error_name(member.text()?)
        };
        let in_xml = || {
            let text = String::from_utf8_lossy(start);
            let code = text.split_once("<Code>")?.1.split_once("</Code>")?.0;
            error_name(code)
        };
        self.error = in_json().or_else(in_xml);
    }
}

/// `com.amazonaws.dynamodb.v20120810#ResourceNotFoundException:http://…` without what surrounds
/// the name; `None` if it is no name.
fn error_name(text: &str) -> Option<Box<str>> {
    let text = text.split(':').next()?;
    let name = text.rsplit('#').next()?.trim();
    let fits = !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    fits.then(|| name.into())
}

/// `/service/{service}/operation/{operation}` (Smithy RPC v2).
fn smithy(path: &str) -> Option<(&str, &str)> {
    let mut parts = path.rsplit('/');
    let (operation, "operation", service, "service") =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?)
    else {
        return None;
    };
    Some((service, operation))
}

/// `/2015-03-31/functions/{name}[/invocations]`.
fn lambda(facts: &HttpFacts, found: &mut AwsCall) {
    let path = facts.path.as_deref().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let post = facts.method == Some(Method::Post);
    let get = facts.method == Some(Method::Get);
    let (operation, name) = match parts.as_slice() {
        [_, "functions", name, "invocations"] if post => ("Invoke", Some(name)),
        [_, "functions", name, "response-streaming-invocations"] if post => {
            ("InvokeWithResponseStream", Some(name))
        }
        [_, "functions", name] if get => ("GetFunction", Some(name)),
        [_, "functions"] if get => ("ListFunctions", None),
        [_, "functions"] if post => ("CreateFunction", None),
        _ => return,
    };
    found.operation = Some(Cow::Borrowed(operation));
    found.resource = name.map(|name| AwsResource::Function(lossy(name.as_bytes(), NAME_LIMIT)));
}

/// What a JSON request is about, by the members that name it.
fn json_resource(start: &[u8]) -> Option<AwsResource> {
    json::members(start).find_map(|(name, value)| {
        let Value::Text(text) = value else { return None };
        let text = lossy(text.as_bytes(), NAME_LIMIT);
        Some(match &*name {
            "TableName" => AwsResource::Table(text),
            "QueueUrl" => AwsResource::Queue(text),
            "TopicArn" => AwsResource::Topic(text),
            "StreamName" => AwsResource::Stream(text),
            _ => return None,
        })
    })
}

/// A parameter of a form, if its value is plain or a URL.
fn parameter(form: &[u8], name: &str) -> Option<String> {
    let value = form.split(|&byte| byte == b'&').find_map(|pair| {
        pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
    })?;
    let text = std::str::from_utf8(&value[..value.len().min(NAME_LIMIT)]).ok()?;
    Some(
        ["%3A", "%3a"].iter().fold(text.replace("%2F", "/").replace("%2f", "/"), |text, code| {
            text.replace(code, ":")
        }),
    )
}
