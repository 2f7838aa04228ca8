//! The other replicas, and this one's right to call them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use insula_types::ReplicaId;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use super::peer::Peer;
use crate::authority::{Authority, SERVER_LIFE};
use crate::front::{TlsError, is_used_up};

/// What this replica shows to others: a client certificate of the service's authority, made anew
/// before it expires.
pub struct Credentials {
    authority: Arc<Authority>,
    replica: ReplicaId,
    current: Mutex<Option<(SystemTime, Arc<ClientConfig>)>>,
}

impl Credentials {
    /// Those of this replica.
    #[must_use]
    pub fn new(authority: Arc<Authority>, replica: ReplicaId) -> Self {
        Self {
            authority,
            replica,
            current: Mutex::default(),
        }
    }

    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let now = SystemTime::now();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, config)) = &*current
            && !is_used_up(*at, now)
        {
            return Ok(Arc::clone(config));
        }
        let made = Arc::new(self.make(now)?);
        *current = Some((now, Arc::clone(&made)));
        Ok(made)
    }

    fn make(&self, now: SystemTime) -> Result<ClientConfig, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.certificate().clone())?;
        let issued = self
            .authority
            .issue_replica(&self.replica, SERVER_LIFE, now);
        let (chain, key) = issued.map_err(TlsError::Issue)?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key.into())?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

/// The other replicas, by where they are reached.
pub struct Peers {
    pub(super) credentials: Credentials,
    known: Mutex<HashMap<String, Arc<Peer>>>,
}

impl Peers {
    /// Connects to nobody yet.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            known: Mutex::default(),
        }
    }

    pub(super) fn at(&self, address: &str) -> Arc<Peer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = known.get(address) {
            return Arc::clone(peer);
        }
        // Those that somebody is just connecting to are in somebody's hands.
        known.retain(|_, peer| Arc::strong_count(peer) > 1 || peer.is_open());
        let peer = Arc::<Peer>::default();
        known.insert(address.to_owned(), Arc::clone(&peer));
        peer
    }
}
