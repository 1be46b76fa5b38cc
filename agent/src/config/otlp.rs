//! Where and how OTLP is sent.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::ConfigError;
use super::export::timeout;

/// The wire protocols of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// `grpc`.
    #[serde(rename = "grpc")]
    Grpc,
    /// `http/protobuf`, the default.
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
    /// `http/json`.
    #[serde(rename = "http/json")]
    HttpJson,
}

impl Protocol {
    /// All names, as `OTEL_EXPORTER_OTLP_PROTOCOL` spells them.
    pub const NAMES: [&'static str; 3] = ["grpc", "http/protobuf", "http/json"];

    /// By its name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "grpc" => Some(Self::Grpc),
            "http/protobuf" => Some(Self::HttpProtobuf),
            "http/json" => Some(Self::HttpJson),
            _ => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
        })
    }
}

/// Compression of request bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// As they are.
    #[default]
    None,
    /// gzip.
    Gzip,
}

impl Compression {
    /// By its name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "none" => Some(Self::None),
            "gzip" => Some(Self::Gzip),
            _ => None,
        }
    }
}

/// TLS material, as paths of PEM files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Certificates to trust instead of the machine's.
    pub certificate: Option<PathBuf>,
    /// The client's certificate chain, for mutual TLS.
    pub client_certificate: Option<PathBuf>,
    /// The client's private key.
    pub client_key: Option<PathBuf>,
}

/// The `export.otlp` section, with the variables `OTEL_EXPORTER_OTLP_*` over it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpSettings {
    /// Whether to export. A section in the file switches it on unless it says otherwise, and so
    /// does an endpoint in the environment.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Base URL; HTTP adds `v1/traces`. `None` is the protocol's default on localhost.
    pub endpoint: Option<String>,
    /// The URL for traces as it is, before `endpoint`.
    pub traces_endpoint: Option<String>,
    /// `None` is `http/protobuf`, unless [`Self::prefer_grpc_on_its_port`] holds.
    pub protocol: Option<Protocol>,
    /// Without a protocol, take port 4317 for gRPC. Holds for endpoints that a person typed on
    /// the command line or in the file; `OTEL_EXPORTER_OTLP_ENDPOINT` follows the specification.
    #[serde(skip, default = "yes")]
    pub prefer_grpc_on_its_port: bool,
    /// Headers of each request. Values are secrets.
    pub headers: BTreeMap<String, String>,
    /// Compression of requests.
    pub compression: Compression,
    /// The time one request may take.
    #[serde(rename = "timeout_ms", deserialize_with = "timeout")]
    pub timeout: Duration,
    /// For gRPC endpoints without a scheme: no TLS.
    pub insecure: bool,
    /// TLS material.
    pub tls: Tls,
}

impl Default for OtlpSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            endpoint: None,
            traces_endpoint: None,
            protocol: None,
            prefer_grpc_on_its_port: true,
            headers: BTreeMap::new(),
            compression: Compression::None,
            timeout: Duration::from_secs(10),
            insecure: false,
            tls: Tls::default(),
        }
    }
}

impl OtlpSettings {
    /// Settings for a URL that was given on the command line: a base URL, or one that ends in
    /// `/v1/traces`.
    #[must_use]
    pub fn to(url: &str) -> Self {
        let mut settings = Self::default();
        settings.set_url(url);
        settings
    }

    /// Switches the export on, to another URL, over what file and environment said; the rest stays.
    pub fn set_url(&mut self, url: &str) {
        self.enabled = true;
        self.endpoint = Some(url.to_owned());
        self.traces_endpoint = None;
        self.prefer_grpc_on_its_port = true;
    }

    /// The protocol to speak.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol.unwrap_or_else(|| {
            let given = self.traces_endpoint.as_ref().or(self.endpoint.as_ref());
            match given {
                Some(url) if self.prefer_grpc_on_its_port && authority(url).ends_with(":4317") => {
                    Protocol::Grpc
                }
                _ => Protocol::HttpProtobuf,
            }
        })
    }

    /// The URL that requests go to; for gRPC the origin.
    #[must_use]
    pub fn url(&self) -> String {
        let given = self.traces_endpoint.as_ref().or(self.endpoint.as_ref());
        if self.protocol() == Protocol::Grpc {
            let given = given.map_or("http://localhost:4317", String::as_str);
            // The path is the method's; a trailing slash would be doubled.
            let scheme = if self.insecure { "http" } else { "https" };
            return match given.split_once("://") {
                Some(("grpc", rest)) => format!("http://{}", authority(rest)),
                Some((scheme, rest)) => format!("{scheme}://{}", authority(rest)),
                None => format!("{scheme}://{}", authority(given)),
            };
        }
        if let Some(url) = &self.traces_endpoint {
            return url.clone();
        }
        let base = self.endpoint.as_deref().unwrap_or("http://localhost:4318");
        let base = base.trim_end_matches('/');
        if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") }
    }
}

impl OtlpSettings {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.enabled && !is_http_url(&self.url()) {
            let (key, given) = match (&self.traces_endpoint, &self.endpoint) {
                (Some(given), _) => ("export.otlp.traces_endpoint", given.as_str()),
                (None, given) => ("export.otlp.endpoint", given.as_deref().unwrap_or_default()),
            };
            return Err(ConfigError::no_url(key, "http://localhost:4318", given));
        }
        if let Some((name, _)) =
            self.headers.iter().find(|(name, value)| !is_http_header(name, value))
        {
            let expected =
                format!("names and values that HTTP can carry, unlike those of {name:?}");
            return Err(ConfigError::value("export.otlp.headers", expected));
        }
        if self.tls.client_certificate.is_some() != self.tls.client_key.is_some() {
            return Err(ConfigError::value(
                "export.otlp.tls",
                "client_certificate and client_key together",
            ));
        }
        Ok(())
    }
}

const fn yes() -> bool {
    true
}

/// Header values are secrets: only their names are shown.
impl fmt::Debug for OtlpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            enabled,
            endpoint,
            traces_endpoint,
            protocol,
            prefer_grpc_on_its_port,
            headers,
            compression,
            timeout,
            insecure,
            tls,
        } = self;
        let names: Vec<&String> = headers.keys().collect();
        f.debug_struct("OtlpSettings")
            .field("enabled", enabled)
            .field("endpoint", endpoint)
            .field("traces_endpoint", traces_endpoint)
            .field("protocol", protocol)
            .field("prefer_grpc_on_its_port", prefer_grpc_on_its_port)
            .field("headers", &names)
            .field("compression", compression)
            .field("timeout", timeout)
            .field("insecure", insecure)
            .field("tls", tls)
            .finish()
    }
}

/// Whether a header can be sent.
pub(super) fn is_http_header(name: &str, value: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok()
}

/// Whether a text is a complete `http` or `https` URL.
pub(crate) fn is_http_url(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        let (Some(authority), Some(host)) = (uri.authority(), uri.host()) else { return false };
        let place = authority.as_str().rsplit('@').next().unwrap_or_default();
        // The parser takes any text for a port.
        let port = place.strip_prefix(host).unwrap_or_default();
        let port_is_good = port.is_empty() || uri.port_u16().is_some();
        !host.is_empty() && port_is_good && matches!(uri.scheme_str(), Some("http" | "https"))
    })
}

/// `host:port` of a URL, with or without a scheme.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::{OtlpSettings, Protocol};

    fn url(settings: OtlpSettings) -> String {
        settings.url()
    }

    // The cases of the specification, "Endpoint URLs for OTLP/HTTP".
    #[test]
    fn a_base_url_gets_the_signal_path_and_a_signal_url_is_taken_as_it_is() {
        let base = |endpoint: &str| OtlpSettings::to(endpoint).url();
        assert_eq!(url(OtlpSettings::default()), "http://localhost:4318/v1/traces");
        assert_eq!(base("http://collector:4318"), "http://collector:4318/v1/traces");
        assert_eq!(
            base("https://collector/mycollector/"),
            "https://collector/mycollector/v1/traces"
        );
        assert_eq!(base("http://collector:4318/v1/traces"), "http://collector:4318/v1/traces");
        let own = OtlpSettings {
            endpoint: Some("http://collector:4318".into()),
            traces_endpoint: Some("http://other:4318/custom".into()),
            ..OtlpSettings::default()
        };
        assert_eq!(url(own), "http://other:4318/custom");
    }

    #[test]
    fn grpc_has_an_origin_and_its_own_default() {
        let grpc = |endpoint: Option<&str>, insecure| {
            url(OtlpSettings {
                endpoint: endpoint.map(str::to_owned),
                protocol: Some(Protocol::Grpc),
                insecure,
                ..OtlpSettings::default()
            })
        };
        assert_eq!(grpc(None, false), "http://localhost:4317");
        assert_eq!(grpc(Some("http://c:4317/"), false), "http://c:4317");
        assert_eq!(grpc(Some("https://c:4317"), true), "https://c:4317");
        assert_eq!(grpc(Some("c:4317"), false), "https://c:4317");
        assert_eq!(grpc(Some("c:4317"), true), "http://c:4317");
    }

    #[test]
    fn the_port_of_grpc_is_a_hint_only_where_a_person_typed_it() {
        let mut settings = OtlpSettings::to("http://localhost:4317");
        assert_eq!(settings.protocol(), Protocol::Grpc);
        settings.prefer_grpc_on_its_port = false;
        assert_eq!(settings.protocol(), Protocol::HttpProtobuf);
        assert_eq!(OtlpSettings::to("http://localhost:4318").protocol(), Protocol::HttpProtobuf);
    }

    #[test]
    fn debug_output_has_no_header_values() {
        let headers = [("authorization".to_owned(), "Bearer hunter2".to_owned())].into();
        let text = format!("{:?}", OtlpSettings { headers, ..OtlpSettings::default() });
        assert!(text.contains("authorization") && !text.contains("hunter2"));
    }
}
