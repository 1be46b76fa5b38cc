//! Files and variables.

use std::path::Path;
use std::time::Duration;

use super::{Compression, Config, ConfigError, Format, Protocol, Sampling};

fn message(text: &str) -> String {
    Config::parse(text).unwrap_err().in_file(Path::new("onlooker.yaml")).to_string()
}

fn with(variables: &[(&str, &str)]) -> (Config, Vec<String>) {
    let mut config = Config::default();
    let reports = config.apply_variables(|name| {
        variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    });
    (config, reports)
}

/// The example with every key that is commented out switched on.
fn whole_example() -> String {
    let is_key = |text: &str| {
        let name = text.trim_start().split(':').next().unwrap_or_default();
        text.contains(':') && name.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '-'))
    };
    let lines = Config::example().lines().map(|line| match line.split_once("# ") {
        Some((indent, key)) if indent.trim().is_empty() && is_key(key) => format!("{indent}{key}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_parses_as_it_is_and_with_every_key() {
    let example = Config::parse(Config::example()).unwrap();
    assert!(example.export.otlp.enabled && example.export.file.is_none());
    assert_eq!(example.sampling, Sampling::default());

    let whole = Config::parse(&whole_example()).unwrap();
    let otlp = whole.export.otlp;
    assert_eq!(otlp.compression, Compression::Gzip);
    assert_eq!(otlp.traces_endpoint.unwrap(), "https://collector.example/otlp/v1/traces");
    assert_eq!(otlp.headers["x-tenant"], "example");
    assert!(otlp.tls.certificate.is_some() && otlp.tls.client_key.is_some());
    assert_eq!(whole.export.console.unwrap().format, Format::Tree);
    assert_eq!(whole.targets.exes, ["*/nginx"]);
    assert_eq!(whole.limits.value_length, Some(4096));
    assert_eq!(whole.sampling.sampler.unwrap(), "parentbased_traceidratio");
    // Where the example shows a default, it is the default.
    assert_eq!(whole.capture, Config::default().capture);
    assert_eq!(whole.export.batch, Config::default().export.batch);
    assert_eq!(whole.export.file, Some(super::FileSettings::to("/var/log/onlooker/spans.jsonl")));
    assert_eq!(whole.export.zipkin, Some(super::ZipkinSettings::default()));
}

#[test]
fn an_empty_file_and_empty_sections_are_the_defaults() {
    for text in ["", "# only a comment\n", "{}", "targets: {}\nexport: {}\n"] {
        assert_eq!(Config::parse(text).unwrap(), Config::default(), "{text:?}");
    }
    for section in ["console: {}", "console:", "console: # format: line"] {
        let export = Config::parse(&format!("export:\n  {section}\n")).unwrap().export;
        assert_eq!(export.console.expect(section).format, Format::Tree);
    }
    let export = Config::parse("export:\n  otlp:\n  zipkin:\n").unwrap().export;
    assert!(export.otlp.enabled && export.zipkin.is_some());
    assert!(Config::parse("export:\n  file:\n").unwrap_err().to_string().contains("path"));
}

#[test]
fn a_mistyped_key_is_an_error_with_its_line_and_the_key_that_was_meant() {
    assert_eq!(
        message("targets:\n  ports: [80]\nexport:\n  otlp:\n    endpiont: http://x\n"),
        "onlooker.yaml:5: unknown key \"endpiont\"; did you mean \"endpoint\"?"
    );
    assert_eq!(
        message("target:\n  pids: [1]\n"),
        "onlooker.yaml:1: unknown key \"target\"; did you mean \"targets\"?"
    );
    assert!(message("sampling:\n  zzz: 1\n").ends_with("known here are sampler, ratio"));
}

#[test]
fn faults_are_reported_with_their_line() {
    for (text, start) in [
        ("targets:\n  ports: [http]\n", "onlooker.yaml:2: expected a whole number from 0 to 65535"),
        (
            "targets:\n  ports: [70000]\n",
            "onlooker.yaml:2: expected a whole number from 0 to 65535",
        ),
        ("export:\n  file: {keep: 1}\n", "onlooker.yaml:2: the key \"path\" is missing here"),
        (
            "export:\n  otlp:\n    compression: gzipp\n",
            "onlooker.yaml:3: expected none or gzip, not \"gzipp\"; did you mean \"gzip\"?",
        ),
        ("export: {otlp: {endpoint: 'ftp://x'}}", "onlooker.yaml: export.otlp.endpoint: "),
        ("export: {zipkin: {endpoint: 'zipkin'}}", "onlooker.yaml: export.zipkin.endpoint: "),
        ("targets:\n  - a\n b: [\n", "onlooker.yaml:"),
        ("export:\n  console:\n    format: xml\n", "onlooker.yaml:3: "),
        ("targets: {pids: [0]}", "onlooker.yaml: targets.pids: "),
        ("capture: {ring_buffer_bytes: 1000}", "onlooker.yaml: capture.ring_buffer_bytes: "),
        ("sampling: {ratio: 1.5}", "onlooker.yaml: sampling.ratio: "),
        ("export: {file: {path: x, max_bytes: 0}}", "onlooker.yaml: export.file.max_bytes: "),
        ("export: {otlp: true}", "onlooker.yaml:1: expected keys with values"),
        ("[]", "onlooker.yaml:1: expected keys with values"),
        ("targets: {pids: 1}", "onlooker.yaml:1: expected a list, in brackets or"),
        ("targets:\n  exes: nginx", "onlooker.yaml:2: expected a list, in brackets or"),
        ("targets: {all: 1}", "onlooker.yaml:1: expected true or false"),
        ("targets: {}\ntargets: {}", "onlooker.yaml:2: the key \"targets\" is there twice"),
        ("targets: {}\n---\ntargets: {}", "onlooker.yaml:3: a second document begins here"),
        ("export: {otlp: {headers: {'a b': x}}}", "onlooker.yaml: export.otlp.headers: "),
        ("export: {otlp: {headers: {a: \"x\\ny\"}}}", "onlooker.yaml: export.otlp.headers: "),
    ] {
        let message = message(text);
        assert!(message.starts_with(start), "{text:?}: {message}");
        assert!(!message.contains("Policy") && !message.contains("from_str"), "{message}");
    }
    assert!(message("sampling: {sampler: trace_id_ratio}").contains("\"traceidratio\""));
}

#[test]
fn a_timeout_of_zero_is_none_in_a_file_as_in_the_environment() {
    let (otlp, batch) = ("otlp: {timeout_ms: 0}", "batch: {timeout_ms: 0}");
    let text = format!("export: {{{otlp}, zipkin: {{timeout_ms: 0}}, {batch}}}");
    let file = Config::parse(&text).unwrap().export;
    let (environment, reports) = with(&[
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "0"),
        ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "http://localhost:9411/api/v2/spans"),
        ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "0"),
    ]);
    let environment = environment.export;
    assert_eq!(reports, [""; 0]);
    assert!(file.otlp.timeout >= Duration::from_secs(3600));
    assert_eq!(file.otlp.timeout, environment.otlp.timeout);
    assert_eq!(file.batch.timeout, environment.batch.timeout);
    assert_eq!(file.zipkin, environment.zipkin);
}

#[test]
fn what_is_no_url_is_quoted_without_its_secrets() {
    for (given, shown) in [
        ("collector:4317:x", "collector:4317:x"),
        ("ftp://collector/v1?key=hunter2", "ftp://collector/v1"),
        ("http://collector:43i8", "http://collector:43i8"),
        ("htp://me:hunter2@collector", "…@…"),
        // A password with characters that end the authority of a URL.
        ("http://me:hunter2/x@collector", "…@…"),
        ("http://me:hunter2#x@collector:y", "…@…"),
    ] {
        let mut config = Config::default();
        config.export.otlp.set_url(given);
        let message = config.check().unwrap_err().to_string();
        assert_eq!(
            message,
            format!(
                "export.otlp.endpoint: expected a URL such as http://localhost:4318, not {shown:?}"
            )
        );
    }
}

#[test]
fn a_missing_file_says_so() {
    let error = Config::load(Path::new("/nonexistent/onlooker.yaml")).unwrap_err();
    assert!(matches!(error, ConfigError::Read { .. }));
    assert!(error.to_string().contains("/nonexistent/onlooker.yaml"));
}

#[test]
fn errors_do_not_quote_the_file() {
    let message =
        message("export:\n  otlp:\n    headers:\n      authorization: hunter2\n    x: 1\n");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn an_endpoint_in_the_environment_switches_otlp_on() {
    assert!(!with(&[]).0.export.otlp.enabled);
    let (config, reports) = with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")]);
    assert!(config.export.otlp.enabled && reports.is_empty());
    assert_eq!(config.export.otlp.url(), "http://c:4318/v1/traces");
    // The specification's default protocol, whatever the port.
    let (config, _) = with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317")]);
    assert_eq!(config.export.otlp.protocol(), Protocol::HttpProtobuf);
    assert!(!with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).0.export.otlp.enabled);
}

#[test]
fn the_variables_for_traces_go_before_the_general_ones() {
    let (config, reports) = with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/x"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "Api-Key=a%20b%3D, other = x"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/key.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/cert.pem"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "TRUE"),
    ]);
    assert_eq!(reports, [""; 0]);
    let otlp = config.export.otlp;
    assert_eq!(otlp.url(), "http://traces:4318/x");
    assert_eq!(otlp.protocol(), Protocol::HttpJson);
    let headers: Vec<_> = otlp.headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(headers, [("api-key", "a b="), ("other", "x")]);
    assert_eq!(otlp.timeout, Duration::from_secs(2));
    assert_eq!(otlp.compression, Compression::None);
    assert_eq!(otlp.tls.certificate.unwrap(), Path::new("/ca.pem"));
    assert_eq!(otlp.tls.client_key.unwrap(), Path::new("/key.pem"));
    assert_eq!(otlp.tls.client_certificate.unwrap(), Path::new("/cert.pem"));
    assert!(otlp.insecure);
}

#[test]
fn bad_values_are_reported_and_ignored() {
    let bad = [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "thrift"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "1"),
        ("OTEL_TRACES_EXPORTER", "jaeger"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "x"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1.5"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "-5"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", ""),
        ("OTEL_SDK_DISABLED", "yes"),
    ];
    let (config, reports) = with(&bad);
    assert_eq!(config, Config::default());
    for (name, value) in bad {
        let reported = reports.iter().filter(|report| report.contains(name)).count();
        assert_eq!(reported, usize::from(!value.is_empty()), "{name}: {reports:?}");
    }
    assert!(!reports.iter().any(|report| report.contains("hunter2")));
}

// "Enum values SHOULD be interpreted in a case-insensitive manner" (Environment Variable
// Specification, "Enum").
#[test]
fn names_are_read_in_any_case() {
    let (config, reports) = with(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "HTTP/JSON"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "GZip"),
        ("OTEL_TRACES_EXPORTER", "OTLP,Console"),
        ("OTEL_TRACES_SAMPLER", "TraceIdRatio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
    ]);
    assert_eq!(reports, [""; 0]);
    let otlp = &config.export.otlp;
    assert!(otlp.enabled && config.export.console.is_some());
    assert_eq!((otlp.protocol(), otlp.compression), (Protocol::HttpJson, Compression::Gzip));
    let sampling = Sampling { sampler: Some("traceidratio".into()), ratio: 0.5 };
    assert_eq!(config.sampling, sampling);
    assert!(config.check().is_ok());
}

#[test]
fn headers_that_http_cannot_carry_are_ignored() {
    for headers in ["a b=c", "a=b%0d%0ac", "a=1,b%00=2"] {
        let (config, reports) = with(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", headers),
        ]);
        assert!(config.export.otlp.headers.is_empty(), "{headers}");
        assert_eq!(reports.len(), 1, "{headers}");
        assert!(config.check().is_ok());
    }
}

// "Any value not explicitly defined here as a true value … MUST be interpreted as false."
#[test]
fn a_flag_that_is_neither_true_nor_false_is_false() {
    let mut config = Config::parse("export: {otlp: {insecure: true}}").unwrap();
    let reports = config
        .apply_variables(|name| (name == "OTEL_EXPORTER_OTLP_INSECURE").then(|| "1".to_owned()));
    assert!(!config.export.otlp.insecure);
    assert_eq!(reports.len(), 1);
}

#[test]
fn batches_limits_and_samplers_follow_their_variables() {
    let (config, reports) = with(&[
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "200"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "300"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "40"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "8"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "9"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "10"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
    ]);
    assert_eq!(reports, [""; 0]);
    let batch = config.export.batch;
    assert_eq!((batch.delay.as_millis(), batch.timeout.as_millis()), (100, 200));
    assert_eq!((batch.queue, batch.size), (300, 40));
    let limits = config.limits;
    assert_eq!((limits.attributes, limits.link_attributes, limits.links), (8, 7, 10));
    assert_eq!(limits.value_length, Some(9));
    assert_eq!(
        config.sampling,
        Sampling { sampler: Some("parentbased_traceidratio".into()), ratio: 0.25 }
    );
}

#[test]
fn a_bad_ratio_leaves_the_sampler_at_one() {
    let (config, reports) =
        with(&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")]);
    assert_eq!(config.sampling.ratio, 1.0);
    assert_eq!(reports.len(), 1);
}

#[test]
fn exporters_are_chosen_by_name() {
    let (config, _) = with(&[("OTEL_TRACES_EXPORTER", "otlp,console")]);
    assert!(config.export.otlp.enabled && config.export.console.is_some());
    assert_eq!(config.export.otlp.url(), "http://localhost:4318/v1/traces");
    let (config, _) =
        with(&[("OTEL_TRACES_EXPORTER", "none"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")]);
    assert!(!config.export.is_on());
}

#[test]
fn disabled_means_nowhere_until_a_flag_says_otherwise() {
    let (mut config, reports) = with(&[
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
    ]);
    assert!(!config.export.is_on());
    assert_eq!(reports.len(), 1);
    config.export.otlp.set_url("http://flag:4318");
    assert!(config.export.otlp.enabled);
    assert_eq!(config.export.otlp.headers["a"], "1");
}

/// Whichever variable switches it on.
#[test]
fn zipkin_has_its_timeout() {
    let (config, reports) =
        with(&[("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "1000")]);
    assert_eq!(config.export.zipkin.unwrap().timeout, Duration::from_secs(1));
    assert!(reports.is_empty(), "{reports:?}");
}

#[test]
fn limits_of_links_fall_back_to_the_general_one() {
    let (config, reports) =
        with(&[("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"), ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "many")]);
    assert_eq!(config.limits.link_attributes, 7);
    assert!(matches!(&*reports, [one] if one.contains("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT")));
}

#[test]
fn more_ports_than_the_kernel_programs_take_are_an_error() {
    let ports: Vec<u32> = (1..=257).collect();
    assert!(message(&format!("targets: {{ports: {ports:?}}}")).contains("at most 256 ports"));
}

/// "A comma-separated list of case-sensitive known HTTP methods".
#[test]
fn methods_of_http_can_be_made_known() {
    let variable = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS";
    let (config, reports) = with(&[(variable, "GET, PROPFIND,,get")]);
    let known: Vec<&str> = config.known_methods.iter().flatten().map(|method| &**method).collect();
    assert_eq!((&*known, &*reports), (&["GET", "PROPFIND", "get"][..], &[][..]));
    assert_eq!(with(&[(variable, "")]).0.known_methods, None);
}
