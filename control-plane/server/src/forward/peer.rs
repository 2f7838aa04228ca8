//! The connections to one other replica.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::authority::SERVICE_NAME;

/// Connecting to a neighbour takes milliseconds; one that takes longer is as good as gone.
const CONNECT: Duration = Duration::from_secs(2);
/// A connection that is silent for so long is pinged, and given up after as long again: so much later
/// everybody who waits on a replica that vanished or stands still is told.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// Connections to one replica. Several, since a lost packet holds up all requests of one.
const CONNECTIONS_MAX: usize = 4;
/// Requests at a time on one connection: half of what the other side allows (see `front`), so that
/// none ever waits for a place there.
const REQUESTS_MAX: usize = 256;
/// What may be on its way to one reader who does not read, in bytes.
const STREAM_WINDOW: u32 = 256 << 10;
/// All requests of a connection may wait for their readers at once and it still has room.
const CONNECTION_WINDOW: u32 = 256 * STREAM_WINDOW;

/// A place on a connection; free again when it is dropped.
pub(super) struct Place {
    pub(super) sender: SendRequest<Body>,
    pub(super) permit: OwnedSemaphorePermit,
}

/// Why there is no place.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPlace {
    /// The replica cannot be reached.
    #[error("it cannot be reached")]
    Unreachable(#[from] io::Error),
    /// As many requests as are allowed are under way.
    #[error("{} requests to it are under way already", CONNECTIONS_MAX * REQUESTS_MAX)]
    Busy,
}

/// One other replica, by where it is reached.
#[derive(Default)]
pub(super) struct Peer {
    open: Mutex<Vec<Open>>,
    /// Whether the last request to it was lost.
    is_lost: AtomicBool,
    /// Whoever connects; the others wait for the new connection instead of making more.
    dialling: tokio::sync::Mutex<()>,
}

struct Open {
    sender: SendRequest<Body>,
    places: Arc<Semaphore>,
}

impl Peer {
    /// A place on a connection that is open, or on a new one.
    pub(super) async fn place(
        &self,
        address: &str,
        tls: Arc<ClientConfig>,
    ) -> Result<Place, NoPlace> {
        if let Some(place) = self.free() {
            return Ok(place);
        }
        // The bound is for waiting behind others who connect as well.
        let connected = timeout(CONNECT, self.connect(address, tls)).await;
        connected.unwrap_or_else(|_| Err(NoPlace::Unreachable(io::ErrorKind::TimedOut.into())))
    }

    /// A request was answered, or was lost; whether that is another end than that of the one before.
    pub(super) fn note(&self, is_lost: bool) -> bool {
        self.is_lost.swap(is_lost, Ordering::Relaxed) != is_lost
    }

    /// Whether any connection is open.
    pub(super) fn is_open(&self) -> bool {
        self.lock().iter().any(|open| !open.sender.is_closed())
    }

    fn free(&self) -> Option<Place> {
        let mut all = self.lock();
        all.retain(|open| !open.sender.is_closed());
        all.iter().find_map(|open| {
            let permit = Arc::clone(&open.places).try_acquire_owned().ok()?;
            let sender = open.sender.clone();
            Some(Place { sender, permit })
        })
    }

    async fn connect(&self, address: &str, tls: Arc<ClientConfig>) -> Result<Place, NoPlace> {
        let _turn = self.dialling.lock().await;
        if let Some(place) = self.free() {
            return Ok(place);
        }
        if self.lock().len() >= CONNECTIONS_MAX {
            return Err(NoPlace::Busy);
        }
        let sender = dial(address, tls).await?;
        self.lock().push(Open {
            sender,
            places: Arc::new(Semaphore::new(REQUESTS_MAX)),
        });
        self.free().ok_or(NoPlace::Busy)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects; the connection ends when nobody uses or keeps it any more.
async fn dial(address: &str, tls: Arc<ClientConfig>) -> io::Result<SendRequest<Body>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    // Whatever address it was reached by, it is a replica of this service or it has no such name.
    let name = ServerName::try_from(SERVICE_NAME).map_err(io::Error::other)?;
    let stream = TlsConnector::from(tls).connect(name, stream).await?;
    let (sender, connection) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let address = address.to_owned();
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%address, %error, "the connection to another replica ended");
        }
    });
    Ok(sender)
}
