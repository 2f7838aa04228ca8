//! Which streams there are, and places in them.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use insula_types::{Epoch, PartitionId, ReplicaId};

/// A stream: many writers, one reader, in one order.
///
/// The name says which incarnation of the reader it is for, so nobody ever reads what was meant for
/// a former one (rule R14).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// From gateways to the owner of a partition in one epoch.
    In {
        /// Which partition.
        partition: PartitionId,
        /// The owner's epoch.
        epoch: Epoch,
    },
    /// From owners to one replica's gateways.
    Out(ReplicaId),
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In { partition, epoch } => write!(f, "in:{}:{epoch}", partition.0),
            Self::Out(replica) => write!(f, "out:{replica}"),
        }
    }
}

/// The place of a message in its stream; later messages have greater places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The two parts of the entry's id: entries are ordered by them.
    pub(crate) id: (u64, u64),
    /// All bytes that were ever written to the stream up to here, which is how the credit in bytes
    /// is counted: written less trimmed.
    pub(crate) written: u64,
}

/// An entry as a stream holds it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) position: Position,
    /// How long it had been in the stream when it was read, by the broker's clock.
    pub(crate) age: Duration,
    pub(crate) bytes: Bytes,
}
