//! The `OTEL_*` variables of the OpenTelemetry specification ("Environment Variable
//! Specification", "OpenTelemetry Protocol Exporter").
//!
//! An empty variable is as good as none. A value that cannot be used is reported and ignored.
//! `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` are read from the environment of traced
//! processes, not from the agent's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use onlooker_pipeline::span::Sampler;

use super::export::{ConsoleSettings, UNLIMITED, ZipkinSettings};
use super::otlp::{Compression, OtlpSettings, Protocol, is_http_header, is_http_url};
use super::{BatchSettings, Config, Limits};
use crate::baggage;

type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Changes a configuration as variables ask; gives the reports.
pub(super) fn apply(config: &mut Config, lookup: Lookup<'_>) -> Vec<String> {
    let mut variables = Variables { lookup, reports: Vec::new() };
    otlp(&mut config.export.otlp, &mut variables);
    zipkin_endpoint(&mut config.export.zipkin, &mut variables);
    exporters(config, &mut variables);
    zipkin_timeout(&mut config.export.zipkin, &mut variables);
    batch(&mut config.export.batch, &mut variables);
    sampler(config, &mut variables);
    limits(&mut config.limits, &mut variables);
    if let Some(methods) = variables.text("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS") {
        let methods = methods.split(',').map(str::trim).filter(|method| !method.is_empty());
        config.known_methods = Some(methods.map(Box::from).collect());
    }
    if variables.flag("OTEL_SDK_DISABLED") {
        switch_off(config);
        variables.reports.push(
            "OTEL_SDK_DISABLED is true: spans go nowhere but where flags send them".to_owned(),
        );
    }
    variables.reports
}

/// Reports of variables that hold no text.
pub(super) fn unreadable(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    variables
        .filter(|(_, value)| value.to_str().is_none())
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("OTEL_"))
        .map(|name| format!("{name} is ignored: it is not UTF-8"))
        .collect()
}

fn otlp(settings: &mut OtlpSettings, variables: &mut Variables<'_>) {
    otlp_transport(settings, variables);
    // What makes a URL depends on the transport: gRPC's needs no scheme.
    for name in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] {
        let Some(url) = variables.text(name) else { continue };
        let mut changed = settings.clone();
        if name.contains("TRACES") {
            changed.traces_endpoint = Some(url);
        } else {
            changed.endpoint = Some(url);
            changed.traces_endpoint = None;
        }
        changed.prefer_grpc_on_its_port = false;
        changed.enabled = true;
        if is_http_url(&changed.url()) {
            *settings = changed;
        } else {
            variables.ignore(name, "a URL such as http://localhost:4318");
        }
    }
}

/// All but where it goes.
fn otlp_transport(settings: &mut OtlpSettings, variables: &mut Variables<'_>) {
    if let Some(protocol) = variables.otlp("PROTOCOL", Protocol::parse, &Protocol::NAMES) {
        settings.protocol = Some(protocol);
    }
    if let Some(compression) = variables.otlp("COMPRESSION", Compression::parse, &["gzip", "none"])
    {
        settings.compression = compression;
    }
    if let Some((name, value)) = variables.otlp_text("HEADERS") {
        match headers(&value) {
            Some(headers) => settings.headers = headers,
            // The value is a secret.
            None => {
                variables.ignore(&name, "a list of key=value, percent-encoded, that HTTP can carry")
            }
        }
    }
    if let Some((name, value)) = variables.otlp_text("TIMEOUT")
        && let Some(timeout) = variables.parse_milliseconds(&name, &value)
    {
        settings.timeout = if timeout.is_zero() { UNLIMITED } else { timeout };
    }
    if let Some((name, value)) = variables.otlp_text("INSECURE") {
        settings.insecure = variables.parse_flag(&name, &value);
    }
    let tls = &mut settings.tls;
    for (key, file) in [
        ("CERTIFICATE", &mut tls.certificate),
        ("CLIENT_CERTIFICATE", &mut tls.client_certificate),
        ("CLIENT_KEY", &mut tls.client_key),
    ] {
        if let Some((_, path)) = variables.otlp_text(key) {
            *file = Some(PathBuf::from(path));
        }
    }
}

fn zipkin_endpoint(settings: &mut Option<ZipkinSettings>, variables: &mut Variables<'_>) {
    const ENDPOINT: &str = "OTEL_EXPORTER_ZIPKIN_ENDPOINT";
    match variables.text(ENDPOINT) {
        Some(url) if is_http_url(&url) => settings.get_or_insert_default().endpoint = url,
        Some(_) => variables.ignore(ENDPOINT, "a URL such as http://localhost:9411/api/v2/spans"),
        None => {}
    }
}

fn zipkin_timeout(settings: &mut Option<ZipkinSettings>, variables: &mut Variables<'_>) {
    if let Some(timeout) = variables.milliseconds("OTEL_EXPORTER_ZIPKIN_TIMEOUT")
        && let Some(settings) = settings
    {
        settings.timeout = if timeout.is_zero() { UNLIMITED } else { timeout };
    }
}

/// `OTEL_TRACES_EXPORTER` is the whole list of exporters that OpenTelemetry knows; the file sink
/// is not one of them.
fn exporters(config: &mut Config, variables: &mut Variables<'_>) {
    const NAME: &str = "OTEL_TRACES_EXPORTER";
    let Some(list) = variables.text(NAME) else { return };
    let list = list.to_ascii_lowercase();
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if !names.iter().all(|name| matches!(*name, "otlp" | "console" | "zipkin" | "none")) {
        return variables.ignore(NAME, "a list of otlp, console, zipkin, or none");
    }
    let export = &mut config.export;
    export.otlp.enabled = names.contains(&"otlp");
    if names.contains(&"console") {
        export.console.get_or_insert_default();
    } else {
        export.console = None::<ConsoleSettings>;
    }
    if names.contains(&"zipkin") {
        export.zipkin.get_or_insert_default();
    } else {
        export.zipkin = None;
    }
}

fn batch(settings: &mut BatchSettings, variables: &mut Variables<'_>) {
    if let Some(delay) = variables.milliseconds("OTEL_BSP_SCHEDULE_DELAY") {
        settings.delay = delay;
    }
    if let Some(timeout) = variables.milliseconds("OTEL_BSP_EXPORT_TIMEOUT") {
        settings.timeout = if timeout.is_zero() { UNLIMITED } else { timeout };
    }
    if let Some(queue) = variables.number("OTEL_BSP_MAX_QUEUE_SIZE", 1, 1_000_000) {
        settings.queue = queue;
    }
    if let Some(size) = variables.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, settings.queue) {
        settings.size = size;
    }
}

fn sampler(config: &mut Config, variables: &mut Variables<'_>) {
    const NAME: &str = "OTEL_TRACES_SAMPLER";
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    let Some(name) = variables.text(NAME) else { return };
    let name = name.to_ascii_lowercase();
    if Sampler::parse(&name, 1.0).is_none() {
        return variables.ignore(NAME, &format!("one of {}", Sampler::NAMES.join(", ")));
    }
    if name.ends_with("traceidratio") {
        // Without a usable argument the ratio is 1, whatever a file says about another sampler.
        config.sampling.ratio = 1.0;
        if let Some(argument) = variables.text(ARGUMENT) {
            match argument.parse::<f64>() {
                Ok(ratio) if (0.0..=1.0).contains(&ratio) => config.sampling.ratio = ratio,
                _ => variables.ignore(ARGUMENT, "a number from 0 to 1"),
            }
        }
    }
    config.sampling.sampler = Some(name);
}

fn limits(limits: &mut Limits, variables: &mut Variables<'_>) {
    // The general variables first, then those for spans over them.
    for name in ["OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"] {
        if let Some(count) = variables.number(name, 0, usize::MAX) {
            limits.attributes = count;
        }
    }
    for name in ["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"] {
        if let Some(length) = variables.number(name, 0, usize::MAX) {
            limits.value_length = Some(length);
        }
    }
    if let Some(count) = variables.number("OTEL_SPAN_LINK_COUNT_LIMIT", 0, usize::MAX) {
        limits.links = count;
    }
    let general = variables.quiet_number("OTEL_ATTRIBUTE_COUNT_LIMIT");
    let of_links = variables.number("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", 0, usize::MAX);
    if let Some(count) = of_links.or(general) {
        limits.link_attributes = count;
    }
}

fn switch_off(config: &mut Config) {
    config.export.otlp.enabled = false;
    config.export.console = None;
    config.export.file = None;
    config.export.zipkin = None;
}

/// Names of fields and their values; `None` if any part is malformed.
fn headers(list: &str) -> Option<BTreeMap<String, String>> {
    let pairs = baggage::pairs(list)?;
    let good = pairs.iter().all(|(name, value)| is_http_header(name, value));
    good.then(|| pairs.into_iter().map(|(key, value)| (key.to_ascii_lowercase(), value)).collect())
}

/// Reads variables and collects what is wrong with them.
struct Variables<'a> {
    lookup: Lookup<'a>,
    reports: Vec<String>,
}

impl Variables<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn flag(&mut self, name: &str) -> bool {
        self.text(name).is_some_and(|value| self.parse_flag(name, &value))
    }

    /// What is neither true nor false is false.
    fn parse_flag(&mut self, name: &str, value: &str) -> bool {
        let is_true = value.eq_ignore_ascii_case("true");
        if !is_true && !value.eq_ignore_ascii_case("false") {
            self.reports.push(format!("{name} is taken for false: expected true or false"));
        }
        is_true
    }

    /// A variable of the OTLP exporter: the one for traces, else the one for all signals.
    fn otlp_text(&self, key: &str) -> Option<(String, String)> {
        ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"].into_iter().find_map(|prefix| {
            let name = format!("{prefix}{key}");
            let value = self.text(&name)?;
            Some((name, value))
        })
    }

    fn otlp<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Option<T>,
        known: &[&str],
    ) -> Option<T> {
        let (name, value) = self.otlp_text(key)?;
        let parsed = parse(&value);
        if parsed.is_none() {
            self.ignore(&name, &known.join(" or "));
        }
        parsed
    }

    fn milliseconds(&mut self, name: &str) -> Option<Duration> {
        let value = self.text(name)?;
        self.parse_milliseconds(name, &value)
    }

    fn parse_milliseconds(&mut self, name: &str, value: &str) -> Option<Duration> {
        match value.parse::<u32>() {
            Ok(number) => Some(Duration::from_millis(number.into())),
            Err(_) => {
                self.ignore(name, "a whole number of milliseconds");
                None
            }
        }
    }

    fn number(&mut self, name: &str, least: usize, most: usize) -> Option<usize> {
        let value = self.text(name)?;
        match value.parse() {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                let up_to: &dyn Display = if most == usize::MAX { &"" } else { &most };
                let separator = if most == usize::MAX { "" } else { " to " };
                self.ignore(name, &format!("a whole number from {least}{separator}{up_to}"));
                None
            }
        }
    }

    /// A number that another reader of the variable reports on.
    fn quiet_number(&self, name: &str) -> Option<usize> {
        self.text(name)?.parse().ok()
    }

    /// Values are not repeated: some are secrets.
    fn ignore(&mut self, name: &str, expected: &str) {
        self.reports.push(format!("{name} is ignored: expected {expected}"));
    }
}
