//! A database, a broker, and the replicas that share them.

use std::collections::BTreeMap;
use std::time::Duration;

use insula_broker::{Broker, InProcess, Stream};
use insula_kernel::{Input, Outcome};
use insula_server::durations::Durations;
use insula_server::partition::{Handle, Sessions, Unavailable};
use insula_server::replica::{Owner, Owners, Parts, Replica};
use insula_store::{PostgresOptions, Store};
use insula_types::{CellId, PartitionId, ReplicaId};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::database::Database;
use crate::gateway;

/// Longer than anything here takes on the slowest machine; only a hang meets it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A lease that no test waits for.
pub(crate) const LONG: Duration = Duration::from_secs(300);

/// Names a Redis server, as `infra/dev-services` does.
const REDIS_URL: &str = "INSULA_TEST_REDIS_URL";

/// What the replicas of a test share.
pub(crate) struct Site {
    pub(crate) database: Database,
    memory: InProcess,
    pub(crate) partitions: u16,
    pub(crate) durations: Durations,
}

/// Short, so that a test that waits for a lease waits for seconds.
fn durations(lease_ttl: Duration) -> Durations {
    Durations {
        lease_ttl,
        lease_renewal: Duration::from_millis(250),
        lease_margin: Duration::from_millis(200),
        cells_poll: Duration::from_millis(100),
        link_beat: Duration::from_millis(250),
        link_silence: Duration::from_secs(2),
        ..Durations::default()
    }
}

fn options(database: &Database, durations: &Durations) -> insula_broker::Options {
    insula_broker::Options {
        prefix: database.name().to_owned(),
        beat: durations.link_beat,
        silence: durations.link_silence,
        ..insula_broker::Options::default()
    }
}

impl Site {
    /// A site without replicas; nothing where there is no Postgres.
    pub(crate) fn new(partitions: u16, lease_ttl: Duration) -> Option<Self> {
        let database = Database::create()?;
        let durations = durations(lease_ttl);
        Some(Self {
            memory: InProcess::new(&options(&database, &durations)),
            database,
            partitions,
            durations,
        })
    }

    pub(crate) async fn store(&self) -> Store {
        let options = PostgresOptions {
            partitions: Some(self.partitions),
            ..PostgresOptions::default()
        };
        Store::connect(&self.database.url(), options).await.unwrap()
    }

    pub(crate) async fn broker(&self) -> Broker {
        let options = options(&self.database, &self.durations);
        match std::env::var(REDIS_URL) {
            Ok(url) => Broker::connect(&url, options).await.unwrap(),
            Err(_) => Broker::in_process(&self.memory, options).await.unwrap(),
        }
    }

    /// Starts a replica that takes partitions.
    pub(crate) async fn replica(&self) -> Member {
        let id = ReplicaId::from(Uuid::new_v4().to_string());
        let (store, broker) = (self.store().await, self.broker().await);
        let replica = Replica::start(Parts {
            id: id.clone(),
            advertise: format!("{id}.test:1"),
            store: store.clone(),
            database_url: self.database.url(),
            broker: broker.clone(),
            sessions: Sessions::default(),
            durations: self.durations,
        });
        let replica = replica.await.unwrap();
        let owners = replica.owners();
        let announcements = broker.reader(Stream::Out(id.clone()));
        let listening = gateway::pass_on(announcements, owners.clone());
        replica.begin();
        Member {
            id,
            store,
            owners,
            replica,
            _broker: broker,
            _listening: AbortOnDropHandle::new(tokio::spawn(listening)),
        }
    }
}

/// A replica without its gateways.
pub(crate) struct Member {
    pub(crate) id: ReplicaId,
    pub(crate) store: Store,
    pub(crate) owners: Owners,
    pub(crate) replica: Replica,
    /// Its gateways would hold it: what waits to be sent goes with the last who does.
    _broker: Broker,
    _listening: AbortOnDropHandle<()>,
}

impl Member {
    /// How many partitions it serves.
    pub(crate) fn served(&self) -> usize {
        served(&self.owners)
    }

    /// Waits until it serves so many partitions.
    pub(crate) async fn serves(&self, many: usize) {
        let serves = self.owners.until(|owners| served(owners) == many);
        let waited = tokio::time::timeout(DEADLINE, serves).await;
        let served = self.served();
        waited.unwrap_or_else(|_| panic!("it serves {served} partitions, not {many}"));
    }

    /// A handle to a cell that it serves, or is about to.
    pub(crate) async fn handle(&self, cell: &CellId) -> Handle {
        let partition = insula_store::partition_of(cell, self.owners.partitions());
        let found = async {
            loop {
                if let Owner::Here(port) = self.owners.of(partition)
                    && let Some(handle) = port.cell(cell)
                {
                    return handle;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(DEADLINE, found).await.unwrap()
    }
}

fn served(owners: &Owners) -> usize {
    (0..owners.partitions())
        .filter(|number| matches!(owners.of(PartitionId(*number)), Owner::Here(_)))
        .count()
}

/// Sets a role, again and again until the cell is loaded.
pub(crate) async fn set_role(handle: &Handle, role: &str) {
    let set = async {
        while try_set_role(handle, role).await != Ok(Outcome::Accepted) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(DEADLINE, set).await.unwrap();
}

/// Sets a role, or not.
pub(crate) async fn try_set_role(handle: &Handle, role: &str) -> Result<Outcome, Unavailable> {
    handle
        .ask(&insula_telemetry::fresh(), |request| Input::SetRole {
            request,
            role: role.to_owned(),
            weight: 2_000,
            limit: BTreeMap::new(),
        })
        .await
}

pub(crate) async fn roles(store: &Store, cell: &CellId) -> Vec<String> {
    let rows = store.load(cell).await.unwrap();
    rows.roles.into_iter().map(|role| role.path).collect()
}
