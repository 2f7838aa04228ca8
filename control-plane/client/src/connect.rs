//! A connection to a control plane: plain on its own machine, TLS from elsewhere.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::{Service, ServiceExt};

/// How long connecting may take: on one machine it takes microseconds.
const CONNECT: Duration = Duration::from_secs(10);
/// The name that every replica's certificate carries, and no other: whoever the authority certifies
/// under it is a replica of that service, whatever address it was reached by.
const SERVICE_NAME: &str = "insula";

/// Why a file of certificates is of no use.
pub(crate) const BAD_AUTHORITY: &str =
    "the file of its certificate authority holds no certificate (PEM)";

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    tls: Option<TlsConnector>,
}

impl Connector {
    /// For plain connections.
    pub(crate) fn plain() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        Self { tcp, tls: None }
    }

    /// For plain connections, and for TLS with replicas that these authorities (PEM) certify.
    pub(crate) fn trusting(authorities: &[u8]) -> Result<Self, &'static str> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authorities) {
            let certificate = certificate.map_err(|_| BAD_AUTHORITY)?;
            roots.add(certificate).map_err(|_| BAD_AUTHORITY)?;
        }
        if roots.is_empty() {
            return Err(BAD_AUTHORITY);
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| "this build speaks no version of TLS")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            tls: Some(TlsConnector::from(Arc::new(config))),
            ..Self::plain()
        })
    }

    async fn open(self, uri: Uri) -> io::Result<Stream> {
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let uri = with_port(uri)?;
        let tcp = self.tcp.oneshot(uri).await.map_err(io::Error::other)?;
        if !is_tls {
            return Ok(Stream::Plain(tcp));
        }
        let connector = self.tls.ok_or(io::ErrorKind::Unsupported)?;
        let name = ServerName::try_from(SERVICE_NAME).map_err(io::Error::other)?;
        let shaken = connector.connect(name, tcp.into_inner());
        let stream = tokio::time::timeout(CONNECT, shaken).await??;
        Ok(Stream::Tls(Box::new(TokioIo::new(stream))))
    }
}

/// The port that a URL does not name is that of its scheme.
fn with_port(uri: Uri) -> io::Result<Uri> {
    let host = uri.host().ok_or(io::ErrorKind::InvalidInput)?;
    let default = if uri.scheme() == Some(&Scheme::HTTPS) {
        443
    } else {
        80
    };
    let port = uri.port_u16().unwrap_or(default);
    format!("http://{host}:{port}/")
        .parse()
        .map_err(io::Error::other)
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().open(uri))
    }
}

/// A connection that is open.
pub(crate) enum Stream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl Write for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
