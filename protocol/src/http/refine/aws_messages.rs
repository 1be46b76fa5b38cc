//! The messages of SQS and SNS calls: their ids, and the contexts in their attributes.
//!
//! Requests are JSON or forms, responses JSON or XML (AWS' API references of SQS and SNS). The id
//! that a `SendMessage` is answered with is the one that a `ReceiveMessage` brings; so is the one
//! that a `Publish` is answered with, in the envelope that SNS puts around what it gives to a
//! queue.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::NAME_LIMIT;
use super::json::{self, Value};
use crate::context::{Carrier, WireContext};
use crate::text::lossy;

/// How many messages of a call are kept: AWS' own limit of a batch.
pub(super) const MAX_MESSAGES: usize = 10;
/// The longest attribute that is looked at, in bytes.
const VALUE_LIMIT: usize = 8192;

/// A message of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsMessage {
    /// What the request calls it within its batch.
    pub entry: Option<Box<str>>,
    /// The id that the service gave it.
    pub id: Option<Box<str>>,
    /// The id that it has in the SNS topic that it came through.
    pub topic_id: Option<Box<str>>,
    /// The context among its attributes.
    pub context: Option<WireContext>,
}

/// What a call does with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Send,
    SendBatch,
    Receive,
}

impl Operation {
    /// `None` for calls without messages.
    pub(super) fn of(service: &str, operation: &str) -> Option<Self> {
        Some(match (service, operation) {
            ("SQS", "SendMessage") | ("SNS", "Publish") => Self::Send,
            ("SQS", "SendMessageBatch") | ("SNS", "PublishBatch") => Self::SendBatch,
            ("SQS", "ReceiveMessage") => Self::Receive,
            _ => return None,
        })
    }
}

/// The messages that a request sends. What is cut off is left out.
pub(super) fn of_request(operation: Operation, content: &[u8]) -> Vec<AwsMessage> {
    let is_json = content.trim_ascii_start().starts_with(b"{");
    match operation {
        Operation::Receive => Vec::new(),
        _ if !is_json => of_form(operation, content),
        Operation::Send => vec![sent(content)],
        Operation::SendBatch => ["Entries", "PublishBatchRequestEntries"]
            .into_iter()
            .flat_map(|name| nested(content, name).map(json::elements).into_iter().flatten())
            .take(MAX_MESSAGES)
            .map(sent)
            .collect(),
    }
}

/// Adds what the response says: the ids of what was sent, or the messages that were received.
pub(super) fn answered(messages: &mut Vec<AwsMessage>, operation: Operation, content: &[u8]) {
    let is_json = content.trim_ascii_start().starts_with(b"{");
    let told: Vec<AwsMessage> = match operation {
        _ if !is_json => of_xml(operation, content),
        Operation::Send => vec![AwsMessage { id: text(content, "MessageId"), ..sent(b"") }],
        Operation::SendBatch => elements(content, "Successful")
            .map(|entry| AwsMessage { id: text(entry, "MessageId"), ..sent(entry) })
            .collect(),
        Operation::Receive => elements(content, "Messages").map(received).collect(),
    };
    if operation == Operation::Receive {
        *messages = told;
        return;
    }
    for answer in told {
        let is_it = |it: &&mut AwsMessage| {
            operation == Operation::Send || it.entry.is_some() && it.entry == answer.entry
        };
        if let Some(message) = messages.iter_mut().find(is_it) {
            message.id = answer.id;
        } else if messages.len() < MAX_MESSAGES {
            // The request was not read so far.
            messages.push(answer);
        }
    }
}

/// Whether a content was seen to its end.
pub(super) fn is_whole(content: &[u8]) -> bool {
    match content.trim_ascii_start().first() {
        Some(b'{') => json::is_whole(content),
        Some(b'<') => content.trim_ascii_end().ends_with(b"Response>"),
        // The end of a form shows nothing.
        _ => content.len() < super::MESSAGES_SAMPLE,
    }
}

fn nested<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    match json::member(object, name)? {
        Value::Nested(nested) => Some(nested),
        _ => None,
    }
}

fn elements<'a>(object: &'a [u8], name: &str) -> impl Iterator<Item = &'a [u8]> {
    nested(object, name).map(json::elements).into_iter().flatten().take(MAX_MESSAGES)
}

fn text(object: &[u8], name: &str) -> Option<Box<str>> {
    Some(short(json::member(object, name)?.text()?))
}

fn short(text: &str) -> Box<str> {
    lossy(text.as_bytes(), NAME_LIMIT)
}

/// A message as a request has it.
fn sent(object: &[u8]) -> AwsMessage {
    let mut carrier = Carrier::default();
    attributes(object, "MessageAttributes", "StringValue", &mut carrier);
    attributes(object, "MessageSystemAttributes", "StringValue", &mut carrier);
    AwsMessage { entry: text(object, "Id"), context: carrier.finish(), ..AwsMessage::default() }
}

/// A message as a response has it.
fn received(object: &[u8]) -> AwsMessage {
    let mut carrier = Carrier::default();
    attributes(object, "MessageAttributes", "StringValue", &mut carrier);
    if let Some(system) = nested(object, "Attributes") {
        for (name, value) in json::members(system) {
            take(&mut carrier, &name, value.text());
        }
    }
    let mut message = AwsMessage {
        id: text(object, "MessageId"),
        context: carrier.finish(),
        ..AwsMessage::default()
    };
    if let Some(Value::Text(body)) = json::member(object, "Body") {
        message.unwrap(&body);
    }
    message
}

impl AwsMessage {
    /// Looks into the envelope that SNS puts around what it gives to a queue.
    fn unwrap(&mut self, body: &str) {
        let body = body.as_bytes();
        let kind = json::member(body, "Type");
        if kind.as_ref().and_then(Value::text) != Some("Notification") {
            return;
        }
        self.topic_id = text(body, "MessageId");
        if self.context.is_none() {
            let mut carrier = Carrier::default();
            attributes(body, "MessageAttributes", "Value", &mut carrier);
            self.context = carrier.finish();
        }
    }
}

/// Gives the attributes `{"name": {"StringValue": "…"}, …}` to the carrier.
fn attributes(object: &[u8], name: &str, value_name: &str, carrier: &mut Carrier) {
    let Some(map) = nested(object, name) else { return };
    for (name, value) in json::members(map) {
        let Value::Nested(attribute) = value else { continue };
        let value = json::member(attribute, value_name);
        take(carrier, &name, value.as_ref().and_then(Value::text));
    }
}

fn take(carrier: &mut Carrier, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| value.len() <= VALUE_LIMIT) {
        carrier.field(name.as_bytes(), value.as_bytes());
    }
}

/// Messages of a form. Attributes are numbered:
/// `MessageAttribute.1.Name=…&MessageAttribute.1.Value.StringValue=…` (SQS),
/// `MessageAttributes.entry.1.Name=…` (SNS), behind `SendMessageBatchRequestEntry.1.` or
/// `PublishBatchRequestEntries.member.1.` in a batch.
fn of_form(operation: Operation, form: &[u8]) -> Vec<AwsMessage> {
    struct Reading {
        number: u32,
        message: AwsMessage,
        carrier: Carrier,
        /// The attribute that was named last.
        name: Option<(String, String)>,
    }
    let new = |number| Reading {
        number,
        message: AwsMessage::default(),
        carrier: Carrier::default(),
        name: None,
    };
    let mut all: Vec<Reading> = Vec::new();
    if operation == Operation::Send {
        all.push(new(0));
    }
    for pair in form.split(|&byte| byte == b'&') {
        let Some(equals) = pair.iter().position(|&byte| byte == b'=') else { continue };
        let (Ok(key), value) = (std::str::from_utf8(&pair[..equals]), &pair[equals + 1..]) else {
            continue;
        };
        let (number, key) = match operation {
            Operation::SendBatch => {
                let rest = ["SendMessageBatchRequestEntry.", "PublishBatchRequestEntries.member."]
                    .into_iter()
                    .find_map(|prefix| key.strip_prefix(prefix));
                let Some((number, key)) = rest.and_then(|rest| rest.split_once('.')) else {
                    continue;
                };
                let Ok(number) = number.parse() else { continue };
                (number, key)
            }
            _ => (0, key),
        };
        let at = match all.iter().position(|it| it.number == number) {
            Some(at) => at,
            None if all.len() < MAX_MESSAGES => {
                all.push(new(number));
                all.len() - 1
            }
            None => continue,
        };
        let reading = &mut all[at];
        if key == "Id" {
            reading.message.entry = Some(short(&percent_decoded(value)));
        } else if !key.starts_with("Message") || value.len() > VALUE_LIMIT {
        } else if let Some(prefix) = key.strip_suffix(".Name") {
            reading.name = Some((prefix.to_owned(), percent_decoded(value)));
        } else if let Some(prefix) = key.strip_suffix(".Value.StringValue")
            && let Some((of, name)) = &reading.name
            && of == prefix
        {
            reading.carrier.field(name.as_bytes(), percent_decoded(value).as_bytes());
        }
    }
    let done = |it: Reading| AwsMessage { context: it.carrier.finish(), ..it.message };
    all.into_iter().map(done).collect()
}

/// Messages of an XML response: `MessageId` and, of a batch, `Id` of each entry; of a
/// `ReceiveMessage` the attributes as well.
fn of_xml(operation: Operation, content: &[u8]) -> Vec<AwsMessage> {
    let entries: &[&str] = match operation {
        Operation::Send => &["SendMessageResult", "PublishResult"],
        Operation::SendBatch => &["SendMessageBatchResultEntry", "member"],
        Operation::Receive => &["Message"],
    };
    let text = String::from_utf8_lossy(content);
    let mut rest = &*text;
    let mut found = Vec::new();
    let mut open: Option<(&str, AwsMessage, Carrier)> = None;
    let mut name = String::new();
    while let Some((_, behind)) = rest.split_once('<') {
        let Some((tag, behind)) = behind.split_once('>') else { break };
        rest = behind;
        if let Some(closed) = tag.strip_prefix('/') {
            if let Some((_, mut message, carrier)) = open.take_if(|(of, ..)| *of == closed) {
                message.context = carrier.finish().or(message.context);
                if found.len() < MAX_MESSAGES {
                    found.push(message);
                }
            }
            continue;
        }
        let tag = tag.split(' ').next().unwrap_or_default();
        let Some((_, message, carrier)) = &mut open else {
            if entries.contains(&tag) {
                open = Some((tag, AwsMessage::default(), Carrier::default()));
            }
            continue;
        };
        let Some((value, _)) = rest.split_once('<') else { break };
        match tag {
            "Id" => message.entry = Some(short(&unescaped(value))),
            "MessageId" => message.id = Some(short(&unescaped(value))),
            "Name" => name = unescaped(value).into_owned(),
            "Value" | "StringValue" if !value.trim().is_empty() => {
                take(carrier, &name, Some(&unescaped(value)));
            }
            "Body" => message.unwrap(&unescaped(value)),
            _ => {}
        }
    }
    found
}

/// The five entities that XML has of itself.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let plain = [("&quot;", "\""), ("&apos;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character));
    Cow::Owned(plain)
}

/// A form's value: `+` is a space, `%XX` a byte.
fn percent_decoded(value: &[u8]) -> String {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        let digit = |at: usize| char::from(*behind.get(at)?).to_digit(16);
        match byte {
            b'+' => out.push(b' '),
            b'%' => match (digit(0), digit(1)) {
                (Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    rest = &behind[2..];
                }
                _ => out.push(b'%'),
            },
            byte => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
