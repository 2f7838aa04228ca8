//! Outstanding offers. They are never persisted: an offer dies with its epoch (rule R19).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use insula_types::{Epoch, OfferId, Resources, Time};

use crate::allocator::{AgentKey, FrameworkIdx};

/// The part of an offer's id that tells the offers of one epoch apart.
pub(crate) type Tag = u64;

/// Resources of one agent, offered to one role of one framework.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) tag: Tag,
    pub(crate) framework: FrameworkIdx,
    pub(crate) agent: AgentKey,
    /// As the framework names it.
    pub(crate) role: Arc<str>,
    pub(crate) resources: Resources,
    pub(crate) made_at: Time,
    /// When somebody looks next whether its lease has ended.
    pub(crate) check_at: Time,
}

/// All outstanding offers of an epoch.
#[derive(Debug)]
pub(crate) struct Offers {
    epoch: Epoch,
    seed: u64,
    made: u64,
    all: BTreeMap<Tag, Offer>,
    by_check: BTreeSet<(Time, Tag)>,
}

impl Offers {
    pub(crate) fn new(epoch: Epoch, seed: u64) -> Self {
        Self {
            epoch,
            seed,
            made: 0,
            all: BTreeMap::new(),
            by_check: BTreeSet::new(),
        }
    }

    /// How many tags were given out.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// Gives out no tag again that was one of the first so many.
    pub(crate) fn resume(&mut self, made: u64) {
        self.made = self.made.max(made);
    }

    /// The tag of the next offer.
    pub(crate) fn next_tag(&mut self) -> Tag {
        self.made += 1;
        tag(self.seed, self.made)
    }

    pub(crate) fn insert(&mut self, offer: Offer) {
        self.by_check.insert((offer.check_at, offer.tag));
        self.all.insert(offer.tag, offer);
    }

    pub(crate) fn remove(&mut self, tag: Tag) -> Option<Offer> {
        let offer = self.all.remove(&tag)?;
        self.by_check.remove(&(offer.check_at, tag));
        Some(offer)
    }

    pub(crate) fn get(&self, tag: Tag) -> Option<&Offer> {
        self.all.get(&tag)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Offer> {
        self.all.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The offer to look at next, and when.
    pub(crate) fn next_check(&self) -> Option<(Time, Tag)> {
        self.by_check.first().copied()
    }

    pub(crate) fn check_again(&mut self, tag: Tag, at: Time) {
        if let Some(offer) = self.all.get_mut(&tag) {
            self.by_check.remove(&(offer.check_at, tag));
            offer.check_at = at;
            self.by_check.insert((at, tag));
        }
    }

    /// The tag that an id means, if it is of this epoch.
    pub(crate) fn tag_of(&self, id: OfferId) -> Option<Tag> {
        (id.epoch == self.epoch).then_some(id.tag)
    }

    pub(crate) fn id(&self, tag: Tag) -> OfferId {
        OfferId {
            epoch: self.epoch,
            tag,
        }
    }
}

/// The `n`-th value of the SplitMix64 sequence that starts at the seed.
///
/// The step is odd, so `seed + n * step` takes every 64-bit value once, and the mixing is a
/// bijection: tags are distinct for 2^64 offers, and who sees some of them cannot count the others
/// (rule R19).
///
/// Source: Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
fn tag(seed: u64, n: u64) -> Tag {
    let mut z = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_follow_the_published_sequence_and_do_not_repeat() {
        assert_eq!(tag(0, 1), 0xe220_a839_7b1d_cdaf);
        let tags: BTreeSet<Tag> = (0..10_000).map(|n| tag(7, n)).collect();
        assert_eq!(tags.len(), 10_000);
    }
}
