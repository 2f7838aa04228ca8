//! A control-plane process: a gateway, a keeper of leases, and drivers of the partitions that it owns.

pub(crate) mod keeper;
mod life;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use insula_pipeline::lease::{Balancer, Mine};
use insula_types::membership::ReplicaState;
use insula_types::{PartitionId, ReplicaId, Span, Time};

use crate::driver::Driver;
use crate::gateway::Gateway;

/// Names a process; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReplicaNo(pub(crate) u32);

impl ReplicaNo {
    pub(crate) fn id(self) -> ReplicaId {
        ReplicaId::from(self.0.to_string())
    }

    /// The process of that id; all ids in a run were made by [`Self::id`].
    pub(crate) fn of(id: &ReplicaId) -> Option<Self> {
        Some(Self(id.as_str().parse().ok()?))
    }
}

impl fmt::Display for ReplicaNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("replica-{}", self.0))
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) no: ReplicaNo,
    /// Whether its process is stopped for a while.
    pub(crate) paused: bool,
    /// When it went on after its last pause, or began.
    pub(crate) runs_since: Time,
    pub(crate) draining: bool,
    /// How far its own clock is from everyone else's: no two may be compared.
    clock_offset: Span,
    balancer: Balancer,
    taking: BTreeSet<PartitionId>,
    /// Its connection to the database hangs until then; the drivers' do not.
    pub(crate) stuck_until: Time,
    /// Whether the broker was away at the last beat.
    broker_was_away: bool,
    pub(crate) drivers: BTreeMap<PartitionId, Driver>,
    pub(crate) gateway: Gateway,
}

impl Replica {
    /// What its own clock shows.
    pub(crate) fn clock(&self, now: Time) -> Time {
        now + self.clock_offset
    }

    fn state(&self) -> ReplicaState {
        if self.draining {
            ReplicaState::Draining
        } else {
            ReplicaState::Ready
        }
    }

    fn mine(&self) -> Mine {
        let of = |giving| {
            let drivers = self.drivers.values();
            let drivers = drivers.filter(move |driver| driver.giving == giving);
            drivers.map(|driver| driver.id.partition).collect()
        };
        Mine {
            held: of(false),
            // A simulation has no partitions without cells.
            empty: BTreeSet::new(),
            taking: self.taking.clone(),
            giving: of(true),
        }
    }
}
