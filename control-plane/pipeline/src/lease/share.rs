//! How many partitions each replica is to own.

use std::collections::BTreeMap;

use insula_types::ReplicaId;
use insula_types::membership::{Membership, ReplicaState};

/// A replica that takes partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) replica: ReplicaId,
    /// How many it owns.
    pub(crate) owned: usize,
    /// How many it is to own.
    pub(crate) target: usize,
}

impl Share {
    /// How many more it is to own.
    pub(crate) fn room(&self) -> usize {
        self.target.saturating_sub(self.owned)
    }
}

/// The shares of all replicas that are alive and ready, by id. `me` counts itself by what it knows,
/// which is newer than what the store says of it.
pub(crate) fn shares(membership: &Membership, me: &ReplicaId, mine: usize) -> Vec<Share> {
    let mut owned: BTreeMap<&ReplicaId, usize> = BTreeMap::new();
    for lease in membership.leases.iter().filter(|lease| lease.live) {
        if let Some(replica) = &lease.replica {
            *owned.entry(replica).or_default() += 1;
        }
    }
    owned.insert(me, mine);
    let ready = membership
        .replicas
        .iter()
        .filter(|row| row.live && row.state == ReplicaState::Ready);
    let mut shares: Vec<Share> = ready
        .map(|row| Share {
            replica: row.replica.clone(),
            owned: owned.get(&row.replica).copied().unwrap_or(0),
            target: 0,
        })
        .collect();
    set_targets(&mut shares, usize::from(membership.partitions));
    shares.sort_by(|a, b| a.replica.cmp(&b.replica));
    shares
}

/// Those that have most get what does not divide evenly, so that as few partitions move as possible.
fn set_targets(shares: &mut [Share], partitions: usize) {
    if shares.is_empty() {
        return;
    }
    let (each, left) = (partitions / shares.len(), partitions % shares.len());
    shares.sort_by(|a, b| b.owned.cmp(&a.owned).then(a.replica.cmp(&b.replica)));
    for (place, share) in shares.iter_mut().enumerate() {
        share.target = each + usize::from(place < left);
    }
}
