//! What an agent holds, in 32 bytes.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{LaunchId, UpdateUuid};

/// The tasks of an agent that have not ended and of which nothing waits for an acknowledgement, as
/// one SHA-256 (rule R25).
///
/// An agent registers with it in place of a report of each of them, and the kernel compares it with
/// what its rows say the agent should hold: a takeover moves no task lists as long as both agree. It
/// is taken over one entry per task, in the order of their launch ids: the epoch and the number as 8
/// bytes each, the most significant first; then one byte, 1 if the task has had an update and else
/// 0; then the 16 bytes of the last update's uuid, zeros if there was none.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TasksDigest(pub [u8; 32]);

impl TasksDigest {
    /// The digest of these tasks, which come in the order of their launch ids, each with the uuid of
    /// its last update.
    #[must_use]
    pub fn of(tasks: impl IntoIterator<Item = (LaunchId, Option<UpdateUuid>)>) -> Self {
        let mut hash = Sha256::new();
        for (launch, last) in tasks {
            hash.update(launch.epoch.0.to_be_bytes());
            hash.update(launch.number.to_be_bytes());
            hash.update([u8::from(last.is_some())]);
            hash.update(last.map_or([0; 16], |uuid| *uuid.as_bytes()));
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Debug for TasksDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Epoch;

    fn launch(number: u64) -> LaunchId {
        LaunchId {
            epoch: Epoch(0x0102_0304_0506_0708),
            number,
        }
    }

    fn uuid(byte: u8) -> Option<UpdateUuid> {
        UpdateUuid::from_slice(&[byte; 16])
    }

    /// Agents of other versions compute the same: these values never change. Each is the SHA-256 of
    /// the bytes that the description of [`TasksDigest`] spells out.
    #[test]
    fn the_digest_is_what_it_always_was() {
        let none = TasksDigest::of([]);
        assert_eq!(
            format!("{none:?}"),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let two = TasksDigest::of([(launch(1), None), (launch(2), uuid(0xab))]);
        assert_eq!(
            format!("{two:?}"),
            "e466ffc88c8f62c12af1efbdf34dbca718e33b283db92692ba7c4c334cb23d88"
        );
    }

    #[test]
    fn every_part_of_every_task_counts() {
        let digest = TasksDigest::of([(launch(1), uuid(1))]);
        for other in [
            TasksDigest::of([]),
            TasksDigest::of([(launch(2), uuid(1))]),
            TasksDigest::of([(launch(1), uuid(2))]),
            TasksDigest::of([(launch(1), None)]),
            TasksDigest::of([(launch(1), uuid(1)), (launch(2), None)]),
        ] {
            assert_ne!(digest, other);
        }
        assert_ne!(
            TasksDigest::of([(launch(1), uuid(0))]),
            TasksDigest::of([(launch(1), None)]),
            "no update is not an update of zeros"
        );
    }
}
