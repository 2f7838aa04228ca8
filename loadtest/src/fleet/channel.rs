//! A gRPC channel over TLS of our own.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use crate::error::Error;

/// The name in every server's certificate, whatever its address.
const SERVER_NAME: &str = "insula";
/// Thousands of agents dial at once here, so each gets more time than a single one needs.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Connects to `host:port`.
///
/// # Errors
/// [`Error::Connect`].
pub(super) async fn open(address: &str, tls: ClientConfig) -> Result<Channel, Error> {
    let connector = TlsConnector::from(Arc::new(tls));
    let host = address.to_owned();
    let dial = tower::service_fn(move |_uri| {
        let (connector, host) = (connector.clone(), host.clone());
        async move {
            let stream = TcpStream::connect(&host).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from(SERVER_NAME).map_err(io::Error::other)?;
            connector.connect(name, stream).await.map(TokioIo::new)
        }
    });
    // tonic knows nothing of the TLS below it; the name is only what the server sees as authority.
    Endpoint::from_static("http://insula")
        .connect_timeout(CONNECT_TIMEOUT)
        .connect_with_connector(dial)
        .await
        .map_err(|source| Error::Connect {
            address: address.to_owned(),
            source,
        })
}
