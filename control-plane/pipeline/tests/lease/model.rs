//! A model of the store's leases, and replicas that beat and do what they decided.

use std::collections::BTreeMap;

use insula_pipeline::lease::{Balancer, Decision, Mine};
use insula_types::membership::{LeaseRow, Membership, ReplicaRow, ReplicaState};
use insula_types::{Epoch, PartitionId, ReplicaId, Span, Time};

pub(crate) const TTL: Span = Span::from_secs(5);
pub(crate) const BEAT: Span = Span::from_millis(1_500);

#[derive(Debug, Clone)]
struct Lease {
    owner: Option<usize>,
    epoch: u64,
    expires: Time,
}

#[derive(Debug)]
struct Replica {
    balancer: Balancer,
    mine: Mine,
    state: ReplicaState,
    alive: bool,
    seen: Option<Time>,
}

/// Time, the store and everyone who uses it.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) now: Time,
    pub(crate) partitions: u16,
    pub(crate) away_until: Time,
    /// So many partitions, the first ones, have cells.
    pub(crate) with_cells: u16,
    leases: BTreeMap<u16, Lease>,
    replicas: Vec<Replica>,
    /// Partitions given away so far, and claims that the store refused.
    pub(crate) given: usize,
    pub(crate) refused: usize,
}

fn id(number: usize) -> ReplicaId {
    ReplicaId::from(format!("replica-{number:02}"))
}

impl Model {
    pub(crate) fn new(partitions: u16, replicas: usize) -> Self {
        let mut model = Self {
            now: Time(1_000_000_000),
            partitions,
            away_until: Time(0),
            with_cells: partitions,
            leases: BTreeMap::new(),
            replicas: Vec::new(),
            given: 0,
            refused: 0,
        };
        for _ in 0..replicas {
            model.join();
        }
        model
    }

    pub(crate) fn join(&mut self) -> usize {
        let number = self.replicas.len();
        self.replicas.push(Replica {
            balancer: Balancer::new(id(number), TTL),
            mine: Mine::default(),
            state: ReplicaState::Ready,
            alive: true,
            seen: None,
        });
        number
    }

    pub(crate) fn die(&mut self, number: usize) {
        self.replicas[number].alive = false;
        self.replicas[number].mine = Mine::default();
    }

    pub(crate) fn set_state(&mut self, number: usize, state: ReplicaState) {
        self.replicas[number].state = state;
    }

    pub(crate) fn alive(&self) -> Vec<usize> {
        let replicas = 0..self.replicas.len();
        replicas
            .filter(|number| self.replicas[*number].alive)
            .collect()
    }

    pub(crate) fn ready(&self) -> Vec<usize> {
        let ready = |number: &usize| self.replicas[*number].state == ReplicaState::Ready;
        self.alive().into_iter().filter(ready).collect()
    }

    pub(crate) fn held(&self, number: usize) -> usize {
        self.replicas[number].mine.held.len()
    }

    pub(crate) fn held_by_all(&self) -> usize {
        self.alive()
            .into_iter()
            .map(|number| self.held(number))
            .sum()
    }

    /// How many partitions each ready replica has, sorted.
    pub(crate) fn counts(&self) -> Vec<usize> {
        let mut counts: Vec<usize> = self
            .ready()
            .iter()
            .map(|number| self.held(*number))
            .collect();
        counts.sort_unstable();
        counts
    }

    /// How many of those with cells each ready replica has, sorted.
    pub(crate) fn counts_with_cells(&self) -> Vec<usize> {
        let of = |number: usize| {
            let held = self.replicas[number].mine.held.iter();
            held.filter(|partition| partition.0 < self.with_cells)
                .count()
        };
        let mut counts: Vec<usize> = self.ready().into_iter().map(of).collect();
        counts.sort_unstable();
        counts
    }

    pub(crate) fn is_balanced(&self) -> bool {
        let counts = self.counts();
        let spread = counts
            .last()
            .zip(counts.first())
            .map_or(0, |(most, least)| most - least);
        spread <= 1 && counts.iter().sum::<usize>() == usize::from(self.partitions)
    }

    /// Time passes and everyone beats once, in this order.
    pub(crate) fn round(&mut self, order: &[usize]) {
        for number in order {
            self.beat(*number);
        }
        self.now = self.now + BEAT;
    }

    pub(crate) fn rounds(&mut self, count: usize) {
        for _ in 0..count {
            let alive = self.alive();
            self.round(&alive);
        }
    }

    /// A beat, and what was decided after it.
    pub(crate) fn beat(&mut self, number: usize) -> Vec<Decision> {
        if self.now < self.away_until || !self.replicas[number].alive {
            return Vec::new();
        }
        self.renew(number);
        let found = self.membership();
        let (now, with_cells) = (self.now, self.with_cells);
        let replica = &mut self.replicas[number];
        let held = replica.mine.held.iter().copied();
        replica.mine.empty = held.filter(|partition| partition.0 >= with_cells).collect();
        let decided = replica.balancer.decide(now, &found, &replica.mine);
        for decision in &decided {
            match decision {
                Decision::Claim(partition) => self.claim(number, *partition, &found),
                Decision::Give(partition) => self.give(number, *partition),
            }
        }
        decided
    }

    fn renew(&mut self, number: usize) {
        self.replicas[number].seen = Some(self.now);
        let held = self.replicas[number].mine.held.clone();
        for partition in held {
            let lease = self.leases.get_mut(&partition.0).unwrap();
            if lease.owner == Some(number) {
                lease.expires = self.now + TTL;
            } else {
                self.replicas[number].mine.held.remove(&partition);
            }
        }
    }

    fn claim(&mut self, number: usize, partition: PartitionId, found: &Membership) {
        let seen = found.lease(partition);
        let of_another = seen.filter(|lease| lease.live && lease.replica != Some(id(number)));
        assert_eq!(of_another, None, "a live lease is never claimed");
        assert!(!self.replicas[number].mine.held.contains(&partition));
        let lease = self.leases.get(&partition.0);
        if lease.is_some_and(|lease| {
            lease.owner.is_some() && lease.owner != Some(number) && self.now < lease.expires
        }) {
            self.refused += 1;
            return;
        }
        let epoch = lease.map_or(0, |lease| lease.epoch) + 1;
        let lease = Lease {
            owner: Some(number),
            epoch,
            expires: self.now + TTL,
        };
        self.leases.insert(partition.0, lease);
        self.replicas[number].mine.held.insert(partition);
        self.nobody_else_is_alive_and_holds(number, partition);
    }

    /// A replica that was not heard for a time to live believes in nothing any more.
    fn nobody_else_is_alive_and_holds(&mut self, number: usize, partition: PartitionId) {
        for (other, replica) in self.replicas.iter_mut().enumerate() {
            if other == number || !replica.mine.held.contains(&partition) {
                continue;
            }
            let silent = replica.seen.is_none_or(|seen| self.now.since(seen) >= TTL);
            assert!(silent, "only owners give");
            replica.mine.held.remove(&partition);
        }
    }

    fn give(&mut self, number: usize, partition: PartitionId) {
        assert!(self.replicas[number].mine.held.remove(&partition));
        let lease = self.leases.get_mut(&partition.0).unwrap();
        lease.owner = None;
        lease.expires = self.now;
        self.given += 1;
    }

    fn membership(&self) -> Membership {
        let replicas = self.replicas.iter().enumerate();
        let replicas = replicas.filter_map(|(number, replica)| {
            let seen_at = replica.seen?;
            Some(ReplicaRow {
                replica: id(number),
                advertise: String::new(),
                version: String::new(),
                state: replica.state,
                started_at: seen_at,
                seen_at,
                live: self.now.since(seen_at) < TTL,
            })
        });
        let leases = self.leases.iter().map(|(partition, lease)| LeaseRow {
            partition: PartitionId(*partition),
            epoch: Epoch(lease.epoch),
            replica: lease.owner.map(id),
            expires_at: lease.expires,
            live: lease.owner.is_some() && self.now < lease.expires,
        });
        Membership {
            now: self.now,
            partitions: self.partitions,
            replicas: replicas.collect(),
            leases: leases.collect(),
            held: Vec::new(),
        }
    }
}
