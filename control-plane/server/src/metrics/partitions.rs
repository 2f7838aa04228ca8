//! Which partitions this process owns, and who else is there.

use std::collections::BTreeMap;

use insula_telemetry::metrics::labels::{CellStage, ReplicaStage};
use insula_telemetry::metrics::{Metrics, Point, Shown, approximate, size, table};
use insula_types::PartitionId;
use insula_types::membership::{Membership, ReplicaState};

use crate::gateway::ready::Readiness;
use crate::partition::Stage;
use crate::replica::{Owner, Owners};

/// Shows partitions and replicas.
pub(super) struct PartitionMetrics {
    owned: Shown,
    orphaned: Shown,
    full: Shown,
    epoch: Shown,
    lease: Shown,
    cells: Shown,
    replicas: Shown,
    ready: Shown,
}

impl PartitionMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let shown = |definition| metrics.shown(definition);
        Self {
            owned: shown(&table::PARTITIONS_OWNED),
            orphaned: shown(&table::PARTITIONS_ORPHANED),
            full: shown(&table::PARTITIONS_FULL),
            epoch: shown(&table::EPOCH),
            lease: shown(&table::LEASE_AGE),
            cells: shown(&table::CELLS),
            replicas: shown(&table::REPLICAS),
            ready: shown(&table::READY),
        }
    }

    pub(super) fn refresh(&self, owners: &Owners, readiness: Option<&Readiness>) {
        self.refresh_owned(owners);
        let all = (0..owners.partitions()).map(PartitionId);
        let orphaned = all.filter(|partition| matches!(owners.of(*partition), Owner::Nobody));
        self.orphaned.set(size(orphaned.count()));
        let is_ready = readiness.is_none_or(|readiness| readiness.refusal().is_none());
        self.ready.set(f64::from(u8::from(is_ready)));
        let stages = stages(&owners.membership(), readiness.is_none());
        let points = ReplicaStage::ALL.iter();
        self.replicas
            .replace(points.map(|it| Point::of(*it, size(stages.get(it).copied().unwrap_or(0)))));
    }

    fn refresh_owned(&self, owners: &Owners) {
        let ports = owners.ports();
        let status: Vec<_> = ports.iter().map(|port| port.status()).collect();
        self.owned.set(size(status.len()));
        self.full
            .set(size(status.iter().filter(|it| it.is_full).count()));
        self.epoch.replace(status.iter().map(|it| {
            let point = Point::of((), approximate(it.epoch.0));
            point.with("partition", it.partition.0.to_string())
        }));
        self.lease.replace(ports.iter().filter_map(|port| {
            let point = Point::of((), port.lease_age()?.as_secs_f64());
            Some(point.with("partition", port.partition().0.to_string()))
        }));
        let cells = || status.iter().flat_map(|it| &it.cells);
        self.cells.replace(CellStage::ALL.iter().map(|stage| {
            let count = cells().filter(|cell| stage_of(&cell.stage) == *stage);
            Point::of(*stage, size(count.count()))
        }));
    }
}

fn stage_of(stage: &Stage) -> CellStage {
    match stage {
        Stage::Loading(_) => CellStage::Loading,
        Stage::Serving => CellStage::Serving,
        Stage::Quarantined(_) => CellStage::Quarantined,
    }
}

/// How many replicas are alive in which state. One that is alone has no membership, and is ready.
fn stages(membership: &Membership, is_alone: bool) -> BTreeMap<ReplicaStage, usize> {
    if is_alone {
        return BTreeMap::from([(ReplicaStage::Ready, 1)]);
    }
    let mut stages = BTreeMap::new();
    for replica in membership.replicas.iter().filter(|row| row.live) {
        let stage = match replica.state {
            ReplicaState::Starting => ReplicaStage::Starting,
            ReplicaState::Ready => ReplicaStage::Ready,
            ReplicaState::Draining => ReplicaStage::Draining,
        };
        *stages.entry(stage).or_default() += 1;
    }
    stages
}
