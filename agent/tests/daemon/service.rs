//! The control plane's side of the wire: authorities, one port with mutual TLS, and the calls. What
//! agents say goes to the test; what the test says goes to the agent.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use futures::{Stream, StreamExt};
use insula_proto::insula::agent::v1::agent_service_server::{AgentService, AgentServiceServer};
use insula_proto::insula::agent::v1::{
    Chunk, EnrollRequest, EnrollResponse, FetchModuleRequest, FromAgent, OutputChunk,
    ReceiveInputRequest, SendOutputResponse, ToAgent,
};
use insula_types::TraceContext;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair,
};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::{
    CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};
use rustls::server::WebPkiClientVerifier;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

pub(crate) const SECRET: &str = "open sesame";

/// A session that an agent opened.
pub(crate) struct Opened {
    pub(crate) from_agent: mpsc::Receiver<FromAgent>,
    pub(crate) to_agent: mpsc::Sender<Result<ToAgent, Status>>,
}

#[derive(Clone)]
pub(crate) struct Service {
    organization: Arc<Issuer<'static, KeyPair>>,
    organization_der: CertificateDer<'static>,
    opened: mpsc::Sender<Opened>,
    outputs: Arc<Mutex<BTreeMap<String, oneshot::Sender<Vec<u8>>>>>,
    inputs: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    modules: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

/// A service that listens.
pub(crate) struct Running {
    pub(crate) service: Service,
    pub(crate) address: String,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) sessions: mpsc::Receiver<Opened>,
}

impl Service {
    /// The output that the agent will send for this request.
    pub(crate) fn expect_output(&self, request: &str) -> oneshot::Receiver<Vec<u8>> {
        let (sender, receiver) = oneshot::channel();
        self.outputs
            .lock()
            .unwrap()
            .insert(request.to_owned(), sender);
        receiver
    }

    /// A module that agents may fetch.
    pub(crate) fn keep_module(&self, module: &[u8]) {
        let digest: String = Sha256::digest(module)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.modules
            .lock()
            .unwrap()
            .insert(format!("sha256:{digest}"), module.to_vec());
    }

    /// What is piped into a task under this request.
    pub(crate) fn offer_input(&self, request: &str, input: &[u8]) {
        self.inputs
            .lock()
            .unwrap()
            .insert(request.to_owned(), input.to_vec());
    }
}

pub(crate) async fn start() -> Running {
    let (service_der, service_authority) = authority();
    let (organization_der, organization) = authority();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let acceptor = acceptor(&service_der, &service_authority, &organization_der);
    let (opened, sessions) = mpsc::channel(8);
    let service = Service {
        organization: Arc::new(organization),
        organization_der,
        opened,
        outputs: Arc::default(),
        inputs: Arc::default(),
        modules: Arc::default(),
    };
    let connections = futures::stream::unfold(listener, move |listener| {
        let acceptor = acceptor.clone();
        async move {
            loop {
                let (stream, _) = listener.accept().await.ok()?;
                // A client that refuses our certificate ends its handshake; that is its business.
                if let Ok(stream) = acceptor.accept(stream).await {
                    return Some((Ok::<_, io::Error>(Connection(stream)), listener));
                }
            }
        }
    });
    let server = AgentServiceServer::new(service.clone());
    tokio::spawn(async move {
        let router = tonic::transport::Server::builder().add_service(server);
        router.serve_with_incoming(connections).await.unwrap();
    });
    let fingerprint = Sha256::digest(&service_der).into();
    Running {
        service,
        address,
        fingerprint,
        sessions,
    }
}

fn authority() -> (CertificateDer<'static>, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().der().clone();
    (certificate, Issuer::new(params, key))
}

/// Like the real port: a client certificate is asked for, and checked if it is given.
fn acceptor(
    service: &CertificateDer<'static>,
    issuer: &Issuer<'static, KeyPair>,
    organization: &CertificateDer<'static>,
) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["insula".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap().der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(organization.clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(
            vec![certificate, service.clone()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

#[tonic::async_trait]
impl AgentService for Service {
    async fn enroll(
        &self,
        request: Request<EnrollRequest>,
    ) -> Result<Response<EnrollResponse>, Status> {
        check_trace(&request)?;
        let request = request.into_inner();
        if request.secret != SECRET {
            return Err(Status::permission_denied("the token was used before"));
        }
        let der = CertificateSigningRequestDer::from(request.certificate_request.to_vec());
        let signing = CertificateSigningRequestParams::from_der(&der)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let certificate = signing.signed_by(&self.organization).unwrap();
        Ok(Response::new(EnrollResponse {
            agent_id: "agent-1".to_owned(),
            cell: "default".to_owned(),
            certificate: certificate.der().to_vec().into(),
            authority: self.organization_der.to_vec().into(),
        }))
    }

    type SessionStream = ReceiverStream<Result<ToAgent, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<FromAgent>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        check_trace(&request)?;
        if !request
            .extensions()
            .get::<HasCertificate>()
            .is_some_and(|has| has.0)
        {
            return Err(Status::unauthenticated("a session needs a certificate"));
        }
        let mut inbound = request.into_inner();
        let (from_sender, from_agent) = mpsc::channel(64);
        let (to_agent, to_receiver) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Some(Ok(message)) = inbound.next().await {
                if from_sender.send(message).await.is_err() {
                    return;
                }
            }
        });
        let opened = Opened {
            from_agent,
            to_agent,
        };
        self.opened
            .send(opened)
            .await
            .map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ReceiverStream::new(to_receiver)))
    }

    type FetchModuleStream = ChunkStream;

    async fn fetch_module(
        &self,
        request: Request<FetchModuleRequest>,
    ) -> Result<Response<ChunkStream>, Status> {
        check_trace(&request)?;
        let module = self
            .modules
            .lock()
            .unwrap()
            .get(&request.into_inner().digest)
            .cloned();
        module
            .map(|module| chunks(&module))
            .ok_or_else(|| Status::not_found("there is no such module"))
    }

    async fn send_output(
        &self,
        request: Request<Streaming<OutputChunk>>,
    ) -> Result<Response<SendOutputResponse>, Status> {
        check_trace(&request)?;
        let mut chunks = request.into_inner();
        let first = chunks
            .message()
            .await?
            .ok_or_else(|| Status::invalid_argument("empty"))?;
        let mut whole = first.data.to_vec();
        while let Some(chunk) = chunks.message().await? {
            whole.extend(chunk.data);
        }
        let waiting = self.outputs.lock().unwrap().remove(&first.request_id);
        if let Some(waiting) = waiting {
            let _test_is_over = waiting.send(whole);
        }
        Ok(Response::new(SendOutputResponse {}))
    }

    type ReceiveInputStream = ChunkStream;

    async fn receive_input(
        &self,
        request: Request<ReceiveInputRequest>,
    ) -> Result<Response<ChunkStream>, Status> {
        check_trace(&request)?;
        let input = self
            .inputs
            .lock()
            .unwrap()
            .remove(&request.into_inner().request_id);
        let input = input.ok_or_else(|| Status::not_found("nobody pipes"))?;
        Ok(chunks(&input))
    }
}

/// No call comes without the trace that it belongs to.
fn check_trace<T>(request: &Request<T>) -> Result<(), Status> {
    let given = request.metadata().get("traceparent");
    let text = given
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if TraceContext::parse(text, "").is_empty() {
        return Err(Status::invalid_argument("the call has no trace"));
    }
    Ok(())
}

fn chunks(bytes: &[u8]) -> Response<ChunkStream> {
    let chunk = |data: &[u8]| {
        Ok(Chunk {
            data: data.to_vec().into(),
        })
    };
    let chunks: Vec<_> = bytes.chunks(3).map(chunk).collect();
    Response::new(Box::pin(futures::stream::iter(chunks)))
}

type ChunkStream = Pin<Box<dyn Stream<Item = Result<Chunk, Status>> + Send>>;

/// Whether the client showed a certificate.
#[derive(Clone)]
struct HasCertificate(bool);

/// A TLS stream that tells the calls on it about its client.
struct Connection(TlsStream<TcpStream>);

impl tonic::transport::server::Connected for Connection {
    type ConnectInfo = HasCertificate;

    fn connect_info(&self) -> HasCertificate {
        HasCertificate(self.0.get_ref().1.peer_certificates().is_some())
    }
}

impl tokio::io::AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl tokio::io::AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
