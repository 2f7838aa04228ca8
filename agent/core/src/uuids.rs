//! Names for status updates, without a source of randomness.

use insula_types::UpdateUuid;
use uuid::{Builder, Uuid};

/// Makes uuids by counting up from 128 random bits that the caller brings once per life of the
/// agent.
///
/// Two lives collide only if their nonces are within each other's count of updates, which is as
/// unlikely as a collision of random uuids; within one life none repeats, since the counted bits
/// are the lowest and the version and variant bits that are overwritten are above them.
#[derive(Debug, Clone)]
pub(crate) struct Uuids {
    next: u128,
}

impl Uuids {
    pub(crate) const fn new(nonce: u128) -> Self {
        Self { next: nonce }
    }

    pub(crate) fn next(&mut self) -> UpdateUuid {
        let bytes = self.next.to_be_bytes();
        self.next = self.next.wrapping_add(1);
        let uuid: Uuid = Builder::from_random_bytes(bytes).into_uuid();
        UpdateUuid(uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_uuid_repeats_within_one_life() {
        for nonce in [0, u128::MAX, 0xffff_ffff_ffff_ff00] {
            let mut uuids = Uuids::new(nonce);
            let seen: BTreeSet<UpdateUuid> = (0..1000).map(|_| uuids.next()).collect();
            assert_eq!(seen.len(), 1000);
        }
    }
}
