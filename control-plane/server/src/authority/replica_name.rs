//! Which replica a client certificate names.
//!
//! Replicas call each other with certificates of the service's authority. That one signs nothing for
//! agents, and an organization's signs nothing for replicas, so neither can be taken for the other;
//! the unit in the name says the same once more.

use std::time::{Duration, SystemTime};

use insula_types::ReplicaId;
use rcgen::{DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Authority, Error, params};

/// The organizational unit in the certificate of a replica.
const UNIT: &str = "insula replica";

/// A key and certificate with which a replica calls the others, most specific certificate first.
pub type ReplicaCertificate = (Vec<CertificateDer<'static>>, PrivatePkcs8KeyDer<'static>);

/// A certificate that does not name a replica.
#[derive(Debug, thiserror::Error)]
#[error("the client certificate does not name a replica")]
pub struct NotAReplica;

impl Authority {
    /// Makes a key and certificate with which a replica calls the others.
    ///
    /// # Errors
    /// [`Error::Own`] if the machine cannot make a key.
    pub fn issue_replica(
        &self,
        replica: &ReplicaId,
        life: Duration,
        now: SystemTime,
    ) -> Result<ReplicaCertificate, Error> {
        let failed = |error| Error::Own("make the replica's client certificate", error);
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = params(replica.as_str(), now, life).map_err(failed)?;
        params
            .distinguished_name
            .push(DnType::OrganizationalUnitName, UNIT);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        let chain = vec![certificate.der().clone()];
        Ok((chain, PrivatePkcs8KeyDer::from(key.serialize_der())))
    }
}

/// Reads a certificate (X.509, DER) that the service's authority signed.
///
/// # Errors
/// [`NotAReplica`] if it does not say so itself.
pub fn named_replica(certificate: &[u8]) -> Result<ReplicaId, NotAReplica> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| NotAReplica)?;
    let subject = certificate.subject();
    let units: Vec<_> = subject.iter_organizational_unit().collect();
    let names: Vec<_> = subject.iter_common_name().collect();
    let ([unit], [name]) = (&units[..], &names[..]) else {
        return Err(NotAReplica);
    };
    if unit.as_str().ok() != Some(UNIT) {
        return Err(NotAReplica);
    }
    let name = name.as_str().map_err(|_| NotAReplica)?;
    ReplicaId::new(name).map_err(|_| NotAReplica)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::authority::NamedAgent;

    #[test]
    fn a_replica_is_who_its_certificate_names() {
        let authority = Authority::generate("service", SystemTime::now()).unwrap();
        let replica = ReplicaId::from("replica-1");
        let (chain, _) = authority
            .issue_replica(&replica, Duration::from_secs(60), SystemTime::now())
            .unwrap();
        assert_eq!(named_replica(&chain[0]).unwrap(), replica);
        let (server, _) = authority.issue_server(&[], SystemTime::now()).unwrap();
        assert!(named_replica(&server[0]).is_err());
        assert!(named_replica(b"nonsense").is_err());
    }

    #[test]
    fn a_replica_is_no_agent() {
        let authority = Authority::generate("service", SystemTime::now()).unwrap();
        let replica = ReplicaId::from("replica-1");
        let (chain, _) = authority
            .issue_replica(&replica, Duration::from_secs(60), SystemTime::now())
            .unwrap();
        assert!(NamedAgent::of(&chain[0]).is_err());
    }
}
