//! The TLS side of the port.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The organization's authority is not usable as a root.
    #[error("cannot check client certificates")]
    Clients(#[source] rustls::server::VerifierBuilderError),
    /// The server's own certificate or key is not usable.
    #[error("cannot use the server's certificate")]
    Own(#[from] rustls::Error),
}

/// TLS 1.2 and 1.3 with the server's chain; a client certificate is verified against `organizations`
/// if one is given, and may be left out (to enroll, a machine has none yet).
///
/// # Errors
/// See [`TlsError`].
pub fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivatePkcs8KeyDer<'static>,
    organizations: &[CertificateDer<'static>],
) -> Result<Arc<rustls::ServerConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    for organization in organizations {
        roots.add(organization.clone())?;
    }
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .map_err(TlsError::Clients)?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key.into())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
