//! The TLS side of the port.

use std::sync::Arc;

use rustls::crypto::ring;
use tokio_rustls::TlsAcceptor;

use super::{Clients, ServerCertificate};
use crate::authority;

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// An authority is not usable as a root.
    #[error("cannot check client certificates")]
    Clients(#[source] rustls::server::VerifierBuilderError),
    /// The server's certificate cannot be made.
    #[error(transparent)]
    Issue(authority::Error),
    /// A certificate or key is not usable.
    #[error("cannot use the server's certificate")]
    Own(#[from] rustls::Error),
}

/// TLS 1.2 and 1.3 with the server's own certificate, for clients who may show one of theirs; cheap to
/// clone.
#[derive(Clone)]
pub struct Tls {
    pub(super) acceptor: TlsAcceptor,
    pub(super) clients: Arc<Clients>,
}

impl Tls {
    /// Shows this certificate, and accepts those clients.
    ///
    /// # Errors
    /// [`TlsError::Own`] if this build knows no version of TLS.
    pub fn new(certificate: ServerCertificate, clients: Clients) -> Result<Self, TlsError> {
        let clients = Arc::new(clients);
        let provider = Arc::new(ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::<Clients>::clone(&clients))
            .with_cert_resolver(Arc::new(certificate));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            clients,
        })
    }
}
