//! Turns what each beat found into partitions that are taken and given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use insula_pipeline::lease::{Balancer, Decision, Mine};
use insula_types::membership::Membership;
use insula_types::{CellId, PartitionId, Time};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::Owner;
use super::tenancy::{self, Order, Phase, Shared};
use crate::partition::BootClock;

/// Orders that a tenancy has not taken yet. It takes them at once unless it is giving.
const ORDERS_MAX: usize = 16;

struct Tenancy {
    phase: Phase,
    orders: mpsc::Sender<Order>,
}

/// See the module. Dropping it ends every tenancy as by a crash.
pub(super) struct Manager {
    shared: Arc<Shared>,
    balancer: Balancer,
    clock: BootClock,
    tenancies: BTreeMap<PartitionId, Tenancy>,
    tasks: JoinSet<PartitionId>,
    report: mpsc::UnboundedSender<(PartitionId, Phase)>,
    /// At most two per tenancy.
    phases: mpsc::UnboundedReceiver<(PartitionId, Phase)>,
    owned: watch::Sender<usize>,
}

impl Manager {
    pub(super) fn new(shared: Arc<Shared>, clock: BootClock, owned: watch::Sender<usize>) -> Self {
        let ttl = shared.durations.lease_ttl.into();
        let (report, phases) = mpsc::unbounded_channel();
        Self {
            balancer: Balancer::new(shared.me.clone(), ttl),
            shared,
            clock,
            tenancies: BTreeMap::new(),
            tasks: JoinSet::new(),
            report,
            phases,
            owned,
        }
    }

    /// Goes on until the keeper has left and nothing is owned any more.
    pub(super) async fn run(
        mut self,
        mut found: watch::Receiver<Arc<Membership>>,
        mut cells: mpsc::Receiver<BTreeMap<PartitionId, Vec<CellId>>>,
    ) {
        // The first beat was before this began.
        found.mark_changed();
        loop {
            tokio::select! {
                changed = found.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let membership = found.borrow_and_update().clone();
                    self.look(membership);
                }
                Some((partition, phase)) = self.phases.recv() => self.note(partition, phase),
                Some(ended) = self.tasks.join_next() => self.note_end(ended.ok()),
                Some(all) = cells.recv() => self.tell(&all),
            }
            self.owned.send_replace(self.tenancies.len());
        }
    }

    fn look(&mut self, membership: Arc<Membership>) {
        self.shared.owners.update(Arc::clone(&membership));
        let now: Time = self.clock.now();
        for decision in self.balancer.decide(now, &membership, &self.mine()) {
            match decision {
                Decision::Claim(partition) => self.claim(partition),
                Decision::Give(partition) => self.give(partition),
            }
        }
    }

    fn mine(&self) -> Mine {
        let of = |wanted: Phase| -> BTreeSet<PartitionId> {
            let all = self.tenancies.iter();
            all.filter(|(_, tenancy)| tenancy.phase == wanted)
                .map(|(partition, _)| *partition)
                .collect()
        };
        let held = of(Phase::Holding);
        Mine {
            empty: held
                .iter()
                .copied()
                .filter(|each| self.is_empty(*each))
                .collect(),
            held,
            taking: of(Phase::Taking),
            giving: of(Phase::Giving),
        }
    }

    /// Whether a partition is served and has no cells.
    fn is_empty(&self, partition: PartitionId) -> bool {
        match self.shared.owners.of(partition) {
            Owner::Here(port) => port.status().is_empty(),
            Owner::There { .. } | Owner::Nobody => false,
        }
    }

    fn claim(&mut self, partition: PartitionId) {
        if self.tenancies.contains_key(&partition) {
            return;
        }
        let (orders, taken) = mpsc::channel(ORDERS_MAX);
        let phase = Phase::Taking;
        self.tenancies.insert(partition, Tenancy { phase, orders });
        let shared = Arc::clone(&self.shared);
        let report = self.report.clone();
        self.tasks
            .spawn(tenancy::run(shared, partition, taken, report));
    }

    fn give(&mut self, partition: PartitionId) {
        if let Some(tenancy) = self.tenancies.get_mut(&partition)
            && tenancy.orders.try_send(Order::Give).is_ok()
        {
            tenancy.phase = Phase::Giving;
        }
    }

    fn note(&mut self, partition: PartitionId, phase: Phase) {
        if let Some(tenancy) = self.tenancies.get_mut(&partition)
            && tenancy.phase != Phase::Giving
        {
            tenancy.phase = phase;
        }
    }

    fn note_end(&mut self, ended: Option<PartitionId>) {
        if let Some(partition) = ended {
            self.tenancies.remove(&partition);
        }
    }

    /// Each partition hears of its cells; new ones may be among them.
    fn tell(&self, all: &BTreeMap<PartitionId, Vec<CellId>>) {
        for (partition, tenancy) in &self.tenancies {
            if let Some(cells) = all.get(partition) {
                // One that is behind hears of them the next time.
                let _ = tenancy.orders.try_send(Order::Found(cells.clone()));
            }
        }
    }
}
