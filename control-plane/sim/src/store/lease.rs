//! Membership and leases, by the database's clock (rules R6, R9, R10).

use insula_types::membership::{Beat, Claim, LeaseRow, Membership, ReplicaRow, ReplicaState};
use insula_types::{Epoch, PartitionId, ReplicaId, Span, Time};

use super::{Answer, Store, Taken};
use crate::context::Context;

/// Who owns a partition.
#[derive(Debug, Default)]
pub(super) struct Lease {
    replica: Option<ReplicaId>,
    expires_at: Time,
}

/// A replica's row.
#[derive(Debug)]
pub(super) struct Member {
    state: ReplicaState,
    started_at: Time,
    seen_at: Time,
    ttl: Span,
}

/// How a take ended.
#[derive(Debug)]
pub(crate) enum Take {
    Taken(Box<Taken>),
    /// Another replica's lease lives, or a transaction holds the head.
    Refused,
}

impl Store {
    /// One beat; nothing if the database is away.
    pub(crate) fn beat(&mut self, ctx: &Context, beat: &Beat) -> Option<Membership> {
        if self.is_down(ctx) {
            return None;
        }
        let now = self.clock(ctx);
        let member = self.members.entry(beat.replica.clone());
        let member = member.or_insert(Member {
            state: beat.state,
            started_at: now,
            seen_at: now,
            ttl: beat.ttl,
        });
        (member.state, member.seen_at) = (beat.state, now);
        let mut held = Vec::new();
        for (partition, epoch) in &beat.hold {
            let row = self.at_mut(*partition);
            if row.head.epoch == *epoch && row.lease.replica.as_ref() == Some(&beat.replica) {
                row.lease.expires_at = now + beat.ttl;
                held.push(*partition);
            }
        }
        Some(self.membership(now, held))
    }

    fn membership(&self, now: Time, held: Vec<PartitionId>) -> Membership {
        let replicas = self.members.iter().map(|(replica, member)| ReplicaRow {
            replica: replica.clone(),
            advertise: String::new(),
            version: String::new(),
            state: member.state,
            started_at: member.started_at,
            seen_at: member.seen_at,
            live: now < member.seen_at + member.ttl,
        });
        let leases = (0..).zip(&self.partitions).map(|(number, row)| LeaseRow {
            partition: PartitionId(number),
            epoch: row.head.epoch,
            replica: row.lease.replica.clone(),
            expires_at: row.lease.expires_at,
            live: row.lease.is_live(now),
        });
        Membership {
            now,
            partitions: u16::try_from(self.partitions.len()).unwrap_or(u16::MAX),
            replicas: replicas.collect(),
            leases: leases.filter(|lease| lease.epoch > Epoch(0)).collect(),
            held,
        }
    }

    /// Takes a partition under a new epoch; nothing if the database is away.
    pub(crate) fn take(
        &mut self,
        ctx: &mut Context,
        partition: PartitionId,
        claim: &Claim,
    ) -> Option<Take> {
        if self.is_down(ctx) {
            return None;
        }
        let clock = self.clock(ctx);
        let row = self.at(partition);
        let is_anothers = row.lease.replica.as_ref() != Some(&claim.replica);
        if ctx.options.shared_store && is_anothers && row.lease.is_live(clock) {
            return Some(Take::Refused);
        }
        if let Some(id) = row.lock {
            if !ctx.rng.chance(500) {
                return Some(Take::Refused);
            }
            self.at_mut(partition).lock = None;
            self.end(ctx, id, Answer::Unknown);
        }
        self.last_epoch = Epoch((self.last_epoch.0 + 1).max(clock.0 / 1_000));
        let epoch = self.last_epoch;
        let row = self.at_mut(partition);
        row.head.epoch = epoch;
        row.lease = Lease {
            replica: Some(claim.replica.clone()),
            expires_at: clock + claim.ttl,
        };
        let row = self.at(partition);
        let table = |cell| Some((cell, self.tables.get(cell)?));
        let tables = row.cells.iter().filter_map(table);
        Some(Take::Taken(Box::new(Taken {
            head: row.head,
            tables: tables
                .map(|(cell, table)| (cell.clone(), table.clone()))
                .collect(),
            marks: row.marks.clone(),
            clock,
        })))
    }

    /// Ends a lease, if it is still that replica's in that epoch.
    pub(crate) fn give(&mut self, partition: PartitionId, epoch: Epoch, replica: &ReplicaId) {
        let row = self.at_mut(partition);
        if row.head.epoch == epoch && row.lease.replica.as_ref() == Some(replica) {
            row.lease.replica = None;
        }
    }

    /// A replica that ended in order is forgotten.
    pub(crate) fn leave(&mut self, replica: &ReplicaId) {
        self.members.remove(replica);
    }
}

impl Lease {
    fn is_live(&self, now: Time) -> bool {
        self.replica.is_some() && now < self.expires_at
    }
}
