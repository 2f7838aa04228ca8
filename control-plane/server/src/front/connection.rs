//! What is known of the connection a request came on.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

use super::Client;

/// The connection of a request; an extension of every request that [`super::serve`] hands on.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The other end.
    pub remote: SocketAddr,
    /// How it is protected.
    pub security: Security,
    /// Set once somebody on it has proved who they are.
    known: CancellationToken,
}

/// How a connection is protected.
#[derive(Debug, Clone)]
pub enum Security {
    /// Not at all; only from loopback.
    Plain,
    /// TLS, with whatever certificate the client has shown.
    Tls(Client),
}

impl Connection {
    /// A connection of which nothing else is known yet.
    #[must_use]
    pub fn new(remote: SocketAddr, security: Security) -> Self {
        Self {
            remote,
            security,
            known: CancellationToken::new(),
        }
    }

    /// Somebody on it has proved who they are: it may last.
    pub fn welcome(&self) {
        self.known.cancel();
    }

    /// Completes when somebody on it has proved who they are.
    pub(super) async fn welcomed(&self) {
        self.known.cancelled().await;
    }
}
