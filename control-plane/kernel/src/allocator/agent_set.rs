//! Sets of agents as bits: a framework finds its next agent among ten thousand by looking at some
//! 160 words, and a set of those that it declined costs a bit per agent.

use super::AgentKey;

const BITS: usize = u64::BITS as usize;

/// A set of agents; grows with the largest member, iterates in ascending order.
#[derive(Debug, Clone, Default)]
pub(super) struct AgentSet {
    words: Vec<u64>,
    len: usize,
}

impl AgentSet {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many words have ever held a member.
    pub(super) fn words(&self) -> usize {
        self.words.len()
    }

    /// Membership of 64 neighbouring agents as bits.
    pub(super) fn word(&self, index: usize) -> u64 {
        self.words.get(index).copied().unwrap_or(0)
    }

    pub(super) fn contains(&self, agent: AgentKey) -> bool {
        let (index, bit) = locate(agent);
        self.word(index) & bit != 0
    }

    pub(super) fn insert(&mut self, agent: AgentKey) {
        let (index, bit) = locate(agent);
        if index >= self.words.len() {
            self.words.resize(index + 1, 0);
        }
        self.len += usize::from(self.words[index] & bit == 0);
        self.words[index] |= bit;
    }

    pub(super) fn remove(&mut self, agent: AgentKey) {
        let (index, bit) = locate(agent);
        if let Some(word) = self.words.get_mut(index) {
            self.len -= usize::from(*word & bit != 0);
            *word &= !bit;
        }
    }

    pub(super) fn set(&mut self, agent: AgentKey, member: bool) {
        if member {
            self.insert(agent);
        } else {
            self.remove(agent);
        }
    }

    pub(super) fn clear(&mut self) {
        self.words.fill(0);
        self.len = 0;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = AgentKey> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            (0..BITS)
                .filter(move |bit| word & (1 << bit) != 0)
                .map(move |bit| key(index, bit))
        })
    }

    pub(super) fn first(&self) -> Option<AgentKey> {
        next_from(AgentKey(0), self.words.len(), |index| self.word(index))
    }
}

/// The first agent at or after `start`, going round at the end, whose bit is set in `word`, which
/// gives the 64 bits of each of `words` words: a combination of sets, seldom one set alone.
pub(super) fn next_from(
    start: AgentKey,
    words: usize,
    word: impl Fn(usize) -> u64,
) -> Option<AgentKey> {
    if words == 0 {
        return None;
    }
    let (first, bit) = locate(start);
    let (first, after) = if first < words {
        (first, !(bit - 1))
    } else {
        (0, u64::MAX)
    };
    let found =
        |index: usize, bits: u64| (bits != 0).then(|| key(index, bits.trailing_zeros() as usize));
    found(first, word(first) & after)
        .or_else(|| (first + 1..words).find_map(|index| found(index, word(index))))
        .or_else(|| (0..first).find_map(|index| found(index, word(index))))
        .or_else(|| found(first, word(first) & !after))
}

/// Whether an agent's bit is set in `word`, as in [`next_from`].
pub(super) fn is_member(agent: AgentKey, word: impl Fn(usize) -> u64) -> bool {
    let (index, bit) = locate(agent);
    word(index) & bit != 0
}

fn locate(agent: AgentKey) -> (usize, u64) {
    (agent.0 as usize / BITS, 1 << (agent.0 as usize % BITS))
}

fn key(index: usize, bit: usize) -> AgentKey {
    AgentKey(u32::try_from(index * BITS + bit).expect("members came from 32-bit keys"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(members: &[u32]) -> AgentSet {
        let mut set = AgentSet::default();
        for member in members {
            set.insert(AgentKey(*member));
        }
        set
    }

    #[test]
    fn it_holds_what_was_put_in() {
        let mut some = set(&[0, 63, 64, 200, 200]);
        some.remove(AgentKey(63));
        some.remove(AgentKey(9_999));
        let members: Vec<u32> = some.iter().map(|agent| agent.0).collect();
        assert_eq!(members, [0, 64, 200]);
        assert!(some.contains(AgentKey(200)) && !some.contains(AgentKey(201)));
        assert_eq!(some.first(), Some(AgentKey(0)));
        some.clear();
        assert!(some.is_empty() && some.first().is_none());
    }

    #[test]
    fn a_search_goes_round() {
        let some = set(&[3, 70]);
        let next = |start| {
            next_from(AgentKey(start), some.words(), |index| some.word(index)).map(|agent| agent.0)
        };
        assert_eq!(next(0), Some(3));
        assert_eq!(next(3), Some(3));
        assert_eq!(next(4), Some(70));
        assert_eq!(next(71), Some(3));
        assert_eq!(next(100_000), Some(3));
        assert_eq!(next_from(AgentKey(0), 0, |_| u64::MAX), None);
    }
}
