//! Where a cell goes, and how high an epoch may be.

use insula_types::{CellId, Epoch, PartitionId};
use sha2::{Digest, Sha256};

use crate::Error;

/// How many partitions a new database gets, unless its maker wishes otherwise.
pub const PARTITIONS_DEFAULT: u16 = 64;

/// The highest epoch that [`Store::recover`](crate::Store::recover) accepts. Epochs follow the clock
/// in milliseconds, which comes up to this in the year 287,396; and it is where readers of JSON
/// begin to lose digits. One mistyped number must not use up the epochs there are.
const EPOCH_MAX: u64 = 1 << 53;

/// The first choice for a cell's partition: the first eight bytes of the SHA-256 of its id, read as
/// a big-endian number, modulo the number of partitions. The cell's row keeps it, so that a cell can
/// be moved and the choice need never be made again.
///
/// ```
/// # use insula_store::partition_of;
/// // printf default | sha256sum, the first 16 digits: 0x37a8eec1ce19687d
/// assert_eq!(partition_of(&"default".into(), 64).0, 0x37a8eec1ce19687d_u64 as u16 % 64);
/// ```
#[must_use]
pub fn partition_of(cell: &CellId, partitions: u16) -> PartitionId {
    let hash: [u8; 32] = Sha256::digest(cell.as_str().as_bytes()).into();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    let place = u64::from_be_bytes(first) % u64::from(partitions.max(1));
    PartitionId(u16::try_from(place).expect("a remainder is below the number of partitions"))
}

/// The partition that was asked for, if there is one of that number, or else the first choice.
pub(crate) fn choose(
    cell: &CellId,
    wished: Option<PartitionId>,
    partitions: u16,
) -> Result<PartitionId, Error> {
    match wished {
        None => Ok(partition_of(cell, partitions)),
        Some(partition) if partition.0 < partitions => Ok(partition),
        Some(partition) => Err(Error::PartitionUnknown {
            partition,
            partitions,
        }),
    }
}

/// The number that epochs must be above, as a column.
pub(crate) fn floor_of(above: Epoch) -> Result<i64, Error> {
    match i64::try_from(above.0) {
        Ok(number) if above.0 < EPOCH_MAX => Ok(number),
        _ => Err(Error::EpochTooHigh {
            above,
            max: Epoch(EPOCH_MAX - 1),
        }),
    }
}

/// Random bits for a cell's offer ids; those of a uuid that are fixed are covered by others.
pub(crate) fn seed() -> u64 {
    let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
    high ^ low.rotate_left(32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn cells_spread_over_all_partitions() {
        let mut cells = [0_u32; 16];
        for number in 0..1_600 {
            let cell = CellId::from(format!("cell-{number}").as_str());
            cells[usize::from(partition_of(&cell, 16).0)] += 1;
        }
        assert!(
            cells.iter().all(|count| (50..150).contains(count)),
            "{cells:?}"
        );
    }

    #[test]
    fn a_partition_beyond_the_last_is_refused() {
        let refused = choose(&"a".into(), Some(PartitionId(64)), 64).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "there is no partition 64: the database has 64, numbered from 0"
        );
    }

    #[test]
    fn an_epoch_that_would_use_them_all_up_is_refused() {
        assert!(floor_of(Epoch(EPOCH_MAX - 1)).is_ok());
        assert!(floor_of(Epoch(EPOCH_MAX)).is_err());
        assert!(floor_of(Epoch(u64::MAX)).is_err());
    }
}
