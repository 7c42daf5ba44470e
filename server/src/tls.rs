//! TLS: one certificate for both protocols, read once at start.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{Config, ConfigError};

/// The protocol name by which clients of Postgres 17 and newer ask for TLS without an SSLRequest first.
const POSTGRES_ALPN: &[u8] = b"postgresql";

/// What the listeners need for TLS.
#[derive(Clone)]
pub(crate) struct Tls {
    /// Makes TLS sessions on the Postgres port.
    pub(crate) postgres: tokio_rustls::TlsAcceptor,
    /// The certificate chain as PEM: SCRAM's channel binding and the Flight server want the text.
    pub(crate) certificate_pem: Arc<[u8]>,
    /// The private key as PEM, for the Flight server.
    pub(crate) key_pem: Arc<[u8]>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the certificate and key that the configuration names; `None` if it names none.
    pub(crate) fn load(config: &Config) -> Result<Option<Self>, ConfigError> {
        let (Some(certificate), Some(key)) = (&config.tls_certificate, &config.tls_key) else {
            return Ok(None);
        };
        let certificate_pem = read(certificate)?;
        let key_pem = read(key)?;
        let chain = rustls_pemfile::certs(&mut certificate_pem.as_slice())
            .collect::<Result<Vec<CertificateDer<'static>>, _>>()
            .map_err(|error| wrong(certificate, &error))?;
        let private: PrivateKeyDer<'static> = rustls_pemfile::private_key(&mut key_pem.as_slice())
            .map_err(|error| wrong(key, &error))?
            .ok_or_else(|| wrong(key, &"it holds no private key"))?;
        if chain.is_empty() {
            return Err(wrong(certificate, &"it holds no certificate"));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(certificate, &error))?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|error| wrong(certificate, &error))?;
        server.alpn_protocols = vec![POSTGRES_ALPN.to_vec()];
        Ok(Some(Self {
            postgres: tokio_rustls::TlsAcceptor::from(Arc::new(server)),
            certificate_pem: certificate_pem.into(),
            key_pem: key_pem.into(),
        }))
    }
}

fn read(path: &str) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|error| ConfigError::new(format!("the TLS file \"{path}\" cannot be read: {error}")))
}

fn wrong(path: &str, reason: &dyn std::fmt::Display) -> ConfigError {
    ConfigError::new(format!("the TLS file \"{path}\" cannot be used: {reason}"))
}
