//! Names of AWS services: the id that the SDKs use, by the names on the wire.

use std::borrow::Cow;

/// Signing names and host labels, with service ids.
const SERVICES: [(&str, &str); 43] = [
    ("acm", "ACM"),
    ("appconfig", "AppConfig"),
    ("athena", "Athena"),
    ("autoscaling", "Auto Scaling"),
    ("batch", "Batch"),
    ("bedrock", "Bedrock Runtime"),
    ("cloudformation", "CloudFormation"),
    ("cloudtrail", "CloudTrail"),
    ("cognito-idp", "Cognito Identity Provider"),
    ("dynamodb", "DynamoDB"),
    ("ec2", "EC2"),
    ("ecr", "ECR"),
    ("ecs", "ECS"),
    ("eks", "EKS"),
    ("elasticache", "ElastiCache"),
    ("elasticloadbalancing", "Elastic Load Balancing v2"),
    ("email", "SES"),
    ("events", "EventBridge"),
    ("firehose", "Firehose"),
    ("glue", "Glue"),
    ("iam", "IAM"),
    ("kinesis", "Kinesis"),
    ("kms", "KMS"),
    ("lambda", "Lambda"),
    ("logs", "CloudWatch Logs"),
    ("monitoring", "CloudWatch"),
    ("organizations", "Organizations"),
    ("queue", "SQS"),
    ("rds", "RDS"),
    ("redshift", "Redshift"),
    ("route53", "Route 53"),
    ("s3", "S3"),
    ("s3express", "S3"),
    ("sagemaker", "SageMaker"),
    ("scheduler", "Scheduler"),
    ("secretsmanager", "Secrets Manager"),
    ("ses", "SES"),
    ("sns", "SNS"),
    ("sqs", "SQS"),
    ("ssm", "SSM"),
    ("states", "SFN"),
    ("sts", "STS"),
    ("xray", "XRay"),
];

/// Prefixes of `X-Amz-Target` that are not the service's id, version removed.
const TARGETS: [(&str, &str); 20] = [
    ("AWSCognitoIdentityProviderService", "Cognito Identity Provider"),
    ("AWSCognitoIdentityService", "Cognito Identity"),
    ("AWSEvents", "EventBridge"),
    ("AWSGlue", "Glue"),
    ("AWSOrganizationsV", "Organizations"),
    ("AWSSecurityTokenServiceV", "STS"),
    ("AWSStepFunctions", "SFN"),
    ("AmazonAthena", "Athena"),
    ("AmazonEC2ContainerRegistry_V", "ECR"),
    ("AmazonEC2ContainerServiceV", "ECS"),
    ("AmazonSNS", "SNS"),
    ("AmazonSQS", "SQS"),
    ("AmazonSSM", "SSM"),
    ("CertificateManager", "ACM"),
    ("DynamoDBStreams", "DynamoDB Streams"),
    ("GraniteServiceVersion", "CloudWatch"),
    ("Kinesis", "Kinesis"),
    ("Logs", "CloudWatch Logs"),
    ("TrentService", "KMS"),
    ("secretsmanager", "Secrets Manager"),
];

/// The service that requests are signed for; `None` if it is an endpoint of the user's own or
/// speaks another protocol (`execute-api`, `es`).
pub(super) fn of_signing_name(name: &str) -> Option<Cow<'static, str>> {
    match name {
        "execute-api" | "es" | "aoss" | "lambda-url" | "vpc-lattice-svcs" | "appsync" => None,
        name => Some(known(name).map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed)),
    }
}

/// The service behind `X-Amz-Target: {prefix}_{version}.{operation}`.
pub(super) fn of_target(prefix: &str) -> Cow<'static, str> {
    let name = prefix.trim_end_matches(|character: char| character.is_ascii_digit());
    // What has no digits at its end has no version.
    let name = if name.is_empty() { prefix } else { name.trim_end_matches('_') };
    match TARGETS.iter().find(|(target, _)| *target == name) {
        Some((_, service)) => Cow::Borrowed(service),
        None => Cow::Owned(name.to_owned()),
    }
}

/// The service of an endpoint below `amazonaws.com`: `{service}.{region}`, or
/// `{bucket}.s3.{region}`.
pub(super) fn of_host(host: &str) -> Option<&'static str> {
    let digits = host.bytes().rev().take_while(u8::is_ascii_digit).count();
    let host = host[..host.len() - digits].strip_suffix(':').unwrap_or(host);
    let labels = host.strip_suffix(".amazonaws.com").or(host.strip_suffix(".amazonaws.com.cn"))?;
    let mut labels: Vec<&str> = labels.split('.').collect();
    let is_s3 = |label: &str| label == "s3" || label.starts_with("s3-");
    if labels.iter().any(|label| is_s3(label)) {
        return Some("S3");
    }
    labels.truncate(1);
    known(labels.first()?)
}

fn known(name: &str) -> Option<&'static str> {
    let at = SERVICES.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    Some(SERVICES[at].1)
}

#[cfg(test)]
mod tests {
    use super::{SERVICES, of_host, of_signing_name, of_target};

    #[test]
    fn names() {
        assert!(SERVICES.is_sorted());
        assert_eq!(of_signing_name("monitoring").as_deref(), Some("CloudWatch"));
        assert_eq!(of_signing_name("execute-api"), None);
        assert_eq!(of_signing_name("braket").as_deref(), Some("braket"));
        assert_eq!(of_target("DynamoDB_20120810"), "DynamoDB");
        assert_eq!(of_target("DynamoDBStreams_20120810"), "DynamoDB Streams");
        assert_eq!(of_target("AmazonSQS"), "SQS");
        assert_eq!(of_target("Logs_20140328"), "CloudWatch Logs");
        assert_eq!(of_target("AmazonEC2ContainerServiceV20141113"), "ECS");
        assert_eq!(of_target("GraniteServiceVersion20100801"), "CloudWatch");
        assert_eq!(of_host("sqs.eu-west-1.amazonaws.com"), Some("SQS"));
        assert_eq!(of_host("my.bucket.s3.eu-west-1.amazonaws.com:443"), Some("S3"));
        assert_eq!(of_host("s3-us-west-2.amazonaws.com"), Some("S3"));
        assert_eq!(of_host("abc.execute-api.eu-west-1.amazonaws.com"), None);
        assert_eq!(of_host("amazonaws.com.evil.example"), None);
    }
}
