//! Who owns what, and what is made durable.

use super::super::definition::{Definition, Unit};
use super::super::label::Label;
use super::super::labels::{Answered, CellStage, CommitOutcome, Failure, ReplicaStage};

const PARTITION: Label = Label::bounded(
    "partition",
    "its number; as many as the database was made with",
);

/// Commits.
pub const COMMIT_DURATION: Definition = Definition::histogram(
    "insula.commit.duration",
    Unit::Seconds,
    &[Label::of::<CommitOutcome>()],
)
.means("Time of a commit, from when the database was asked to its answer.")
.when_bad("Slow: everything waits for it; look at the database's disk and its replication. `failed`: the partition is taken anew, see `insula_partition_failures_total`. `refused`: the rows of a cell cannot be written, see `insula_cell_failures_total`.");

/// How much a commit carries.
pub const COMMIT_RECORDS: Definition =
    Definition::histogram("insula.commit.records", Unit::Of("{record}"), &[])
        .means("Rows that a commit changed.")
        .when_bad("Always large: commits are slow or load is high, and waiting work is batched. That is as intended as long as latencies are good.");

/// Lease ages.
pub const LEASE_AGE: Definition =
    Definition::gauge("insula.lease.age", Unit::Seconds, &[PARTITION])
        .means("Time since the lease of a partition that is owned here was asked for and granted last.")
        .when_bad("Above half of `lease_ttl`: the database is slow to answer; at `lease_ttl` another replica takes the partition.");

/// Epochs.
pub const EPOCH: Definition = Definition::gauge(
    "insula.partition.epoch",
    Unit::Of("{epoch}"),
    &[PARTITION],
)
.means("The number of the ownership of a partition that is owned here; higher with each owner.")
.when_bad(
    "Rising again and again: the partition changes hands; see `insula_partition_failures_total`.",
);

/// Owned partitions.
pub const PARTITIONS_OWNED: Definition = Definition::gauge(
    "insula.partitions.owned",
    Unit::Of("{partition}"),
    &[],
)
.means("Partitions that this replica owns.")
.when_bad(
    "Uneven among replicas for minutes: one of them does not take its share; its log says why.",
);

/// Partitions that nobody owns.
pub const PARTITIONS_ORPHANED: Definition =
    Definition::gauge("insula.partitions.orphaned", Unit::Of("{partition}"), &[])
        .means("Partitions that have no owner, as this replica sees it.")
        .when_bad("Above 0 for longer than a takeover (some 10 s): no replica is ready, or the database is away. Their cells are not scheduled, running tasks go on.");

/// Partitions that wait for their commit.
pub const PARTITIONS_FULL: Definition = Definition::gauge(
    "insula.partitions.full",
    Unit::Of("{partition}"),
    &[],
)
.means("Partitions that step nothing until their commit is through, since enough waits for it.")
.when_bad("Above 0 for long: the database is too slow; see `insula_commit_duration_seconds`.");

/// Takes.
pub const PARTITION_TAKES: Definition =
    Definition::counter("insula.partition.takes", Unit::Of("{take}"), &[])
        .means("Times that this replica took a partition, also anew after a failure.")
        .when_bad("More than starts, stops and upgrades of replicas explain: see the reasons in `insula_partition_failures_total`.");

/// Failures of ownership.
pub const PARTITION_FAILURES: Definition = Definition::counter(
    "insula.partition.failures",
    Unit::Of("{failure}"),
    &[Label::of::<Failure>()],
)
.means("Ownerships that ended without being asked to.")
.when_bad("`commit`: the database failed. `lease`: it did not answer in time, or the replica hung. `disagreement`: a defect; report it with the log.");

/// Cells.
pub const CELLS: Definition = Definition::gauge(
    "insula.cells",
    Unit::Of("{cell}"),
    &[Label::of::<CellStage>()],
)
.means("Cells of the partitions that are owned here.")
.when_bad("`loading` for long: the rows cannot be read. `quarantined`: the cell failed again and again and is not scheduled; `GET /v1/partitions` and the log have the reason. Another owner tries anew.");

/// Cells that failed.
pub const CELL_FAILURES: Definition =
    Definition::counter("insula.cell.failures", Unit::Of("{failure}"), &[])
        .means("Cells that were dropped and loaded anew, since their kernel or their rows failed.")
        .when_bad("Any: a defect; report it with the log, which names the cell and the input.");

/// Replicas.
pub const REPLICAS: Definition = Definition::gauge(
    "insula.replicas",
    Unit::Of("{replica}"),
    &[Label::of::<ReplicaStage>()],
)
.means("Replicas that are alive, as the last beat found them.")
.when_bad("Fewer `ready` than are meant to run: start or look at the others.");

/// Whether clients are welcome.
pub const READY: Definition = Definition::gauge("insula.replica.ready", Unit::Of("{replica}"), &[])
    .means("1 if `GET /ready` says yes, else 0.")
    .when_bad("0 for longer than a start takes: `GET /ready` says why.");

/// Beats of the keeper.
pub const BEAT_DURATION: Definition = Definition::histogram(
    "insula.lease.beat.duration",
    Unit::Seconds,
    &[Label::of::<Answered>()],
)
.means("Time that a renewal of all leases of this replica took.")
.when_bad("`failed`, or longer than `lease_renewal`: the database is away or slow, and leases are about to be lost.");

/// Failures of the store.
pub const STORE_FAILURES: Definition =
    Definition::counter("insula.store.failures", Unit::Of("{failure}"), &[])
        .means("Requests of clients that failed because the database did.")
        .when_bad("Any for longer than a failover of the database: it is away, full, or out of connections (`insula_queue_depth{queue=\"store_connections\"}`).");
