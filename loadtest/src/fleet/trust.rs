//! Trust in one authority, known by its fingerprint from the join token.
//!
//! The agent's own verifier is in a crate that this one may not depend on; both rest on the check of
//! `rustls-webpki`, and all that is added here is the choice of the one trusted root.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

/// A certificate with what signed it, and its key.
#[derive(Debug, Clone)]
pub(super) struct Certified {
    pub(super) certificate: Vec<u8>,
    pub(super) authority: Vec<u8>,
    pub(super) key: Vec<u8>,
}

/// TLS that trusts the authority of that fingerprint alone and shows a certificate if there is one.
///
/// # Errors
/// If key and certificate do not fit each other.
pub(super) fn tls(fingerprint: [u8; 32], own: Option<&Certified>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let root = Arc::new(OneRoot {
        fingerprint,
        provider: Arc::clone(&provider),
    });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(root);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let chain = vec![own.certificate.clone().into(), own.authority.clone().into()];
            let key = PrivatePkcs8KeyDer::from(own.key.clone());
            builder.with_client_auth_cert(chain, PrivateKeyDer::from(key))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

#[derive(Debug)]
struct OneRoot {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OneRoot {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut roots = RootCertStore::empty();
        for sent in intermediates {
            if Sha256::digest(sent)[..] == self.fingerprint {
                roots.add(sent.clone().into_owned())?;
            }
        }
        // A store without a root, as when none has the fingerprint, makes no verifier.
        WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&self.provider))
            .build()
            .map_err(|_| Error::General("the server is not the one of the join token".to_owned()))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let supported = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, supported)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let supported = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, supported)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let supported = self.provider.signature_verification_algorithms;
        supported.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    #[test]
    fn only_the_authority_of_the_fingerprint_is_trusted() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        let server = CertificateParams::new(vec!["insula".to_owned()]).unwrap();
        let server = server.signed_by(&KeyPair::generate().unwrap(), &issuer);
        let server = server.unwrap().der().clone();
        let verify = |fingerprint: [u8; 32]| {
            let provider = Arc::new(ring::default_provider());
            let root = OneRoot {
                fingerprint,
                provider,
            };
            let name = ServerName::try_from("insula").unwrap();
            let chain = [authority.clone()];
            root.verify_server_cert(&server, &chain, &name, &[], UnixTime::now())
        };
        assert!(verify(Sha256::digest(&authority).into()).is_ok());
        let refused = verify([7; 32]).unwrap_err().to_string();
        assert!(
            refused.contains("not the one of the join token"),
            "{refused}"
        );
    }
}
