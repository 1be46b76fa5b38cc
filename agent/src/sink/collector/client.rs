//! The HTTP client of both transports: hyper with rustls and a connection pool.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::config::Tls;
use crate::sink::text::visible;

/// Plain or TLS connections, as the URL's scheme says.
pub(super) type Connector = HttpsConnector<HttpConnector>;

/// `Onlooker/x OTel-OTLP-Exporter-Rust/x`, the form that the OTLP exporter specification asks of
/// distributions.
pub(super) const USER_AGENT: &str = concat!(
    "Onlooker/",
    env!("CARGO_PKG_VERSION"),
    " OTel-OTLP-Exporter-Rust/",
    env!("CARGO_PKG_VERSION")
);

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(60);

/// Which HTTP a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 with prior knowledge (or by ALPN under TLS), as gRPC does.
    Http2,
}

/// What keeps a TLS client from being made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file could not be read.
    #[error("cannot read {}: {}", .0.display(), .1)]
    File(PathBuf, String),
    /// A client certificate without its key, or a key without its certificate.
    #[error("a client certificate and a client key must be given together")]
    HalfIdentity,
    /// rustls refused the certificates.
    #[error("the certificates cannot be used: {0}")]
    Refused(#[source] rustls::Error),
}

/// A client for one destination. TLS material is only read for `https`.
pub(super) fn client<B>(
    version: Version,
    https: bool,
    tls: &Tls,
) -> Result<Client<Connector, B>, TlsError>
where
    B: hyper::body::Body + Send,
    B::Data: Send,
{
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(IDLE));
    let config = if https { verified(tls)? } else { unused()? };
    let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
    let connector = match version {
        Version::Http1 => builder.enable_http1().wrap_connector(tcp),
        Version::Http2 => builder.enable_http2().wrap_connector(tcp),
    };
    let mut client = Client::builder(TokioExecutor::new());
    client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE);
    client.http2_only(version == Version::Http2);
    Ok(client.build(connector))
}

/// An error with its causes, on one line, fit for a terminal.
pub(super) fn explain(error: &dyn Error) -> String {
    visible(&crate::errors::chain(error))
}

fn verified(tls: &Tls) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    match &tls.certificate {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(TlsError::Refused)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let builder = versions()?.with_root_certificates(roots);
    match (&tls.client_certificate, &tls.client_key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => {
            let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| file(key, &error))?;
            builder
                .with_client_auth_cert(certificates(certificate)?, secret)
                .map_err(TlsError::Refused)
        }
        _ => Err(TlsError::HalfIdentity),
    }
}

/// A configuration that trusts nobody, for clients that only see `http` URLs.
fn unused() -> Result<ClientConfig, TlsError> {
    Ok(versions()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn versions() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, TlsError> {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Refused)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(path)
        .map_err(|error| file(path, &error))?
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| file(path, &error))?;
    if found.is_empty() {
        return Err(file(path, &"there is no certificate in it"));
    }
    Ok(found)
}

fn file(path: &Path, error: &dyn fmt::Display) -> TlsError {
    TlsError::File(path.to_owned(), error.to_string())
}
