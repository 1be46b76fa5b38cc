//! Amazon S3's REST protocol:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>.

use super::super::facts::HttpFacts;
use super::super::method::Method;
use super::NAME_LIMIT;
use super::aws::{AwsResource, Hints};
use crate::text::lossy;

/// Parameters that name a part of a bucket or an object, with the operations `Get{…}`, `Put{…}`,
/// `Delete{…}` on it.
const BUCKET_PARTS: [(&str, [&str; 3]); 14] = [
    ("acl", ["GetBucketAcl", "PutBucketAcl", ""]),
    ("cors", ["GetBucketCors", "PutBucketCors", "DeleteBucketCors"]),
    ("encryption", ["GetBucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption"]),
    (
        "lifecycle",
        [
            "GetBucketLifecycleConfiguration",
            "PutBucketLifecycleConfiguration",
            "DeleteBucketLifecycle",
        ],
    ),
    ("location", ["GetBucketLocation", "", ""]),
    ("logging", ["GetBucketLogging", "PutBucketLogging", ""]),
    (
        "notification",
        ["GetBucketNotificationConfiguration", "PutBucketNotificationConfiguration", ""],
    ),
    ("object-lock", ["GetObjectLockConfiguration", "PutObjectLockConfiguration", ""]),
    ("policy", ["GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"]),
    (
        "publicAccessBlock",
        ["GetPublicAccessBlock", "PutPublicAccessBlock", "DeletePublicAccessBlock"],
    ),
    ("replication", ["GetBucketReplication", "PutBucketReplication", "DeleteBucketReplication"]),
    ("tagging", ["GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging"]),
    ("versioning", ["GetBucketVersioning", "PutBucketVersioning", ""]),
    ("website", ["GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite"]),
];
const OBJECT_PARTS: [(&str, [&str; 3]); 6] = [
    ("acl", ["GetObjectAcl", "PutObjectAcl", ""]),
    ("attributes", ["GetObjectAttributes", "", ""]),
    ("legal-hold", ["GetObjectLegalHold", "PutObjectLegalHold", ""]),
    ("retention", ["GetObjectRetention", "PutObjectRetention", ""]),
    ("tagging", ["GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging"]),
    ("torrent", ["GetObjectTorrent", "", ""]),
];

/// The operation, if it is one of the common ones, and what it is about.
pub(super) fn operation(
    facts: &HttpFacts,
    hints: &Hints,
) -> Option<(Option<&'static str>, Option<AwsResource>)> {
    let (bucket, key) = place(facts)?;
    let has = |name: &str| {
        let query = facts.query.as_deref().unwrap_or_default();
        query.split('&').any(|pair| pair.split('=').next() == Some(name))
    };
    let method = facts.method.as_ref()?;
    let operation = match (bucket, key) {
        (None, _) => (*method == Method::Get).then_some("ListBuckets"),
        (Some(_), None) => on_bucket(method, has),
        (Some(_), Some(_)) => on_object(method, has, hints.copies),
    };
    let short = |text: &str| lossy(text.as_bytes(), NAME_LIMIT);
    let resource =
        bucket.map(|bucket| AwsResource::Object { bucket: short(bucket), key: key.map(short) });
    Some((operation, resource))
}

/// Bucket and key: the bucket is in the host (`{bucket}.s3.{region}.amazonaws.com`) or in the path.
fn place(facts: &HttpFacts) -> Option<(Option<&str>, Option<&str>)> {
    let path = facts.path.as_deref()?.trim_start_matches('/');
    let host = facts.host().unwrap_or_default();
    let in_host = host.find(".s3").filter(|&at| {
        host.contains(".amazonaws.com") && matches!(host.as_bytes().get(at + 3), Some(b'.' | b'-'))
    });
    let (bucket, key) = match in_host {
        Some(end) => (&host[..end], path),
        None => path.split_once('/').unwrap_or((path, "")),
    };
    let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
    Some((some(bucket), some(key)))
}

fn part(
    method: &Method,
    has: impl Fn(&str) -> bool,
    parts: &[(&str, [&'static str; 3])],
) -> Option<&'static str> {
    let (_, operations) = parts.iter().find(|(name, _)| has(name))?;
    let operation = match method {
        Method::Get => operations[0],
        Method::Put => operations[1],
        Method::Delete => operations[2],
        _ => "",
    };
    Some(operation).filter(|operation| !operation.is_empty())
}

fn on_bucket(method: &Method, has: impl Fn(&str) -> bool) -> Option<&'static str> {
    if let Some(operation) = part(method, &has, &BUCKET_PARTS) {
        return Some(operation);
    }
    Some(match method {
        Method::Get if has("list-type") => "ListObjectsV2",
        Method::Get if has("versions") => "ListObjectVersions",
        Method::Get if has("uploads") => "ListMultipartUploads",
        Method::Get => "ListObjects",
        Method::Head => "HeadBucket",
        Method::Put => "CreateBucket",
        Method::Delete => "DeleteBucket",
        Method::Post if has("delete") => "DeleteObjects",
        _ => return None,
    })
}

fn on_object(method: &Method, has: impl Fn(&str) -> bool, copies: bool) -> Option<&'static str> {
    if let Some(operation) = part(method, &has, &OBJECT_PARTS) {
        return Some(operation);
    }
    Some(match method {
        Method::Get if has("uploadId") => "ListParts",
        Method::Get => "GetObject",
        Method::Head => "HeadObject",
        Method::Put if has("partNumber") && copies => "UploadPartCopy",
        Method::Put if has("partNumber") => "UploadPart",
        Method::Put if copies => "CopyObject",
        Method::Put => "PutObject",
        Method::Delete if has("uploadId") => "AbortMultipartUpload",
        Method::Delete => "DeleteObject",
        Method::Post if has("uploads") => "CreateMultipartUpload",
        Method::Post if has("uploadId") => "CompleteMultipartUpload",
        Method::Post if has("restore") => "RestoreObject",
        Method::Post if has("select") => "SelectObjectContent",
        _ => return None,
    })
}
