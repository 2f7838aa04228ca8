//! The certificate authorities: who may call itself the service, and who an agent of an organization.
//!
//! Two authorities, never one for both. The *service* authority signs the certificates of replicas; a
//! join token carries its fingerprint, so an agent knows whom to trust before it ever connects. An
//! *organization's* authority signs the certificates of that organization's agents and of nobody
//! else's. Keys live in the store, or the service's in a file that every replica has; a compromised
//! organization key forges that organization's agents only.

mod agent_name;
mod pem;
mod replica_name;

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};

pub use agent_name::{NamedAgent, NotAnAgent};
pub use replica_name::{NotAReplica, ReplicaCertificate, named_replica};

/// The name in every replica's certificate; what agents ask for whatever address they dial.
pub const SERVICE_NAME: &str = "insula";

/// Clocks of customers' machines are wrong by minutes, not by hours (rule R28).
const BACKDATED: Duration = Duration::from_secs(3600);
const AUTHORITY_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Agents cannot renew yet; once they can, a day will do.
const AGENT_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// Made anew at every start, and when most of it has passed.
pub const SERVER_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// What can go wrong with certificates.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A stored authority cannot be read back, or a certificate cannot be made.
    #[error("cannot {0}")]
    Own(&'static str, #[source] rcgen::Error),
    /// A file is not that of an authority.
    #[error("the file of a certificate authority must hold {0} in PEM")]
    Pem(&'static str, #[source] rustls::pki_types::pem::Error),
    /// The agent's signing request is malformed or its signature is wrong.
    #[error("the certificate signing request is not valid")]
    Request(#[source] rcgen::Error),
}

/// A certificate authority with its key.
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a new authority, valid for ten years.
    ///
    /// # Errors
    /// [`Error::Own`] if the machine cannot make a key.
    pub fn generate(name: &str, now: SystemTime) -> Result<Self, Error> {
        let failed = |error| Error::Own("make a certificate authority", error);
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = params(name, now, AUTHORITY_LIFE).map_err(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(failed)?.der().clone();
        Ok(Self {
            certificate,
            issuer: Issuer::new(params, key),
        })
    }

    /// Reads back what [`Self::certificate`] and [`Self::key`] gave: X.509 and PKCS#8, both DER.
    ///
    /// # Errors
    /// [`Error::Own`] if either is damaged.
    pub fn load(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        let failed = |error| Error::Own("read a stored certificate authority", error);
        let key = PrivatePkcs8KeyDer::from(key);
        let key = KeyPair::try_from(&key).map_err(failed)?;
        let certificate = CertificateDer::from(certificate.to_vec());
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(failed)?;
        Ok(Self {
            certificate,
            issuer,
        })
    }

    /// The authority's own certificate.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The private key, PKCS#8 DER. Only for the store.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.issuer.key().serialized_der()
    }

    /// SHA-256 of the certificate: what a join token carries.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.certificate).into()
    }

    /// Makes a key and certificate for a replica. `names` are host names and addresses beside
    /// [`SERVICE_NAME`]. The chain ends with the authority's own certificate, so that an agent that
    /// knows nothing but a fingerprint can check it.
    ///
    /// # Errors
    /// [`Error::Own`] if the machine cannot make a key or a name is not a valid one.
    pub fn issue_server(
        &self,
        names: &[String],
        now: SystemTime,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivatePkcs8KeyDer<'static>), Error> {
        let failed = |error| Error::Own("make the server's certificate", error);
        let key = KeyPair::generate().map_err(failed)?;
        let mut all = vec![SERVICE_NAME.to_owned()];
        all.extend(names.iter().filter(|name| *name != SERVICE_NAME).cloned());
        let mut params = CertificateParams::new(all).map_err(failed)?;
        set_name_and_life(&mut params, SERVICE_NAME, now, SERVER_LIFE);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        let chain = vec![certificate.der().clone(), self.certificate.clone()];
        Ok((chain, PrivatePkcs8KeyDer::from(key.serialize_der())))
    }

    /// Signs an agent's request (PKCS#10, DER). Only the key is taken from it: the name in the
    /// certificate is the agent id that the control plane gives.
    ///
    /// # Errors
    /// [`Error::Request`] if the request is malformed or not signed with the key in it.
    pub fn sign_agent(
        &self,
        request: &[u8],
        agent: &insula_types::AgentId,
        now: SystemTime,
    ) -> Result<CertificateDer<'static>, Error> {
        let request = CertificateSigningRequestDer::from(request);
        let mut request =
            CertificateSigningRequestParams::from_der(&request).map_err(Error::Request)?;
        request.params = params(agent.as_str(), now, AGENT_LIFE).map_err(Error::Request)?;
        request.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = request
            .signed_by(&self.issuer)
            .map_err(|error| Error::Own("sign an agent's certificate", error))?;
        Ok(certificate.der().clone())
    }
}

fn params(name: &str, now: SystemTime, life: Duration) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    set_name_and_life(&mut params, name, now, life);
    Ok(params)
}

fn set_name_and_life(params: &mut CertificateParams, name: &str, now: SystemTime, life: Duration) {
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = (now - BACKDATED).into();
    params.not_after = (now + life).into();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use insula_types::AgentId;

    fn request() -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["somebody-else".to_owned()]).unwrap();
        params.serialize_request(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_control_plane_names_the_agent_whatever_the_request_says() {
        let authority = Authority::generate("organization default", SystemTime::now()).unwrap();
        let agent = AgentId::from("agent-1");
        let certificate = authority
            .sign_agent(&request(), &agent, SystemTime::now())
            .unwrap();
        assert_eq!(NamedAgent::of(&certificate).unwrap().agent, agent);
    }

    #[test]
    fn an_authority_read_back_from_the_store_is_the_same() {
        let made = Authority::generate("service", SystemTime::now()).unwrap();
        let read = Authority::load(made.certificate(), made.key()).unwrap();
        assert_eq!(made.fingerprint(), read.fingerprint());
        let (chain, _) = read
            .issue_server(&["127.0.0.1".to_owned()], SystemTime::now())
            .unwrap();
        assert_eq!(chain.last(), Some(made.certificate()));
    }

    #[test]
    fn a_damaged_request_is_refused() {
        let authority = Authority::generate("organization default", SystemTime::now()).unwrap();
        let agent = AgentId::from("agent-1");
        let mut damaged = request();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        for bad in [&damaged[..], b"", b"nonsense"] {
            let error = authority
                .sign_agent(bad, &agent, SystemTime::now())
                .unwrap_err();
            assert!(matches!(error, Error::Request(_)), "{error:?}");
        }
    }
}
