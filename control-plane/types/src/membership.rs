//! Which replicas there are, and which of them owns which partition (rules R9, R10).
//!
//! All times here are those of the database's clock: a replica never compares its own clock with
//! another's (rule R6).

use serde::{Deserialize, Serialize};

use crate::{Epoch, PartitionId, ReplicaId, Span, Time};

/// What a replica says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplicaState {
    /// It does not take partitions yet.
    Starting,
    /// It takes partitions and connections.
    Ready,
    /// It gives its partitions away and takes no connections any more.
    Draining,
}

impl ReplicaState {
    /// The word that rows and people use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
        }
    }

    /// The state of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Starting, Self::Ready, Self::Draining]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// What a replica tells the store at every beat: that it lives, and which leases it renews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// Which replica.
    pub replica: ReplicaId,
    /// Where other replicas reach it, `host:port`.
    pub advertise: String,
    /// The build's version, for people.
    pub version: String,
    /// How it is.
    pub state: ReplicaState,
    /// How long it and its leases live without another beat.
    pub ttl: Span,
    /// The leases to renew: an expired one that nobody took is renewed as well (rule R9).
    pub hold: Vec<(PartitionId, Epoch)>,
}

/// Who wants to own a partition, and for how long at first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which replica.
    pub replica: ReplicaId,
    /// How long the lease lives without a renewal.
    pub ttl: Span,
}

/// A replica, as the others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaRow {
    /// Which replica.
    pub replica: ReplicaId,
    /// Where other replicas reach it, `host:port`.
    pub advertise: String,
    /// The build's version, for people.
    pub version: String,
    /// How it is.
    pub state: ReplicaState,
    /// Its first beat.
    pub started_at: Time,
    /// Its last beat.
    pub seen_at: Time,
    /// Whether its time to live has not passed.
    pub live: bool,
}

/// The lease of a partition that was owned at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// Which partition.
    pub partition: PartitionId,
    /// The number of the current ownership.
    pub epoch: Epoch,
    /// Its owner; nobody, if it was given.
    pub replica: Option<ReplicaId>,
    /// When it ends without another renewal.
    pub expires_at: Time,
    /// Whether that has not passed; never for one that was given.
    pub live: bool,
}

/// What a beat found: one snapshot, by the database's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// The database's clock.
    pub now: Time,
    /// How many partitions there are; they are numbered from 0.
    pub partitions: u16,
    /// Every replica that has not left, by id; those that died stay for a while.
    pub replicas: Vec<ReplicaRow>,
    /// The leases, by partition.
    pub leases: Vec<LeaseRow>,
    /// Which of the leases to renew were renewed. Any other is lost: its owner must stop at once.
    pub held: Vec<PartitionId>,
}

impl Membership {
    /// The lease of a partition, if it was ever owned.
    #[must_use]
    pub fn lease(&self, partition: PartitionId) -> Option<&LeaseRow> {
        self.leases
            .iter()
            .find(|lease| lease.partition == partition)
    }

    /// A replica by its id, living or not.
    #[must_use]
    pub fn replica(&self, replica: &ReplicaId) -> Option<&ReplicaRow> {
        self.replicas.iter().find(|row| row.replica == *replica)
    }

    /// The replica that owns a partition now, if its lease lives.
    #[must_use]
    pub fn owner(&self, partition: PartitionId) -> Option<(&ReplicaRow, Epoch)> {
        let lease = self.lease(partition).filter(|lease| lease.live)?;
        Some((self.replica(lease.replica.as_ref()?)?, lease.epoch))
    }
}
