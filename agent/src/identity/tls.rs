//! TLS towards the service: only the authority of one fingerprint is trusted.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};

use super::Identity;

/// The name in every server's certificate, whatever the address.
pub(crate) const SERVER_NAME: &str = "insula";

/// TLS without a certificate of our own, for enrollment.
pub(crate) fn anonymous(fingerprint: [u8; 32]) -> Result<ClientConfig, TlsError> {
    let config = pinned(fingerprint)?.with_no_client_auth();
    Ok(with_http2(config))
}

/// TLS with the agent's certificate.
pub(crate) fn identified(identity: &Identity) -> Result<ClientConfig, TlsError> {
    let chain = [&identity.certificate, &identity.authority];
    let chain = chain.map(|der| CertificateDer::from(der.clone())).to_vec();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.clone()));
    let config = pinned(identity.fingerprint)?.with_client_auth_cert(chain, key)?;
    Ok(with_http2(config))
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn pinned(fingerprint: [u8; 32]) -> Result<Builder, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = PinnedAuthority {
        fingerprint,
        provider: Arc::clone(&provider),
    };
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier)))
}

fn with_http2(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// Accepts a server whose chain holds the authority of the fingerprint and is valid under it.
///
/// The server sends its authority along. Finding it by its hash is as strong as having it in a file
/// before; name, dates and signatures are then checked as for any other authority.
struct PinnedAuthority {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

const OTHER_AUTHORITY: &str = "the server is not the one that the join token names: \
     its certificate comes from another authority";

impl ServerCertVerifier for PinnedAuthority {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let is_pinned = |der: &&CertificateDer<'_>| Sha256::digest(der)[..] == self.fingerprint;
        let authority = chain
            .iter()
            .find(is_pinned)
            .ok_or_else(|| TlsError::General(OTHER_AUTHORITY.to_owned()))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let provider = Arc::clone(&self.provider);
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| TlsError::General(error.to_string()))?;
        verifier.verify_server_cert(server, chain, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl fmt::Debug for PinnedAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinnedAuthority")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    fn authority() -> (CertificateDer<'static>, Issuer<'static, KeyPair>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        (certificate, Issuer::new(params, key))
    }

    fn server(name: &str, issuer: &Issuer<'_, KeyPair>) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.signed_by(&key, issuer).unwrap().der().clone()
    }

    fn verify(
        fingerprint: [u8; 32],
        server: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
    ) -> Result<ServerCertVerified, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let verifier = PinnedAuthority {
            fingerprint,
            provider,
        };
        let name = ServerName::try_from(SERVER_NAME).unwrap();
        verifier.verify_server_cert(server, chain, &name, &[], UnixTime::now())
    }

    #[test]
    fn only_the_pinned_authority_is_trusted() {
        let (pinned, issuer) = authority();
        let (other, other_issuer) = authority();
        let fingerprint: [u8; 32] = Sha256::digest(&pinned).into();
        let ours = server(SERVER_NAME, &issuer);
        let theirs = server(SERVER_NAME, &other_issuer);
        assert!(verify(fingerprint, &ours, std::slice::from_ref(&pinned)).is_ok());
        let foreign = verify(fingerprint, &theirs, std::slice::from_ref(&other)).unwrap_err();
        assert!(
            foreign.to_string().contains("another authority"),
            "{foreign}"
        );
        // Showing the right authority does not help a certificate that it did not sign.
        assert!(verify(fingerprint, &theirs, &[other, pinned]).is_err());
        assert!(verify(fingerprint, &ours, &[]).is_err());
    }

    #[test]
    fn a_certificate_for_another_name_is_refused() {
        let (pinned, issuer) = authority();
        let fingerprint: [u8; 32] = Sha256::digest(&pinned).into();
        let elsewhere = server("elsewhere", &issuer);
        assert!(verify(fingerprint, &elsewhere, &[pinned]).is_err());
    }
}
