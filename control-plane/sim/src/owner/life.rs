//! Owners take the partition, crash, are paused and superseded.

use insula_kernel::Kernel;
use insula_pipeline::{Limits, Pipeline, SenderId};

use super::{Owner, OwnerId, Peers};
use crate::check::quota::QuotaCheck;
use crate::check::{Violation, rows};
use crate::event::Event;
use crate::network::Client;
use crate::world::{Party, World};

impl World {
    /// A replica tries to take the partition; it comes again if the database does not let it.
    pub(crate) fn owner_starts(&mut self) -> Result<(), Violation> {
        let Some(taken) = self.store.take(&mut self.ctx) else {
            self.ctx.within(1, 500, Event::OwnerStarts);
            return Ok(());
        };
        self.owner_count += 1;
        let id = OwnerId(self.owner_count);
        let options = &self.ctx.options;
        let clock = taken.clock.max(taken.rows.cell.time);
        let kernel = Kernel::load(options.kernel.clone(), taken.head.epoch, clock, taken.rows);
        let limits = Limits {
            effects_max: options.effects_max,
            fence_empty: options.shared_store,
        };
        let head = taken.head;
        let quota = QuotaCheck::new(&kernel);
        let owner = Owner {
            id,
            epoch: head.epoch,
            pipeline: Pipeline::new(kernel, head.commit_no, taken.marks, limits),
            base: clock,
            loaded_at: self.ctx.now,
            paused: false,
            timer_at: None,
            in_flight: None,
            steps: 0,
            fenced: 0,
            inbox: std::collections::VecDeque::new(),
            sender: SenderId(format!("gateway-{}", id.0).into()),
            sent: 0,
            peers: Peers::default(),
            quota,
            shadow: self.store.table.clone(),
        };
        self.owners.insert(id, owner);
        self.ctx.note(
            id,
            format_args!("owns epoch {} from commit {}", head.epoch, head.commit_no),
        );
        let kernel = self.owners[&id].pipeline.kernel();
        rows::a_loaded_kernel_has_the_rows_of_the_store(kernel, &self.store.table)?;
        self.set_owner_timer(id);
        Ok(())
    }

    /// The owner that the load balancer sends a client to.
    pub(crate) fn reachable_owner(&self, client: Client) -> Option<OwnerId> {
        if self.network.is_isolated(self.ctx.now, client) {
            return None;
        }
        self.newest_owner()
    }

    /// The living owner of the highest epoch.
    pub(crate) fn newest_owner(&self) -> Option<OwnerId> {
        let newest = self.owners.values().max_by_key(|owner| owner.epoch);
        newest.map(|owner| owner.id)
    }

    /// The owner's process ends, and all its connections with it.
    pub(crate) fn owner_ends(&mut self, id: OwnerId, why: &str) {
        if self.owners.remove(&id).is_none() {
            return;
        }
        self.backlog.remove(&Party::Owner(id));
        self.ctx.note(id, format_args!("ends: {why}"));
        let most = self.ctx.options.notice_max;
        self.network
            .cut_all(&mut self.ctx, most, |connection| connection.owner == id);
        // Whoever is the newest goes on; without one the partition is taken anew.
        let is_owned = self
            .owners
            .values()
            .any(|owner| owner.epoch == self.store.head().epoch);
        if !is_owned {
            self.ctx.within(10, 8_000, Event::OwnerStarts);
        }
    }

    /// Another replica takes the partition from a living owner, which learns of it when its next
    /// commit fails, or when it cannot renew its lease.
    pub(crate) fn owner_is_superseded(&mut self) -> Result<(), Violation> {
        let Some(old) = self.newest_owner() else {
            return Ok(());
        };
        self.ctx.within(0, 8_000, Event::OwnerStepsDown(old));
        self.owner_starts()
    }

    pub(crate) fn owner_steps_down(&mut self, id: OwnerId) {
        let head = self.store.head().epoch;
        if self.owners.get(&id).is_some_and(|owner| owner.epoch < head) {
            self.owner_ends(id, "its lease is lost");
        }
    }
}
