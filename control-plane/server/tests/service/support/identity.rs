//! Machines: one that has joined, and one that has not.

use std::sync::Arc;

use hyper_util::rt::TokioIo;
use insula_proto::JoinToken;
use insula_proto::insula::agent::v1::EnrollRequest;
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use rcgen::{CertificateParams, KeyPair};
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// Who a machine is once it has joined.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) address: String,
    pub(crate) agent: String,
    pub(crate) checkpoint: String,
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

impl Identity {
    /// Trades a token for an identity.
    pub(crate) async fn enroll(token: &JoinToken) -> Result<Self, Status> {
        let stranger = Stranger::new();
        let request = stranger.request(token);
        let checkpoint = request.checkpoint_id.clone();
        let answer = strange_client(&token.address).await.enroll(request).await?;
        let answer = answer.into_inner();
        Ok(Self {
            address: token.address.clone(),
            agent: answer.agent_id,
            checkpoint,
            certificate: answer.certificate.to_vec(),
            key: stranger.key.serialize_der(),
        })
    }

    /// A client that shows the certificate.
    pub(crate) async fn client(&self) -> AgentServiceClient<Channel> {
        AgentServiceClient::new(channel(&self.address, Some(self)).await.unwrap())
    }
}

/// A machine that wants to join.
pub(crate) struct Stranger {
    key: KeyPair,
}

impl Stranger {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        Self { key }
    }

    /// Asks for more than it is given: the name in the request is not heeded.
    pub(crate) fn request(&self, token: &JoinToken) -> EnrollRequest {
        let params = CertificateParams::new(vec!["admin".to_owned()]).unwrap();
        let request = params.serialize_request(&self.key).unwrap();
        EnrollRequest {
            secret: token.secret.clone(),
            certificate_request: request.der().to_vec().into(),
            checkpoint_id: "a-work-directory".to_owned(),
            hostname: "machine".to_owned(),
            agent_version: "0.1.0".to_owned(),
        }
    }
}

/// A client without a certificate.
pub(crate) async fn strange_client(address: &str) -> AgentServiceClient<Channel> {
    AgentServiceClient::new(channel(address, None).await.unwrap())
}

/// A gRPC channel over TLS.
async fn channel(
    address: &str,
    identity: Option<&Identity>,
) -> Result<Channel, tonic::transport::Error> {
    let (address, identity) = (address.to_owned(), identity.cloned());
    let dial = move |_| {
        let (address, identity) = (address.clone(), identity.clone());
        async move {
            let stream = tls_to(&address, identity.as_ref(), b"h2").await?;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    };
    Endpoint::from_static("http://insula")
        .connect_with_connector(tower::service_fn(dial))
        .await
}

/// A TLS connection.
pub(crate) async fn tls_to(
    address: &str,
    identity: Option<&Identity>,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(AnyServer(Arc::clone(&provider)));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = vec![CertificateDer::from(identity.certificate.clone())];
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.clone()));
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("insula").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// What an agent checks of a server is tested where agents are; here every server will do.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
