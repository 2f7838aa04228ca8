//! What every handler of the Mesos interface works with.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use insula_store::Store;
use insula_types::Time;

use crate::auth::Gate;

/// Time between two heartbeats on an event stream; that of Mesos, which clients count on.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// What the handlers share; cheap to clone.
#[derive(Clone)]
pub struct MesosState {
    /// Decides who calls, and about which cell.
    pub gate: Gate,
    /// The truth, for bulk reads.
    pub store: Store,
    /// As what this process introduces itself.
    pub master: Arc<Master>,
    /// Time between two heartbeats on an event stream; [`HEARTBEAT_INTERVAL`] but for tests.
    pub heartbeat_interval: Duration,
}

impl FromRef<MesosState> for Gate {
    fn from_ref(state: &MesosState) -> Self {
        state.gate.clone()
    }
}

/// What a client learns of the master that it talks to.
#[derive(Debug, Clone)]
pub struct Master {
    /// Random, made at each start.
    pub id: String,
    /// The advertised name, that of a load balancer if there is one, so that clients do not pin a
    /// replica.
    pub hostname: String,
    /// The advertised address.
    pub ip: IpAddr,
    /// The advertised port.
    pub port: u16,
    /// When this process started, by the wall clock.
    pub started_at: Time,
}

impl Master {
    /// The name of the master as a libprocess endpoint, which tools take apart.
    #[must_use]
    pub fn pid(&self) -> String {
        format!("master@{}", self.address())
    }

    /// The advertised address and port.
    #[must_use]
    pub fn address(&self) -> String {
        std::net::SocketAddr::new(self.ip, self.port).to_string()
    }
}
