//! Drivers begin with what was taken, and end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use insula_kernel::Kernel;
use insula_pipeline::lease::Tenure;
use insula_pipeline::{Limits, Pipeline, SenderId};
use insula_types::{LinkId, PartitionId};

use super::{Cell, Driver, DriverId};
use crate::broker::Stream;
use crate::check::quota::QuotaCheck;
use crate::check::{Violation, must, rows};
use crate::link::Payload;
use crate::replica::ReplicaNo;
use crate::store::Taken;
use crate::world::World;

impl World {
    pub(crate) fn driver(&self, id: DriverId) -> Option<&Driver> {
        let driver = self.replicas.get(&id.replica)?.drivers.get(&id.partition)?;
        (driver.id == id).then_some(driver)
    }

    pub(crate) fn driver_mut(&mut self, id: DriverId) -> Option<&mut Driver> {
        let replica = self.replicas.get_mut(&id.replica)?;
        let driver = replica.drivers.get_mut(&id.partition)?;
        (driver.id == id).then_some(driver)
    }

    /// Loads what was taken and begins to serve it.
    pub(crate) fn driver_starts(
        &mut self,
        no: ReplicaNo,
        partition: PartitionId,
        taken: Taken,
        tenure: Tenure,
    ) -> Result<(), Violation> {
        let id = DriverId {
            replica: no,
            partition,
            epoch: taken.head.epoch,
        };
        let base = taken
            .tables
            .values()
            .map(|table| table.load().cell.time)
            .fold(taken.clock, Ord::max);
        let (mut kernels, mut cells) = (BTreeMap::new(), BTreeMap::new());
        for (cell, shadow) in taken.tables {
            let config = self.ctx.options.kernel.clone();
            let kernel = Kernel::load(config, id.epoch, base, shadow.load());
            rows::a_loaded_kernel_has_the_rows_of_the_store(&kernel, &shadow)?;
            let quota = QuotaCheck::new(&kernel);
            cells.insert(cell.clone(), Cell { quota, shadow });
            kernels.insert(cell, kernel);
        }
        let limits = Limits {
            effects_max: self.ctx.options.effects_max,
            fence_empty: self.ctx.options.shared_store,
        };
        let marks = taken.marks.iter();
        let loaded = marks.map(|(sender, mark)| (LinkId::from(&*sender.0), *mark));
        let driver = Driver {
            id,
            former: loaded.collect(),
            pipeline: Pipeline::new(kernels, taken.head.commit_no, taken.marks, limits),
            tenure,
            giving: false,
            base,
            loaded_at: self.ctx.now,
            timer_at: None,
            in_flight: None,
            steps: 0,
            fenced: 0,
            inbox: VecDeque::new(),
            sender: SenderId(format!("local-{}-{}", no.0, id.epoch.0).into()),
            sent: 0,
            routes: BTreeMap::new(),
            questions: BTreeMap::new(),
            links: BTreeMap::new(),
            hidden: BTreeMap::new(),
            cells,
            removed: Vec::new(),
            divided: BTreeSet::new(),
            bad: None,
        };
        self.install(driver)
    }

    fn install(&mut self, driver: Driver) -> Result<(), Violation> {
        let id = driver.id;
        let Some(replica) = self.replicas.get_mut(&id.replica) else {
            return Ok(());
        };
        let former = replica.drivers.insert(id.partition, driver);
        must(
            former.is_none(),
            "a replica takes no partition that it serves already",
            || format!("{id} replaces {:?}", former.map(|driver| driver.id)),
        )?;
        self.driver_count += 1;
        self.ctx.note(id, format_args!("serves {}", id.epoch));
        self.announce(id);
        self.gateway_learns(id.replica, id.partition, id.epoch, id.replica)?;
        let unread = self
            .unread
            .remove(&Stream::In(id.partition, id.epoch))
            .unwrap_or_default();
        for post in unread {
            self.owner_reads(id, post)?;
        }
        self.set_driver_timer(id);
        Ok(())
    }

    /// Tells every replica that is alive; who does not hear it learns it from the leases.
    fn announce(&mut self, id: DriverId) {
        let others: Vec<ReplicaNo> = self.replicas.keys().copied().collect();
        for other in others.into_iter().filter(|other| *other != id.replica) {
            let payload = Payload::Serving(id.partition, id.epoch, id.replica);
            let stream = Stream::Out(other);
            let link = LinkId::from("serving");
            let _ = self.broker.write(&mut self.ctx, stream, link, 0, payload);
        }
    }

    /// A driver is done: everyone who speaks with it is told, and what it had not committed is dropped.
    pub(crate) fn driver_ends(&mut self, id: DriverId, why: &str) -> Result<(), Violation> {
        if self.driver(id).is_none() {
            return Ok(());
        }
        self.release(id)?;
        let Some(replica) = self.replicas.get_mut(&id.replica) else {
            return Ok(());
        };
        let Some(mut driver) = replica.drivers.remove(&id.partition) else {
            return Ok(());
        };
        self.ctx.note(id, format_args!("ends: {why}"));
        let links: Vec<LinkId> = driver.links.keys().cloned().collect();
        for link in links {
            self.owner_writes(&mut driver, &link, Payload::Bye { over: true });
        }
        self.broker.forget(Stream::In(id.partition, id.epoch));
        self.owner_is_gone(id.replica, id.partition, id.epoch)
    }

    /// Ends a driver that gives its partition away, once it has nothing left to commit.
    pub(crate) fn give_if_idle(&mut self, id: DriverId) -> Result<(), Violation> {
        let is_done = self
            .driver(id)
            .is_some_and(|driver| driver.giving && driver.is_idle());
        if !is_done {
            return Ok(());
        }
        self.driver_ends(id, "its partition is given away")?;
        self.lease_is_given(id);
        self.end_if_drained(id.replica)
    }
}
