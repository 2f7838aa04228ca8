//! What a replica takes and gives away.

use std::collections::{BTreeMap, BTreeSet};

use insula_types::membership::{Membership, ReplicaState};
use insula_types::{PartitionId, ReplicaId, Span, Time};

use super::share::{Share, shares};

/// The least time between two moves of a replica for balance.
const BETWEEN_MOVES: Span = Span::from_secs(1);

/// Most partitions without cells that go with one move. Nobody notices that they are handed over; the bound
/// is for the store, which gives and grants each lease in a transaction of its own.
const EMPTY_MAX: usize = 32;

/// What a replica is to do about a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Try to own it; the store may refuse.
    Claim(PartitionId),
    /// Stop serving it in order, and end the lease.
    Give(PartitionId),
}

/// What a replica knows of its own partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mine {
    /// Those that it serves.
    pub held: BTreeSet<PartitionId>,
    /// Those of them that have no cells, so that a move disturbs nobody.
    pub empty: BTreeSet<PartitionId>,
    /// Those that it is taking; nothing is decided about them.
    pub taking: BTreeSet<PartitionId>,
    /// Those that it is giving away; nothing is decided about them.
    pub giving: BTreeSet<PartitionId>,
}

/// A replica's mind about partitions: a decision for each beat, from what that found and what earlier
/// ones did. Its times are those of the replica's own clock; the database's may jump (rule R6).
#[derive(Debug)]
pub struct Balancer {
    me: ReplicaId,
    ttl: Span,
    /// The beat before this one.
    beat_at: Option<Time>,
    /// Before that, an expired lease may be of an owner that could not renew it.
    trust_expiry_from: Time,
    /// Who was there, and since when it is the same.
    present: BTreeMap<ReplicaId, ReplicaState>,
    present_since: Time,
    moved_at: Option<Time>,
    /// While it has too many: how many with cells it is to have in the end, the same share of what it
    /// keeps as they were of what it had.
    keeps: Option<usize>,
    /// Partitions that nobody owns, and since when they were seen like that.
    free_since: BTreeMap<PartitionId, Time>,
}

impl Balancer {
    /// A replica that has not seen anything yet; `ttl` is that of membership and leases.
    #[must_use]
    pub fn new(me: ReplicaId, ttl: Span) -> Self {
        Self {
            me,
            ttl,
            beat_at: None,
            trust_expiry_from: Time(0),
            present: BTreeMap::new(),
            present_since: Time(0),
            moved_at: None,
            keeps: None,
            free_since: BTreeMap::new(),
        }
    }

    /// What to do after a beat that succeeded and found that.
    ///
    /// `now` is the replica's own clock. Decisions that were carried out show in `mine` and in the next
    /// beat; those that could not be are made again.
    pub fn decide(&mut self, now: Time, found: &Membership, mine: &Mine) -> Vec<Decision> {
        self.note_outage(now);
        self.note_presence(now, found);
        self.note_free(now, found, mine);
        let Some(row) = found.replica(&self.me).filter(|row| row.live) else {
            return Vec::new();
        };
        match row.state {
            ReplicaState::Starting => Vec::new(),
            ReplicaState::Draining => mine.held.iter().copied().map(Decision::Give).collect(),
            ReplicaState::Ready => self.balance(now, found, mine),
        }
    }

    fn balance(&mut self, now: Time, found: &Membership, mine: &Mine) -> Vec<Decision> {
        let owned = mine.held.len() + mine.taking.len();
        let shares = shares(found, &self.me, owned);
        let claims = self.claims(now, &shares);
        if !claims.is_empty() {
            return claims.into_iter().map(Decision::Claim).collect();
        }
        let given = self.surplus(now, &shares, mine);
        given.into_iter().map(Decision::Give).collect()
    }

    /// This replica's part of what nobody owns, and all that was free for too long.
    fn claims(&self, now: Time, shares: &[Share]) -> BTreeSet<PartitionId> {
        let before: usize = shares
            .iter()
            .take_while(|share| share.replica != self.me)
            .map(Share::room)
            .sum();
        let room = shares
            .iter()
            .find(|share| share.replica == self.me)
            .map_or(0, Share::room);
        let part = self.free_since.keys().skip(before).take(room);
        let forgotten = self
            .free_since
            .iter()
            .filter(|(_, since)| now.since(**since) > self.ttl)
            .map(|(partition, _)| partition);
        part.chain(forgotten).copied().collect()
    }

    /// What this replica gives of that which it has beyond its target, if it is time for a move and
    /// somebody has room: one that has cells, and many that have none. Both are shared out, or whoever
    /// joins a loaded service would get what nobody uses.
    fn surplus(&mut self, now: Time, shares: &[Share], mine: &Mine) -> Vec<PartitionId> {
        let excess = excess(&self.me, shares);
        if excess == 0 {
            self.keeps = None;
        }
        if excess == 0 || !self.may_move(now) {
            return Vec::new();
        }
        let (empty, full): (Vec<_>, Vec<_>) = mine
            .held
            .iter()
            .rev()
            .partition(|partition| mine.empty.contains(partition));
        let held = mine.held.len();
        let part = || (full.len() * held.saturating_sub(excess) + held / 2) / held.max(1);
        let keeps = *self.keeps.get_or_insert_with(part);
        let of_full = full.len().saturating_sub(keeps).min(excess);
        let of_empty = (excess - of_full).min(EMPTY_MAX).min(empty.len());
        // If fewer are empty than were when this began, the others must do.
        let now_full = if of_empty == 0 { 1 } else { of_full.min(1) };
        let given = full.iter().take(now_full);
        let given: Vec<PartitionId> = given.chain(empty.iter().take(of_empty)).copied().collect();
        self.moved_at = Some(now);
        given
    }

    /// Whether who is there has been the same for long enough, and the last move was long enough ago.
    fn may_move(&self, now: Time) -> bool {
        let is_stable = now.since(self.present_since) >= Span(self.ttl.0.saturating_mul(2));
        let moved_at = self.moved_at;
        is_stable && moved_at.is_none_or(|moved| now.since(moved) >= BETWEEN_MOVES)
    }

    fn note_outage(&mut self, now: Time) {
        let was_away = self
            .beat_at
            .is_none_or(|before| now.since(before) >= self.ttl);
        if was_away {
            self.trust_expiry_from = now + self.ttl;
        }
        self.beat_at = Some(now);
    }

    fn note_presence(&mut self, now: Time, found: &Membership) {
        let live = found.replicas.iter().filter(|row| row.live);
        let present: BTreeMap<_, _> = live.map(|row| (row.replica.clone(), row.state)).collect();
        if present != self.present {
            self.present = present;
            self.present_since = now;
            self.keeps = None;
        }
    }

    fn note_free(&mut self, now: Time, found: &Membership, mine: &Mine) {
        let is_ours = |partition: &PartitionId| {
            let sets = [&mine.held, &mine.taking, &mine.giving];
            sets.iter().any(|set| set.contains(partition))
        };
        let free = (0..found.partitions)
            .map(PartitionId)
            .filter(|partition| !is_ours(partition) && self.is_free(now, found, *partition));
        let since = |partition| self.free_since.get(&partition).copied().unwrap_or(now);
        self.free_since = free.map(|each| (each, since(each))).collect();
    }

    /// Whether a partition may be claimed: it never had an owner, was given, its lease has expired for
    /// sure, or it is this replica's by a claim whose answer got lost.
    fn is_free(&self, now: Time, found: &Membership, partition: PartitionId) -> bool {
        let Some(lease) = found.lease(partition) else {
            return true;
        };
        match &lease.replica {
            None => true,
            Some(owner) if *owner == self.me => true,
            Some(_) => !lease.live && now >= self.trust_expiry_from,
        }
    }
}

/// How many partitions a replica has beyond its target that somebody has room for.
fn excess(me: &ReplicaId, shares: &[Share]) -> usize {
    let mine = shares.iter().find(|share| share.replica == *me);
    let beyond = mine.map_or(0, |share| share.owned.saturating_sub(share.target));
    let room: usize = shares.iter().map(Share::room).sum();
    beyond.min(room)
}
