//! Whose client certificates are accepted, and what they make of whoever shows one.
//!
//! Agents are certified by their organization, replicas by the service. A chain is checked against
//! each on its own: a certificate of one authority is never looked at with the eyes of the other.

use std::sync::Arc;

use insula_types::ReplicaId;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};

use super::TlsError;
use crate::authority::{NamedAgent, named_replica};

/// Who a TLS client is.
#[derive(Debug, Clone)]
pub enum Client {
    /// It has shown no certificate.
    Stranger,
    /// An agent of an organization.
    Agent(Arc<NamedAgent>),
    /// Another replica of this service.
    Replica(ReplicaId),
}

/// Checks client certificates; one need not be shown (to enroll, a machine has none yet).
#[derive(Debug)]
pub struct Clients {
    agents: Arc<dyn ClientCertVerifier>,
    replicas: Option<Arc<dyn ClientCertVerifier>>,
    hints: Vec<DistinguishedName>,
}

impl Clients {
    /// Accepts agents that one of `organizations` certified, and replicas that `service` did; no
    /// replicas if there is none beside this one.
    ///
    /// # Errors
    /// [`TlsError`] if an authority is not usable as a root.
    pub fn new(
        organizations: &[CertificateDer<'static>],
        service: Option<&CertificateDer<'static>>,
    ) -> Result<Self, TlsError> {
        let agents = verifier(organizations)?;
        let replicas = service
            .map(|service| verifier(std::slice::from_ref(service)))
            .transpose()?;
        let mut hints = agents.root_hint_subjects().to_vec();
        if let Some(replicas) = &replicas {
            hints.extend_from_slice(replicas.root_hint_subjects());
        }
        Ok(Self {
            agents,
            replicas,
            hints,
        })
    }

    /// Who a client is that has shown this certificate; nobody if it names neither.
    pub(super) fn who(&self, certificate: &CertificateDer<'_>) -> Option<Client> {
        let now = UnixTime::now();
        let is_of = |verifier: &Arc<dyn ClientCertVerifier>| {
            verifier.verify_client_cert(certificate, &[], now).is_ok()
        };
        if self.replicas.as_ref().is_some_and(is_of) {
            return named_replica(certificate).ok().map(Client::Replica);
        }
        if !is_of(&self.agents) {
            return None;
        }
        let agent = NamedAgent::of(certificate).ok()?;
        Some(Client::Agent(Arc::new(agent)))
    }
}

fn verifier(
    authorities: &[CertificateDer<'static>],
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone())?;
    }
    let provider = Arc::new(ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(TlsError::Clients)
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verify = |verifier: &Arc<dyn ClientCertVerifier>| {
            verifier.verify_client_cert(certificate, intermediates, now)
        };
        let of_agents = verify(&self.agents);
        match (&of_agents, &self.replicas) {
            (Err(_), Some(replicas)) => verify(replicas).or(of_agents),
            _ => of_agents,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.agents
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.agents
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.agents.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::{Duration, SystemTime};

    use insula_types::AgentId;
    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::authority::Authority;

    struct World {
        organization: Authority,
        service: Authority,
        clients: Clients,
    }

    fn world() -> World {
        let now = SystemTime::now();
        let organization = Authority::generate("organization default", now).unwrap();
        let service = Authority::generate("service", now).unwrap();
        let clients = Clients::new(
            std::slice::from_ref(organization.certificate()),
            Some(service.certificate()),
        );
        World {
            organization,
            service,
            clients: clients.unwrap(),
        }
    }

    fn agent_of(authority: &Authority) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let request = CertificateParams::new(Vec::new()).unwrap();
        let request = request.serialize_request(&key).unwrap();
        let agent = AgentId::from("somebody");
        authority
            .sign_agent(request.der(), &agent, SystemTime::now())
            .unwrap()
    }

    fn replica_of(authority: &Authority) -> CertificateDer<'static> {
        let replica = ReplicaId::from("somebody");
        let life = Duration::from_secs(60);
        let (chain, _) = authority
            .issue_replica(&replica, life, SystemTime::now())
            .unwrap();
        chain[0].clone()
    }

    #[test]
    fn each_is_who_its_own_authority_says() {
        let world = world();
        let who = |certificate| world.clients.who(&certificate);
        assert!(matches!(
            who(agent_of(&world.organization)),
            Some(Client::Agent(_))
        ));
        assert!(matches!(
            who(replica_of(&world.service)),
            Some(Client::Replica(_))
        ));
    }

    #[test]
    fn neither_can_be_taken_for_the_other() {
        let world = world();
        // An organization that signs what looks like a replica has still made no replica, and the
        // other way round.
        assert!(
            world
                .clients
                .who(&replica_of(&world.organization))
                .is_none()
        );
        assert!(world.clients.who(&agent_of(&world.service)).is_none());
        let stranger = Authority::generate("service", SystemTime::now()).unwrap();
        assert!(world.clients.who(&replica_of(&stranger)).is_none());
        assert!(world.clients.who(&agent_of(&stranger)).is_none());
    }
}
