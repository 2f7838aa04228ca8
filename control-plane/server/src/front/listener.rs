//! Accepts connections and serves the router on each.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use tracing::{debug, warn};

use super::{Connection, Security};

/// The record type with which every TLS connection begins (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;
/// A peer that has said nothing at all, or not finished its TLS handshake, for so long is cut off.
const OPENING: Duration = Duration::from_secs(10);
/// Ends a connection whose peer is gone without a word.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Connections at a time. Each costs a descriptor and some tens of kilobytes; agents hold one each.
const CONNECTIONS_MAX: usize = 65_536;
/// How long open requests may take to end at shutdown; event streams are told to end first.
const DRAIN: Duration = Duration::from_secs(3);

/// Why the port cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", because(source, address))]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

fn because(error: &io::Error, address: &SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {} is taken by another program; stop it or choose another with --listen",
            address.port()
        ),
        io::ErrorKind::PermissionDenied => {
            format!(
                "port {} needs more rights; choose one above 1023",
                address.port()
            )
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        _ => error.to_string(),
    }
}

/// Opens the port.
///
/// # Errors
/// [`ListenError`], whose sentence says what to do.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ListenError { address, source })
}

/// Serves until `shutdown` completes, then lets open requests end for a few seconds.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    let acceptor = TlsAcceptor::from(tls);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely; those that end make room.
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            warn!(%remote, "refused a connection: {CONNECTIONS_MAX} are open");
            continue;
        };
        let (acceptor, router, watcher) = (acceptor.clone(), router.clone(), graceful.watcher());
        tokio::spawn(async move {
            if let Err(error) = converse(stream, remote, acceptor, router, watcher).await {
                debug!(%remote, %error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if timeout(DRAIN, graceful.shutdown()).await.is_err() {
        debug!("cut the connections that were still busy");
    }
}

async fn converse(
    stream: TcpStream,
    remote: SocketAddr,
    acceptor: TlsAcceptor,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut first = [0];
    let read = timeout(OPENING, stream.peek(&mut first)).await??;
    if read == 0 {
        return Ok(());
    }
    if first[0] == TLS_HANDSHAKE {
        let stream = timeout(OPENING, acceptor.accept(stream)).await??;
        let certificates = stream.get_ref().1.peer_certificates();
        let client = certificates.and_then(<[_]>::first).cloned().map(Arc::new);
        let connection = Connection {
            remote,
            security: Security::Tls { client },
        };
        return requests(stream, connection, router, watcher).await;
    }
    if !remote.ip().is_loopback() {
        return Err(io::Error::other("plain text is served on loopback only"));
    }
    requests(
        stream,
        Connection {
            remote,
            security: Security::Plain,
        },
        router,
        watcher,
    )
    .await
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: Connection,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) -> io::Result<()> {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        router.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    // The time between two requests on a kept connection would count as reading headers, and Mesos
    // clients keep an idle connection for their next call for as long as they live.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .half_close(false)
        // Names of headers have no case, but some Mesos clients look for them as Mesos writes them.
        .title_case_headers(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .adaptive_window(true);
    let serving = builder
        .serve_connection(TokioIo::new(stream), service)
        .into_owned();
    watcher.watch(serving).await.map_err(io::Error::other)
}
