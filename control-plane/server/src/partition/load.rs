//! Taking a partition: a new epoch, then everything from the rows (rules R2, R7).

use insula_kernel::Kernel;
use insula_pipeline::{Limits, Marks, Pipeline, SenderId};
use insula_store::{Error, Store};
use insula_types::Epoch;

use super::Options;
use super::clock::Clock;

/// Most effects that may wait for their commit before the driver stops reading inputs. A commit of
/// that many rows takes about half a second on a slow disk; more would only add to the delay.
const EFFECTS_MAX: usize = 20_000;

/// What an owner works with, valid for one epoch.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) epoch: Epoch,
    pub(super) pipeline: Pipeline,
    pub(super) clock: Clock,
}

/// Takes the partition and loads its cell.
pub(super) async fn load(store: &Store, options: &Options) -> Result<Live, Error> {
    let owner = store.take(options.partition).await?;
    let rows = store.load(&options.cell).await?;
    let marks: Marks = store
        .input_marks(options.partition)
        .await?
        .into_iter()
        .map(|mark| (SenderId(mark.sender.into()), mark.seq))
        .collect();
    let clock = Clock::start(owner.now, rows.cell.time);
    let kernel = Kernel::load(options.kernel.clone(), owner.epoch, clock.now(), rows);
    let limits = Limits {
        effects_max: EFFECTS_MAX,
        // The lock of the data directory cannot be lost, unlike a lease (rule R8).
        fence_empty: false,
    };
    let pipeline = Pipeline::new(kernel, owner.commit_no.0, marks, limits);
    Ok(Live {
        epoch: owner.epoch,
        pipeline,
        clock,
    })
}
