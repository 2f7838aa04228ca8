//! Replicas of the control plane, and which of them owns what.

use serde::{Deserialize, Serialize};

/// A replica. Times are those of the database's clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Replica {
    /// Made anew at each start.
    pub id: String,
    /// Where the others reach it, as `host:port`; empty for one that is alone.
    pub advertise: String,
    /// The build's version.
    pub version: String,
    /// `starting`, `ready` or `draining`; `silent` if it has said nothing for longer than a lease.
    pub state: String,
    /// How many partitions it owns.
    pub partitions: u32,
    /// When it started.
    pub started_at: u64,
    /// When it last said that it lives.
    pub seen_at: u64,
    /// Whether it is the one that answers.
    pub answers: bool,
}

/// A partition.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Partition {
    /// Its number.
    pub partition: u16,
    /// The number of its current ownership, in hexadecimal as in launch ids; 0 if it was never owned.
    pub epoch: String,
    /// The replica that owns it now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    /// Where that replica is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub advertise: Option<String>,
    /// How many cells it has.
    pub cells: u32,
}
