//! What a control plane needs to know.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use insula_proto::Credential;
use insula_types::ReplicaId;
use uuid::Uuid;

use crate::authority::Authority;
use crate::durations::Durations;
use crate::gateway::mesos;

/// What a control plane in one process needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where the store is.
    pub data_dir: PathBuf,
    /// Whether a commit survives a power loss, or only the end of the process.
    pub durability: insula_store::Durability,
    /// Durations and bounds of the kernel.
    pub kernel: insula_kernel::Config,
    /// Time between two heartbeats of a Mesos stream.
    pub heartbeat_interval: Duration,
}

impl Options {
    /// The usual durations and bounds.
    #[must_use]
    pub fn new(listen: SocketAddr, data_dir: PathBuf) -> Self {
        Self {
            listen,
            data_dir,
            durability: insula_store::Durability::default(),
            kernel: insula_kernel::Config::default(),
            heartbeat_interval: mesos::HEARTBEAT_INTERVAL,
        }
    }
}

/// What a replica of a service needs to know.
pub struct ReplicaOptions {
    /// Which incarnation it is: never that of another; see [`Self::fresh_id`].
    pub id: ReplicaId,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where other replicas reach it: `host:port`; where it listens if absent.
    pub advertise: Option<String>,
    /// Where everybody else reaches the service: `host:port`; where other replicas reach this one if
    /// absent.
    pub public: Option<String>,
    /// The database that all replicas share: `postgres://…`.
    pub database_url: String,
    /// The broker that all replicas share: `redis://…`.
    pub redis_url: String,
    /// What the names of its streams begin with, so that two services can share a broker.
    pub redis_prefix: String,
    /// The service's authority, the same on every replica.
    pub authority: Authority,
    /// Who may call.
    pub operator: Credential,
    /// How long things take and last.
    pub durations: Durations,
}

impl ReplicaOptions {
    /// An id that no replica had before: each start is another incarnation.
    #[must_use]
    pub fn fresh_id() -> ReplicaId {
        ReplicaId::from(Uuid::new_v4().to_string())
    }
}
