//! Which agent a client certificate names.

use insula_types::AgentId;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate that does not name an agent.
#[derive(Debug, thiserror::Error)]
#[error("the client certificate does not name an agent")]
pub struct NotAnAgent;

/// The agent that a certificate names. The chain was verified in the TLS handshake.
///
/// # Errors
/// [`NotAnAgent`] if there is not exactly one common name, or it is no valid id.
pub fn agent_name(certificate: &[u8]) -> Result<AgentId, NotAnAgent> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| NotAnAgent)?;
    let mut names = certificate.subject().iter_common_name();
    let (Some(name), None) = (names.next(), names.next()) else {
        return Err(NotAnAgent);
    };
    let name = name.as_str().map_err(|_| NotAnAgent)?;
    AgentId::new(name).map_err(|_| NotAnAgent)
}
