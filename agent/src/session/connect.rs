//! A gRPC channel over TLS of our own: tonic's would trust a list of authorities, not one hash.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use crate::identity::tls::SERVER_NAME;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long nothing may be heard on a connection before the other end is asked for a sign of life, as
/// a rule. It is given up after as long again: NAT boxes forget silently.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// What may be on its way to one task that does not read its input, or for a module, in bytes: enough
/// for 5 MB a second over a round trip of 50 ms.
const STREAM_WINDOW: u32 = 256 << 10;
/// As many streams as the control plane allows (520) may wait at once and the connection still has
/// room, so that a task that does not read never holds up the commands in the session beside it.
const CONNECTION_WINDOW: u32 = 520 * STREAM_WINDOW;

/// Connects to `host:port`.
///
/// # Errors
/// If nobody listens there, or TLS fails.
pub(crate) async fn channel(
    address: &str,
    tls: ClientConfig,
    keep_alive: Duration,
) -> Result<Channel, tonic::transport::Error> {
    let connector = TlsConnector::from(Arc::new(tls));
    let address = address.to_owned();
    let dial = move |_authority| {
        let (connector, address) = (connector.clone(), address.clone());
        async move { dial(&address, connector).await.map(TokioIo::new) }
    };
    // The scheme is about tonic's own TLS, which is not built in; the name is what the server sees.
    Endpoint::from_static("http://insula")
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(keep_alive)
        .keep_alive_timeout(keep_alive)
        .keep_alive_while_idle(true)
        .connect_with_connector(tower::service_fn(dial))
        .await
}

async fn dial(address: &str, connector: TlsConnector) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(SERVER_NAME).map_err(io::Error::other)?;
    connector.connect(name, stream).await
}
