//! Taking a partition: a new epoch, then everything from the rows (rules R2, R7).

use std::collections::BTreeMap;
use std::sync::Arc;

use insula_kernel::{Config, Kernel, Numbering};
use insula_pipeline::{Limits, Marks, Pipeline, SenderId};
use insula_store::{Error, Store};
use insula_types::membership::Claim;
use insula_types::{CellId, Epoch, PartitionId, Span};

use super::clock::Clock;
use super::lease::Lease;
use super::traces::again;

/// Most effects that may wait for their commit before the driver stops reading inputs. A commit of
/// that many rows takes about half a second on a slow disk; more would only add to the delay.
const EFFECTS_MAX: usize = 20_000;

/// A partition that was just taken; its cells are not loaded yet.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) epoch: Epoch,
    pub(super) pipeline: Pipeline,
    pub(super) clock: Clock,
    pub(super) cells: Vec<CellId>,
}

/// Takes the partition: from here on nobody else commits to it, or what is loaded would be wrong.
pub(super) async fn take(
    store: Store,
    partition: PartitionId,
    lease: Option<Arc<Lease>>,
) -> Result<Taken, Error> {
    let sent = lease.as_ref().map(|lease| lease.now());
    let claim = lease
        .as_ref()
        .map_or_else(nobody, |lease| lease.claim().clone());
    let owner = store.take(partition, &claim).await?;
    let marks: Marks = store
        .input_marks(partition)
        .await?
        .into_iter()
        .map(|mark| (SenderId(mark.sender.into()), mark.seq))
        .collect();
    let cells = store.cells(partition).await?;
    let latest = store.latest_time(partition).await?;
    let limits = Limits {
        effects_max: EFFECTS_MAX,
        // The lock of a data directory cannot be lost, unlike a lease (rule R8).
        fence_empty: lease.is_some(),
    };
    if let (Some(lease), Some(sent)) = (lease, sent) {
        lease.begin(owner.epoch, sent);
    }
    Ok(Taken {
        epoch: owner.epoch,
        pipeline: Pipeline::new(BTreeMap::new(), owner.commit_no.0, marks, limits),
        clock: Clock::start(owner.now, latest),
        cells,
    })
}

/// The claim on a store whose lock stands for the lease.
fn nobody() -> Claim {
    Claim {
        replica: "".into(),
        ttl: Span::ZERO,
    }
}

/// What a cell is loaded with.
#[derive(Debug, Clone)]
pub(super) struct Under {
    pub(super) partition: PartitionId,
    pub(super) config: Config,
    pub(super) epoch: Epoch,
    pub(super) clock: Clock,
    /// What its kernel goes on from, if it is loaded again under the same epoch.
    pub(super) numbering: Option<Numbering>,
}

/// Reads a cell's rows and makes its kernel, which is plain computing and for a big cell takes a while.
///
/// An owner that was superseded without noticing must not take its successor's rows for its own. So the
/// epoch is read after the rows: if it is still this owner's, nobody else had written them (rule R1).
pub(super) async fn load(store: Store, cell: CellId, under: Under) -> Result<Box<Kernel>, Failed> {
    let rows = store.load(&cell).await?;
    let head = store.head(under.partition).await?;
    if head.is_none_or(|head| head.epoch != under.epoch) {
        return Err(Failed::Superseded);
    }
    let made = tokio::task::spawn_blocking(move || {
        let now = under.clock.now();
        again(&cell, &rows, now);
        let mut kernel = Kernel::load(under.config, under.epoch, now, rows);
        if let Some(numbering) = under.numbering {
            kernel.resume(numbering);
        }
        Box::new(kernel)
    });
    made.await.map_err(|_| Failed::Panicked)
}

/// Why a cell cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("its rows cannot be read")]
    Store(#[from] Error),
    #[error("the partition has another owner")]
    Superseded,
    #[error("no kernel can be made of its rows; this is a defect")]
    Panicked,
}
