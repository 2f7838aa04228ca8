//! One control plane: store, scheduler, gateways and the port, started and stopped together.

mod address;
mod authorities;
mod embedded;
mod error;
mod measured;
mod options;
mod replica;
mod router;

use std::net::SocketAddr;
use std::time::Duration;

use insula_proto::join_token::JoinToken;
use insula_store::Store;
use insula_telemetry::metrics::Metrics;
use insula_types::{CellId, Span};
use tokio_util::task::AbortOnDropHandle;

use crate::auth::DEFAULT;
use crate::gateway::agent;
use crate::partition::{self, Driver};
use crate::service::Reached;
use crate::stopping::Stopping;

pub use error::StartError;
pub use options::{Options, ReplicaOptions};
pub use replica::ReplicaServer;

/// How long the last commit may take when the server stops.
const FLUSH: Duration = Duration::from_secs(5);

/// A control plane in one process that runs. Dropping it ends it at once, as a crash would.
pub struct Server {
    address: SocketAddr,
    store: Store,
    reached: Reached,
    driver: Driver,
    stopping: Stopping,
    serving: AbortOnDropHandle<()>,
    metrics: Metrics,
    _export: AbortOnDropHandle<()>,
}

impl Server {
    /// Opens the port first, so that a taken one is found before anything is changed; then the store,
    /// the scheduler and the gateways.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        embedded::start(options).await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The scheduler of the one cell, for questions from the same process; none while it loads.
    #[must_use]
    pub fn handle(&self) -> Option<partition::Handle> {
        self.driver.port().cell(&CellId::from(DEFAULT))
    }

    /// Makes a token that lets `uses` machines join until `life` is over.
    ///
    /// # Errors
    /// What the store says.
    pub async fn token(&self, uses: u32, life: Span) -> Result<JoinToken, insula_store::Error> {
        let cell = CellId::from(DEFAULT);
        let made = agent::make_token(&self.store, &cell, &self.reached, uses, life).await;
        made.map(|(token, _)| token)
    }

    /// Ends in order: no new connections, then the last commit and its answers, then whatever would
    /// go on for ever; all within seconds.
    ///
    /// # Errors
    /// [`partition::NotFlushed`] if the last commit did not come through in time.
    pub async fn stop(self) -> Result<(), partition::NotFlushed> {
        self.stopping.close();
        let flushed = self.driver.stop(FLUSH).await;
        self.stopping.end();
        joined(self.serving).await;
        measured::shut(self.metrics).await;
        self.store.close().await;
        flushed
    }
}

async fn joined(serving: AbortOnDropHandle<()>) {
    if let Err(error) = serving.await {
        tracing::error!(%error, "the listener failed");
    }
}
