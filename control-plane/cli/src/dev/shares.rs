//! Splits the machine between agents.

use insula_types::Resources;
use insula_types::resources::{Range, Ranges};

/// Equal and disjoint shares: scalars are divided, the numbers of ranges and the items of sets are
/// dealt out. What does not divide evenly goes to the first ones. Without agents there are none.
pub(super) fn shares(total: &Resources, agents: usize) -> Vec<Resources> {
    let mut shares = vec![Resources::new(); agents];
    if agents == 0 {
        return shares;
    }
    for (name, millis) in total.named_scalars() {
        let (each, rest) = (millis / agents as u64, millis % agents as u64);
        for (share, index) in shares.iter_mut().zip(0_u64..) {
            share.add_scalar(name, each + u64::from(index < rest));
        }
    }
    for (name, ranges) in total.ranges() {
        for (share, part) in shares.iter_mut().zip(split(ranges, agents as u64)) {
            share.add_ranges(name, &part);
        }
    }
    for (name, items) in total.sets() {
        for (index, item) in items.iter().enumerate() {
            shares[index % agents].add_items(name, [item.clone()]);
        }
    }
    shares
}

/// Cuts ranges into `parts` of equal size, one after the other.
fn split(ranges: &Ranges, parts: u64) -> Vec<Ranges> {
    let (each, rest) = (ranges.len() / parts, ranges.len() % parts);
    let mut left: Vec<Range> = ranges.iter().collect();
    left.reverse();
    let take = |wanted: u64, left: &mut Vec<Range>| {
        let mut part = Vec::new();
        let mut wanted = wanted;
        while wanted > 0
            && let Some(range) = left.pop()
        {
            let last = range.end.min(range.begin.saturating_add(wanted - 1));
            wanted -= last - range.begin + 1;
            part.push(Range {
                begin: range.begin,
                end: last,
            });
            if last < range.end {
                left.push(Range {
                    begin: last + 1,
                    end: range.end,
                });
            }
        }
        Ranges::new(part)
    };
    (0..parts)
        .map(|index| take(each + u64::from(index < rest), &mut left))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shares_are_equal_disjoint_and_complete() {
        let total: Resources = "cpus:4;mem:1000.001;licences:2;ports:[1-4,10-15];zone:{a,b,c}"
            .parse()
            .unwrap();
        let shares = shares(&total, 3);
        let texts: Vec<String> = shares.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "cpus:1.334;mem:333.334;licences:0.667;ports:[1-4];zone:{a}",
                "cpus:1.333;mem:333.334;licences:0.667;ports:[10-12];zone:{b}",
                "cpus:1.333;mem:333.333;licences:0.666;ports:[13-15];zone:{c}",
            ]
        );
        assert_eq!(Resources::sum(&shares), total);
    }

    #[test]
    fn without_agents_there_is_nothing_to_share() {
        let total: Resources = "cpus:2;ports:[1-2];zone:{a}".parse().unwrap();
        assert_eq!(shares(&total, 0), []);
    }

    #[test]
    fn one_agent_gets_everything() {
        let total: Resources = "cpus:2;ports:[31000-32000]".parse().unwrap();
        assert_eq!(shares(&total, 1), [total]);
    }
}
