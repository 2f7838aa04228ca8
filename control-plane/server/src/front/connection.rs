//! What is known of the connection a request came on.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;

/// The connection of a request; an extension of every request that [`super::serve`] hands on.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The other end.
    pub remote: SocketAddr,
    /// How it is protected.
    pub security: Security,
}

/// How a connection is protected.
#[derive(Debug, Clone)]
pub enum Security {
    /// Not at all; only from loopback.
    Plain,
    /// TLS. `client` is the client's certificate, verified against an organization's authority; absent
    /// if it gave none.
    Tls {
        /// See above.
        client: Option<Arc<CertificateDer<'static>>>,
    },
}
