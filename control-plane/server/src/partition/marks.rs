//! Who the senders of inputs are (rule R4).
//!
//! The messages of a link are numbered through, but applied in order only within each cell, since
//! cells are served in turns. So the pipeline knows each cell of a link as a sender of its own. The
//! store keeps one mark per link, the highest: all that anybody asks of it later is above which
//! number certainly nothing was applied.

use std::collections::BTreeMap;

use insula_pipeline::{Marks, SenderId};
use insula_store::InputMark;
use insula_types::{CellId, LinkId, ReplicaId};

use super::links::replica_of;

/// What no id contains.
const BETWEEN: char = '/';

/// The marks of a commit as the store keeps them.
pub(super) fn rows(marks: &Marks) -> Vec<InputMark> {
    let highest = highest(marks.iter().filter_map(|(sender, seq)| {
        let (link, _) = parts(sender)?;
        Some((link, *seq))
    }));
    let rows = highest.into_iter().map(|(link, seq)| InputMark {
        sender: link.to_string(),
        seq,
    });
    rows.collect()
}

fn highest(marks: impl Iterator<Item = (LinkId, u64)>) -> BTreeMap<LinkId, u64> {
    let mut highest: BTreeMap<LinkId, u64> = BTreeMap::new();
    for (link, seq) in marks {
        let known = highest.entry(link).or_default();
        *known = (*known).max(seq);
    }
    highest
}

/// The sender of a link's inputs to a cell.
pub(super) fn sender(link: &LinkId, cell: &CellId) -> SenderId {
    SenderId(format!("{link}{BETWEEN}{cell}").into())
}

/// Which link and cell a sender stands for; nothing for one that was not named here.
pub(super) fn parts(sender: &SenderId) -> Option<(LinkId, CellId)> {
    let (link, cell) = sender.0.split_once(BETWEEN)?;
    Some((link.into(), cell.into()))
}

/// The highest number of each of a replica's links that was applied, now or under former owners.
pub(super) fn of_replica(marks: &Marks, replica: &ReplicaId) -> Vec<(LinkId, u64)> {
    let of_links = marks.iter().map(|(sender, seq)| {
        let link = parts(sender).map_or_else(|| LinkId::from(&*sender.0), |(link, _)| link);
        (link, *seq)
    });
    let of_replica = of_links.filter(|(link, _)| replica_of(link).as_ref() == Some(replica));
    highest(of_replica).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_hears_of_its_own_links_and_the_highest_of_each() {
        let mark = |link: &str, cell: &str, seq| (sender(&link.into(), &cell.into()), seq);
        let marks = Marks::from([
            mark("one.1", "a", 3),
            mark("one.1", "b", 9),
            mark("one.2", "a", 1),
            mark("other.1", "a", 7),
            (SenderId("one.0".into()), 4),
        ]);
        let of_one = of_replica(&marks, &"one".into());
        let expected = [("one.0", 4), ("one.1", 9), ("one.2", 1)];
        assert_eq!(of_one, expected.map(|(link, seq)| (link.into(), seq)));
        let kept: Vec<_> = rows(&marks).into_iter().map(|row| row.sender).collect();
        assert_eq!(kept, ["one.1", "one.2", "other.1"]);
        let both = parts(&sender(&"one.1".into(), &"a".into()));
        assert_eq!(both, Some(("one.1".into(), "a".into())));
    }
}
