//! Calls as the SDKs and the API references write them.

use super::*;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

fn spans(messages: &[AwsMessage]) -> Vec<Option<u64>> {
    let span = |it: &AwsMessage| it.context.as_ref().map(|it| u64::from_be_bytes(it.span_id));
    messages.iter().map(span).collect()
}

/// As botocore 1.34 writes it (AWS JSON 1.0).
#[test]
fn a_message_sent_in_json() {
    let request = format!(
        r#"{{"QueueUrl":"http://q","MessageBody":"{{\"a\":1}}","MessageAttributes":{{"traceparent":{{"StringValue":"{PARENT}","DataType":"String"}}}}}}"#
    );
    let mut messages = of_request(Operation::Send, request.as_bytes());
    assert_eq!(spans(&messages), [Some(0xb7ad_6b71_6920_3331)]);
    let response =
        br#"{"MD5OfMessageBody":"x","MessageId":"219f8380-5770-4cc2-8c3e-5c715e145f5e"}"#;
    answered(&mut messages, Operation::Send, response);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].id.as_deref(), Some("219f8380-5770-4cc2-8c3e-5c715e145f5e"));
}

#[test]
fn entries_of_a_batch_are_paired_by_their_ids() {
    let request = format!(
        r#"{{"QueueUrl":"u","Entries":[{{"Id":"a","MessageBody":"1"}},{{"Id":"b","MessageBody":"2","MessageSystemAttributes":{{"AWSTraceHeader":{{"StringValue":"{XRAY}","DataType":"String"}}}}}}]}}"#
    );
    let mut messages = of_request(Operation::SendBatch, request.as_bytes());
    assert_eq!(spans(&messages), [None, Some(0x5399_5c3f_42cd_8ad8)]);
    let response =
        br#"{"Successful":[{"Id":"b","MessageId":"m-b"}],"Failed":[{"Id":"a","Code":"x"}]}"#;
    answered(&mut messages, Operation::SendBatch, response);
    let ids: Vec<_> = messages.iter().map(|it| it.id.as_deref()).collect();
    assert_eq!(ids, [None, Some("m-b")]);
}

#[test]
fn messages_received_in_json_with_an_envelope_of_sns() {
    let envelope = format!(
        r#"{{\"Type\":\"Notification\",\"MessageId\":\"s-1\",\"MessageAttributes\":{{\"traceparent\":{{\"Type\":\"String\",\"Value\":\"{PARENT}\"}}}}}}"#
    );
    let response = format!(
        r#"{{"Messages":[{{"MessageId":"m1","Body":"x","Attributes":{{"AWSTraceHeader":"{XRAY}"}}}},{{"MessageId":"m2","Body":"{envelope}"}},{{"MessageId":"m3","Bo"#
    );
    let mut messages = Vec::new();
    answered(&mut messages, Operation::Receive, response.as_bytes());
    assert_eq!(spans(&messages), [Some(0x5399_5c3f_42cd_8ad8), Some(0xb7ad_6b71_6920_3331)]);
    assert_eq!(messages[1].topic_id.as_deref(), Some("s-1"));
    assert_eq!(messages.len(), 2, "what is cut off is left out");
}

/// The examples of the API reference, in the query protocol.
#[test]
fn forms_and_xml() {
    let parent = PARENT.replace('-', "%2D");
    let form = format!(
        "Action=Publish&TopicArn=arn%3Aaws&Message=hello&MessageAttributes.entry.1.Name=traceparent\
         &MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue={parent}&Version=2010-03-31"
    );
    let mut messages = of_request(Operation::Send, form.as_bytes());
    assert_eq!(spans(&messages), [Some(0xb7ad_6b71_6920_3331)]);
    let xml = br#"<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>567910cd</MessageId></PublishResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>"#;
    answered(&mut messages, Operation::Send, xml);
    assert_eq!(messages[0].id.as_deref(), Some("567910cd"));

    let form = format!(
        "Action=SendMessageBatch&SendMessageBatchRequestEntry.1.Id=one&SendMessageBatchRequestEntry.1.MessageBody=a\
         &SendMessageBatchRequestEntry.2.Id=two&SendMessageBatchRequestEntry.2.MessageSystemAttribute.1.Name=AWSTraceHeader\
         &SendMessageBatchRequestEntry.2.MessageSystemAttribute.1.Value.StringValue={}",
        XRAY.replace('=', "%3D").replace(';', "%3B")
    );
    let mut messages = of_request(Operation::SendBatch, form.as_bytes());
    assert_eq!(spans(&messages), [None, Some(0x5399_5c3f_42cd_8ad8)]);
    let xml = b"<SendMessageBatchResponse><SendMessageBatchResult><SendMessageBatchResultEntry><Id>two</Id><MessageId>m2</MessageId></SendMessageBatchResultEntry><SendMessageBatchResultEntry><Id>one</Id><MessageId>m1</MessageId></SendMessageBatchResultEntry></SendMessageBatchResult></SendMessageBatchResponse>";
    answered(&mut messages, Operation::SendBatch, xml);
    let ids: Vec<_> = messages.iter().map(|it| it.id.as_deref()).collect();
    assert_eq!(ids, [Some("m1"), Some("m2")]);

    let xml = format!(
        "<ReceiveMessageResponse><ReceiveMessageResult><Message><MessageId>m1</MessageId><Body>&lt;a&gt;</Body>\
         <Attribute><Name>AWSTraceHeader</Name><Value>{XRAY}</Value></Attribute></Message>\
         <Message><MessageId>m2</MessageId><MessageAttribute><Name>traceparent</Name><Value><StringValue>{PARENT}</StringValue>\
         <DataType>String</DataType></Value></MessageAttribute></Message><Message><MessageId>m3</"
    );
    let mut messages = Vec::new();
    answered(&mut messages, Operation::Receive, xml.as_bytes());
    assert_eq!(spans(&messages), [Some(0x5399_5c3f_42cd_8ad8), Some(0xb7ad_6b71_6920_3331)]);
}

#[test]
fn any_cut_is_survived() {
    let texts = [
        r#"{"Entries":[{"Id":"a","MessageAttributes":{"b3":{"StringValue":"x"}}}],"Messages":[{"Body":"{\"Type\":1}"}]}"#,
        "SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=b3&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=%4%",
        "<Message><MessageId>1</MessageId><Name>b3</Name><Value><StringValue>0</StringValue></Value></Message>",
    ];
    for text in texts {
        for end in 0..text.len() {
            for operation in [Operation::Send, Operation::SendBatch, Operation::Receive] {
                let mut messages = of_request(operation, &text.as_bytes()[..end]);
                answered(&mut messages, operation, &text.as_bytes()[..end]);
                assert!(messages.len() <= MAX_MESSAGES);
            }
        }
    }
}
