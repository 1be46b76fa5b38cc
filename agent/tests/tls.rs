//! TLS to collectors: own authorities, client certificates, and refusals.

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use onlooker::config::{Config, Protocol};
use onlooker::sink::Sinks;
use onlooker::sink::counters::SinkCounts;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use support::{Collector, Speaks, loopback, span};
use tokio::runtime::Handle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};

/// An authority, what it signed for both ends, and a directory with the PEM files.
struct Pki {
    directory: PathBuf,
    authority: CertificateDer<'static>,
    server: (CertificateDer<'static>, PrivateKeyDer<'static>),
}

impl Drop for Pki {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Pki {
    fn new(name: &str) -> Self {
        let directory =
            std::env::temp_dir().join(format!("onlooker-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let sign = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            (params.signed_by(&key, &issuer).unwrap(), key)
        };
        let (server, server_key) = sign("localhost");
        let (client, client_key) = sign("agent");
        std::fs::write(directory.join("ca.pem"), issuer.pem()).unwrap();
        std::fs::write(directory.join("client.pem"), client.pem()).unwrap();
        std::fs::write(directory.join("client.key"), client_key.serialize_pem()).unwrap();
        let key = PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
        Self { directory, authority: issuer.der().clone(), server: (server.der().clone(), key) }
    }

    fn acceptor(&self, speaks: Speaks, asks_for_client: bool) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if asks_for_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.authority.clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = (self.server.0.clone(), self.server.1.clone_key());
        let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
        if speaks == Speaks::Grpc {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        TlsAcceptor::from(Arc::new(config))
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.directory.join(name))
    }
}

fn config(collector: &Collector, speaks: Speaks) -> Config {
    let mut config = Config::default();
    config.export.otlp.set_url(&format!("https://localhost:{}", collector.address.port()));
    config.export.otlp.protocol =
        Some(if speaks == Speaks::Grpc { Protocol::Grpc } else { Protocol::HttpProtobuf });
    config.export.batch.delay = Duration::from_millis(1);
    config
}

async fn export(config: &Config, within: Duration) -> SinkCounts {
    let sinks = Sinks::start(config, &Handle::current()).unwrap();
    sinks.submit(vec![span("secret", 1)]);
    sinks.flush_and_stop(within).await.sinks.remove(0)
}

#[tokio::test]
async fn a_given_authority_is_trusted_and_a_client_certificate_shown() {
    let pki = Pki::new("mutual");
    for speaks in [Speaks::Http, Speaks::Grpc] {
        for mutual in [false, true] {
            let acceptor = pki.acceptor(speaks, mutual);
            let collector = Collector::start(loopback(), speaks, Some(acceptor), []).await;
            let mut config = config(&collector, speaks);
            config.export.otlp.tls.certificate = pki.file("ca.pem");
            if mutual {
                config.export.otlp.tls.client_certificate = pki.file("client.pem");
                config.export.otlp.tls.client_key = pki.file("client.key");
            }
            let counts = export(&config, Duration::from_secs(30)).await;
            assert_eq!(counts.exported, 1, "{speaks:?} {mutual} {counts:?}");
            assert_eq!(collector.arrivals()[0].names(), ["secret"]);
        }
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_stranger() {
    let pki = Pki::new("stranger");
    let other = Pki::new("other");
    for speaks in [Speaks::Http, Speaks::Grpc] {
        let acceptor = pki.acceptor(speaks, false);
        let collector = Collector::start(loopback(), speaks, Some(acceptor), []).await;
        let mut config = config(&collector, speaks);
        // Neither the machine's authorities nor another one signed for it.
        for authority in [None, other.file("ca.pem")] {
            config.export.otlp.tls.certificate = authority;
            let counts = export(&config, Duration::from_millis(300)).await;
            assert_eq!(counts.exported, 0);
            let error = counts.last_error.unwrap();
            assert!(error.contains("certificate"), "{error}");
        }
        assert!(collector.arrivals().is_empty());
    }
}

#[tokio::test]
async fn half_an_identity_is_an_error_at_the_start() {
    let pki = Pki::new("half");
    let acceptor = pki.acceptor(Speaks::Http, false);
    let collector = Collector::start(loopback(), Speaks::Http, Some(acceptor), []).await;
    let mut config = config(&collector, Speaks::Http);
    config.export.otlp.tls.client_certificate = pki.file("client.pem");
    assert!(config.check().unwrap_err().to_string().contains("client_key"));
    let error = Sinks::start(&config, &Handle::current()).unwrap_err().to_string();
    assert!(error.contains("client key"), "{error}");
}
