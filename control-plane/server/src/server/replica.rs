//! One replica of a service, over Postgres and Redis.

use std::net::SocketAddr;
use std::sync::Arc;

use insula_broker::Broker;
use insula_proto::join_token::is_address;
use insula_store::{PostgresOptions, Store};
use insula_telemetry::metrics::Metrics;
use insula_types::{CellId, ReplicaId};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use super::address::{names, reachable};
use super::authorities;
use super::router::router;
use super::{ReplicaOptions, StartError, address, joined, measured};
use crate::auth::{DEFAULT, Gate, Operator};
use crate::cells::Cells;
use crate::events::{EventLogs, follow};
use crate::forward::{Credentials, Forwarder, Peers, Refuge};
use crate::front;
use crate::gateway::ready::Readiness;
use crate::link::Links;
use crate::metrics::{Collector, Measures};
use crate::partition::Sessions;
use crate::relay::Relay;
use crate::replica::{NotDrained, Parts, Replica};
use crate::service::{Reached, Service, UPLOADS_MAX};
use crate::stopping::Stopping;

/// A replica that runs. Dropping it ends it at once, as a crash would; [`Self::drain`] ends it in
/// order.
pub struct ReplicaServer {
    id: ReplicaId,
    address: SocketAddr,
    advertise: String,
    public: String,
    store: Store,
    links: Links,
    replica: Replica,
    stopping: Stopping,
    serving: AbortOnDropHandle<()>,
    metrics: Metrics,
    _export: AbortOnDropHandle<()>,
    _following: AbortOnDropHandle<()>,
    _refuge: AbortOnDropHandle<()>,
}

impl ReplicaServer {
    /// Opens the port first, so that a taken one is found before anything is changed; then the
    /// database, the broker, the gateways. Partitions come by themselves.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running.
    pub async fn start(options: ReplicaOptions) -> Result<Self, StartError> {
        options.durations.check()?;
        let listener = front::bind(options.listen).await?;
        let place = Place::of(&options, &listener)?;
        let store = Store::connect(&options.database_url, PostgresOptions::default()).await;
        let store = store.map_err(StartError::Database)?;
        let broker = connect(&options).await?;
        let made = store.add_cell(&CellId::from(DEFAULT), None).await;
        made.map_err(StartError::Database)?;
        let organization = authorities::organization(&store, StartError::Database).await?;
        let id = options.id.clone();
        let metrics = measured::metrics(id.as_str())?;
        let sessions = Sessions::measured(Measures::new(&metrics));
        let replica = Replica::start(Parts {
            store: store.clone(),
            database_url: options.database_url.clone(),
            broker: broker.clone(),
            sessions: sessions.clone(),
            id: id.clone(),
            advertise: place.advertise.clone(),
            durations: options.durations,
        });
        let replica = replica.await?;
        let links = Links::new(broker.clone(), replica.owners(), sessions.clone());
        let cells = Cells::new(
            store.clone(),
            replica.owners(),
            Some(links.clone()),
            sessions,
        );
        let readiness = Readiness::new(replica.ready(), broker.health());
        let authority = Arc::new(options.authority);
        let names = names([
            place.address.to_string().as_str(),
            &place.advertise,
            &place.public,
        ]);
        let tls = authorities::tls(&authority, &organization, names, true)?;
        let gate = Gate::new(cells.clone(), Some(Operator::new(&options.operator)));
        let stopping = Stopping::default();
        let events = EventLogs::new(stopping.clone());
        let following = follow(events.clone(), cells.clone(), options.durations.cells_poll);
        let credentials = Credentials::new(Arc::clone(&authority), id.clone());
        let peers = Arc::new(Peers::new(credentials));
        let refuge = Refuge {
            cells: cells.clone(),
            links: links.clone(),
            peers: Arc::clone(&peers),
            ready: replica.ready(),
            silence: options.durations.link_silence,
            lease_ttl: options.durations.lease_ttl,
        };
        let refuge = refuge.send_away(options.durations.link_beat);
        let connections = front::Connections::default();
        let service = Arc::new(Service {
            cells,
            forwarder: Forwarder::new(gate.clone(), Some(peers)),
            gate,
            store: store.clone(),
            events,
            relay: Relay::default(),
            organization,
            reached: Reached {
                address: place.public.clone(),
                fingerprint: authority.fingerprint(),
            },
            stopping: stopping.clone(),
            collector: Collector::new(metrics.clone(), Some(readiness.clone())),
            connections: connections.clone(),
            uploads: Semaphore::new(UPLOADS_MAX),
        });
        let master = address::master(&place.public, place.address).await;
        let heartbeat = options.durations.heartbeat;
        let router = router(&service, master, heartbeat, Some(readiness));
        let ping = options.durations.agent_ping;
        let serving = front::serve(listener, tls, router, stopping.clone(), ping, connections);
        let serving = AbortOnDropHandle::new(tokio::spawn(serving));
        // Whoever owns a partition must be reachable.
        replica.begin();
        Ok(Self {
            id,
            address: place.address,
            advertise: place.advertise,
            public: place.public,
            store,
            links,
            replica,
            stopping,
            serving,
            metrics,
            _export: measured::export(&service),
            _following: AbortOnDropHandle::new(tokio::spawn(following)),
            _refuge: AbortOnDropHandle::new(tokio::spawn(refuge)),
        })
    }

    /// Which incarnation it is.
    #[must_use]
    pub fn id(&self) -> &ReplicaId {
        &self.id
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where other replicas reach it.
    #[must_use]
    pub fn advertise(&self) -> &str {
        &self.advertise
    }

    /// Where everybody else reaches the service.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// Ends in order: no new connections; then its partitions are handed over, each with its last
    /// commit; then it says goodbye to the owners of the others, and ends whatever would go on for
    /// ever. All within some seconds.
    ///
    /// # Errors
    /// [`NotDrained`] if a partition could not be handed over in time.
    pub async fn drain(self) -> Result<(), NotDrained> {
        self.stopping.close();
        let drained = self.replica.drain().await;
        self.links.close().await;
        self.stopping.end();
        joined(self.serving).await;
        measured::shut(self.metrics).await;
        self.store.close().await;
        drained
    }
}

/// Where a replica is.
struct Place {
    address: SocketAddr,
    advertise: String,
    public: String,
}

impl Place {
    fn of(options: &ReplicaOptions, listener: &TcpListener) -> Result<Self, StartError> {
        let address = listener.local_addr().unwrap_or(options.listen);
        let advertise = match &options.advertise {
            Some(given) => checked("--advertise", given)?,
            None => reachable(address).to_string(),
        };
        let public = match &options.public {
            Some(given) => checked("--public", given)?,
            None => advertise.clone(),
        };
        Ok(Self {
            address,
            advertise,
            public,
        })
    }
}

fn checked(option: &'static str, address: &str) -> Result<String, StartError> {
    if is_address(address) {
        return Ok(address.to_owned());
    }
    let address = address.to_owned();
    Err(StartError::Address { option, address })
}

async fn connect(options: &ReplicaOptions) -> Result<Broker, StartError> {
    let broker_options = insula_broker::Options {
        prefix: options.redis_prefix.clone(),
        beat: options.durations.link_beat,
        silence: options.durations.link_silence,
        ..insula_broker::Options::default()
    };
    let broker = Broker::connect(&options.redis_url, broker_options).await;
    broker.map_err(StartError::Broker)
}
