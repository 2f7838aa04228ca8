//! A control plane in one process, over SQLite.

use std::sync::Arc;

use insula_store::{Retention, Store};
use insula_types::{CellId, PartitionId};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use super::address::{names, reachable};
use super::authorities;
use super::error::unusable;
use super::router::router;
use super::{Options, Server, StartError, address, measured};
use crate::auth::{DEFAULT, Gate};
use crate::cells::Cells;
use crate::durations::Durations;
use crate::events::EventLogs;
use crate::forward::Forwarder;
use crate::front;
use crate::metrics::{Collector, Measures};
use crate::partition::{self, Driver, Sessions};
use crate::relay::Relay;
use crate::replica::Owners;
use crate::service::{Reached, Service, UPLOADS_MAX};
use crate::stopping::Stopping;

pub(super) async fn start(options: Options) -> Result<Server, StartError> {
    let listener = front::bind(options.listen).await?;
    let address = listener.local_addr().unwrap_or(options.listen);
    let advertised = reachable(address).to_string();
    let store = open(&options).await?;
    let failed = unusable(&options.data_dir);
    let authority = Arc::new(authorities::kept(&store, "service", None, &failed).await?);
    let organization = authorities::organization(&store, &failed).await?;
    let names = names([address.to_string().as_str()]);
    let tls = authorities::tls(&authority, &organization, names, false)?;
    let metrics = measured::metrics(&advertised)?;
    let sessions = Sessions::measured(Measures::new(&metrics));
    let driver = start_driver(&store, &options, sessions.clone()).await?;
    let owners = Owners::alone(driver.port().clone());
    let cells = Cells::new(store.clone(), owners, None, sessions);
    let gate = Gate::new(cells.clone(), None);
    let reached = Reached {
        address: advertised.clone(),
        fingerprint: authority.fingerprint(),
    };
    let stopping = Stopping::default();
    let events = EventLogs::new(stopping.clone());
    // From the beginning, so that whoever looks first sees the past.
    let cell = cells.find(&CellId::from(DEFAULT)).await.ok();
    let _ = cell.map(|cell| events.of(&cell));
    let connections = front::Connections::default();
    let service = Arc::new(Service {
        cells,
        forwarder: Forwarder::new(gate.clone(), None),
        gate,
        store: store.clone(),
        events,
        relay: Relay::default(),
        organization,
        reached: reached.clone(),
        stopping: stopping.clone(),
        collector: Collector::new(metrics.clone(), None),
        connections: connections.clone(),
        uploads: Semaphore::new(UPLOADS_MAX),
    });
    let master = address::master(&advertised, address).await;
    let router = router(&service, master, options.heartbeat_interval, None);
    let ping = Durations::default().agent_ping;
    let serving = front::serve(listener, tls, router, stopping.clone(), ping, connections);
    Ok(Server {
        address,
        store,
        reached,
        driver,
        stopping,
        serving: AbortOnDropHandle::new(tokio::spawn(serving)),
        metrics,
        _export: measured::export(&service),
    })
}

async fn open(options: &Options) -> Result<Store, StartError> {
    let store_options = insula_store::Options {
        durability: options.durability,
        ..insula_store::Options::default()
    };
    let store = Store::open(&options.data_dir, store_options).await;
    let store = store.map_err(unusable(&options.data_dir))?;
    let made = store
        .add_cell(&CellId::from(DEFAULT), Some(PartitionId(0)))
        .await;
    made.map_err(unusable(&options.data_dir))?;
    Ok(store)
}

/// Starts the driver of the only partition, and waits until its cells are loaded: without replicas
/// there is nobody else to serve them.
async fn start_driver(
    store: &Store,
    options: &Options,
    sessions: Sessions,
) -> Result<Driver, partition::StartError> {
    let options = partition::Options {
        partition: PartitionId(0),
        kernel: options.kernel.clone(),
        retention: Retention::default(),
        sessions,
        lease: None,
        network: None,
    };
    let mut driver = Driver::start(store.clone(), options).await?;
    driver.loaded().await?;
    Ok(driver)
}
