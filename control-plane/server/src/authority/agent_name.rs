//! Which agent a client certificate names.

use insula_types::AgentId;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

/// What a client certificate says of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedAgent {
    /// Which agent.
    pub agent: AgentId,
    /// SHA-256 of its public key (`SubjectPublicKeyInfo`, DER).
    pub key_fingerprint: [u8; 32],
}

/// A certificate that does not name an agent.
#[derive(Debug, thiserror::Error)]
#[error("the client certificate does not name an agent")]
pub struct NotAnAgent;

impl NamedAgent {
    /// Reads a certificate (X.509, DER). Its chain was verified in the TLS handshake.
    ///
    /// # Errors
    /// [`NotAnAgent`] if there is not exactly one common name and nothing else, or it is no valid id.
    pub fn of(certificate: &[u8]) -> Result<Self, NotAnAgent> {
        let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| NotAnAgent)?;
        let subject = certificate.subject();
        let mut names = subject.iter_common_name();
        let (Some(name), None) = (names.next(), names.next()) else {
            return Err(NotAnAgent);
        };
        if subject.iter_attributes().count() > 1 {
            return Err(NotAnAgent);
        }
        let name = name.as_str().map_err(|_| NotAnAgent)?;
        Ok(Self {
            agent: AgentId::new(name).map_err(|_| NotAnAgent)?,
            key_fingerprint: Sha256::digest(certificate.public_key().raw).into(),
        })
    }
}
