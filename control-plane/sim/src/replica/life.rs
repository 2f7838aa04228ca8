//! Replicas start, crash, drain and are paused.

use std::collections::{BTreeMap, BTreeSet};

use insula_pipeline::lease::Balancer;
use insula_types::{PartitionId, Span};

use super::keeper::{LEASE_TTL, RENEW_EVERY};
use super::{Replica, ReplicaNo};
use crate::broker::Stream;
use crate::check::Violation;
use crate::driver::DriverId;
use crate::event::Event;
use crate::gateway::Gateway;
use crate::link;
use crate::network::Client;
use crate::world::{Party, World};

impl World {
    pub(crate) fn replica_starts(&mut self) {
        self.replica_count += 1;
        let no = ReplicaNo(self.replica_count);
        let replica = Replica {
            no,
            paused: false,
            runs_since: self.ctx.now,
            draining: false,
            clock_offset: Span(self.ctx.rng.below(1_000_000_000_000)),
            balancer: Balancer::new(no.id(), LEASE_TTL),
            taking: BTreeSet::new(),
            stuck_until: self.ctx.now,
            broker_was_away: false,
            drivers: BTreeMap::new(),
            gateway: Gateway::default(),
        };
        self.replicas.insert(no, replica);
        self.ctx.note(no, format_args!("starts"));
        let renew = RENEW_EVERY.as_millis();
        self.ctx.within(0, renew, Event::KeeperBeats(no));
        let beat = link::BEAT_EVERY.as_millis();
        self.ctx.within(0, beat, Event::LinksBeat(no));
    }

    /// The replica that the load balancer sends a client to.
    pub(crate) fn reachable_replica(&mut self, client: Client) -> Option<ReplicaNo> {
        if self.network.is_isolated(self.ctx.now, client) {
            return None;
        }
        let ready = self.replicas.values().filter(|replica| !replica.draining);
        let ready: Vec<ReplicaNo> = ready.map(|replica| replica.no).collect();
        self.ctx.rng.pick(&ready).copied()
    }

    /// One of the processes that are alive.
    pub(crate) fn any_replica(&mut self) -> Option<ReplicaNo> {
        let alive: Vec<ReplicaNo> = self.replicas.keys().copied().collect();
        self.ctx.rng.pick(&alive).copied()
    }

    /// The process ends, all its connections with it, and another is started in its place.
    pub(crate) fn replica_ends(&mut self, no: ReplicaNo, why: &str) {
        if self.replicas.remove(&no).is_none() {
            return;
        }
        self.backlog.remove(&Party::Replica(no));
        self.broker.forget(Stream::Out(no));
        self.ctx.note(no, format_args!("ends: {why}"));
        let most = self.ctx.options.notice_max;
        self.network
            .cut_all(&mut self.ctx, most, true, |connection| {
                connection.replica == no
            });
        self.ctx.within(10, 8_000, Event::ReplicaStarts);
    }

    /// Gives all its partitions away, takes no connections any more, and ends after that.
    pub(crate) fn replica_drains(&mut self, no: ReplicaNo) -> Result<(), Violation> {
        if let Some(replica) = self.replicas.get_mut(&no) {
            replica.draining = true;
            self.ctx.note(no, format_args!("drains"));
        }
        self.end_if_drained(no)
    }

    pub(crate) fn end_if_drained(&mut self, no: ReplicaNo) -> Result<(), Violation> {
        let Some(replica) = self.replicas.get(&no) else {
            return Ok(());
        };
        let busy = !replica.drivers.is_empty() || !replica.taking.is_empty();
        if !replica.draining || busy {
            return Ok(());
        }
        let partitions: Vec<PartitionId> = replica.gateway.partitions().collect();
        for partition in partitions {
            self.path_is_left(no, partition)?;
        }
        self.store.leave(&no.id());
        self.replica_ends(no, "it is drained");
        Ok(())
    }

    /// What a process does first when it goes on after it stood still: nobody that it could not hear
    /// is to blame (rule R24).
    pub(crate) fn replica_goes_on(&mut self, no: ReplicaNo) -> Result<(), Violation> {
        let Some(replica) = self.replicas.get_mut(&no) else {
            return Ok(());
        };
        replica.paused = false;
        replica.runs_since = self.ctx.now;
        let drivers: Vec<DriverId> = replica.drivers.values().map(|driver| driver.id).collect();
        for driver in drivers {
            self.excuse_everyone(driver)?;
        }
        Ok(())
    }
}
