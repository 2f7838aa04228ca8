//! Looking after links: owners change, and links fall silent.

use std::collections::BTreeMap;
use std::sync::Arc;

use insula_types::{Epoch, PartitionId};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::links::Shared;
use crate::replica::Owner;

/// Looks after the links for as long as it runs: whenever an owner changes, and once in a beat.
pub(super) async fn care(shared: Arc<Shared>) {
    let mut beat = interval(shared.broker.options().beat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = owners_of(&shared);
    loop {
        tokio::select! {
            () = shared.owners.until(|_| owners_of(&shared) != known) => {}
            _ = beat.tick() => {}
        }
        known = owners_of(&shared);
        look_after(&shared);
    }
}

/// Who owns the partitions that are or were spoken to.
fn owners_of(shared: &Shared) -> BTreeMap<PartitionId, Option<Epoch>> {
    let mut owners = BTreeMap::new();
    shared.with_all(|partition, _, _| {
        owners.insert(partition, owner_of(shared, partition));
    });
    owners
}

fn owner_of(shared: &Shared, partition: PartitionId) -> Option<Epoch> {
    match shared.owners.of(partition) {
        Owner::There { epoch, .. } => Some(epoch),
        Owner::Here(port) => Some(port.epoch()),
        Owner::Nobody => None,
    }
}

/// Ends links whose owner is not the owner any more or does not speak, and reaches for the next owner
/// of those whose agents wait.
fn look_after(shared: &Shared) {
    shared.end_dead();
    let now = Instant::now();
    let mut waiting = Vec::new();
    shared.with_all(
        |partition, conversation, orders| match shared.owners.of(partition) {
            Owner::There { epoch, .. } => {
                conversation.saw(epoch, now, orders);
                conversation.tick(now, orders);
                if conversation.is_waiting() {
                    waiting.push((partition, epoch));
                }
            }
            Owner::Here(port) => {
                conversation.home(port.epoch(), now, orders);
                conversation.tick(now, orders);
            }
            Owner::Nobody => {
                conversation.unowned();
                conversation.tick(now, orders);
            }
        },
    );
    for (partition, epoch) in waiting {
        shared.reach(partition, epoch);
    }
}
