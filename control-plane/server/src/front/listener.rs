//! Opens the port and accepts connections.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::Tls;
use super::conversation::Door;
use crate::stopping::Stopping;

/// Connections at a time. Each costs a descriptor and some tens of kilobytes; agents hold one each.
pub(crate) const CONNECTIONS_MAX: usize = 65_536;
/// The pause after a connection could not be accepted. The usual reason is that there are no more
/// descriptors, and without a pause the loop would spin until one is free.
const PAUSE: Duration = Duration::from_millis(50);
/// How long requests may take to end once they were told to.
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

/// How many connections are open; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Connections(Arc<AtomicUsize>);

impl Connections {
    /// How many there are.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn are(&self, open: usize) {
        self.0.store(open, Ordering::Relaxed);
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

/// Serves until told to stop, and completes when every connection has ended; those that have not
/// within seconds after the second phase began are cut. A silent HTTP/2 peer is asked for a sign of life
/// after `ping`, and cut after as long again. Dropping the future cuts all of them. `open` tells how many
/// there are.
pub async fn serve(
    listener: TcpListener,
    tls: Tls,
    router: Router,
    stopping: Stopping,
    ping: Duration,
    open: Connections,
) {
    let door = Door {
        tls,
        router,
        stopping,
        ping,
    };
    let mut connections = accept(listener, &door, &open).await;
    tokio::select! {
        () = all_ended(&mut connections) => {}
        () = overdue(&door.stopping) => {
            debug!(count = connections.len(), "cut the connections that were still busy");
            connections.shutdown().await;
        }
    }
}

/// Lets connections in until told to stop; returns those that are still open.
async fn accept(listener: TcpListener, door: &Door, open: &Connections) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    loop {
        open.are(connections.len());
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_ended) = connections.join_next() => continue,
            () = door.stopping.closing() => return connections,
        };
        match accepted {
            Ok((_, remote)) if connections.len() >= CONNECTIONS_MAX => {
                warn!(%remote, "refused a connection: {CONNECTIONS_MAX} are open");
            }
            Ok((stream, remote)) => {
                connections.spawn(door.clone().converse(stream, remote));
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn all_ended(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

fn overdue(stopping: &Stopping) -> impl Future<Output = ()> + use<> {
    let ending = stopping.ending();
    async move {
        ending.await;
        tokio::time::sleep(DRAIN).await;
    }
}
