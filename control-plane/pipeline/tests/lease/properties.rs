//! Whatever happens, in whatever order.

use insula_types::Span;
use insula_types::membership::ReplicaState;
use proptest::prelude::*;

use crate::model::Model;

/// What may happen between two rounds of beats.
#[derive(Debug, Clone)]
enum Happening {
    Join,
    Die(usize),
    Drain(usize),
    Away(u64),
    Quiet(usize),
    /// Only one replica beats for a while.
    Alone(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        Just(Happening::Join),
        any::<usize>().prop_map(Happening::Die),
        any::<usize>().prop_map(Happening::Drain),
        (1_u64..30).prop_map(Happening::Away),
        (1_usize..20).prop_map(Happening::Quiet),
        any::<usize>().prop_map(Happening::Alone),
    ]
}

fn happen(model: &mut Model, what: &Happening) {
    let alive = model.alive();
    match what {
        Happening::Join if alive.len() < 6 => {
            model.join();
        }
        // Somebody ready is always left.
        Happening::Die(which) => {
            let victim = alive[which % alive.len()];
            if model.ready() != [victim] {
                model.die(victim);
            }
        }
        Happening::Drain(which) => {
            let ready = model.ready();
            if ready.len() > 1 {
                model.set_state(ready[which % ready.len()], ReplicaState::Draining);
            }
        }
        Happening::Away(secs) => model.away_until = model.now + Span::from_secs(*secs),
        Happening::Quiet(rounds) => model.rounds(*rounds),
        Happening::Alone(which) => {
            for _ in 0..5 {
                model.round(&[alive[which % alive.len()]]);
            }
        }
        Happening::Join => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The model asserts at every claim that nobody else's live lease is taken. Once it is quiet, all
    /// partitions are owned, evenly, and nothing moves any more.
    #[test]
    fn it_converges_and_nobody_takes_what_is_anothers(
        (partitions, with_cells) in (1_u16..40, 0_u16..40),
        replicas in 1_usize..5,
        happenings in prop::collection::vec(happening(), 0..20),
    ) {
        let mut model = Model::new(partitions, replicas);
        model.with_cells = with_cells;
        for what in &happenings {
            model.rounds(1);
            happen(&mut model, what);
        }
        model.rounds(40 + usize::from(partitions));
        prop_assert!(model.is_balanced(), "{:?} of {partitions}", model.counts());
        prop_assert_eq!(model.held_by_all(), usize::from(partitions));
        let given = model.given;
        model.rounds(40);
        prop_assert_eq!(model.given, given);
    }

    /// From any distribution no more partitions move than have to: as many as the replicas have beyond
    /// their even shares.
    #[test]
    fn as_few_move_as_possible(
        (partitions, with_cells) in (1_u16..40, 0_u16..40),
        (before, joining) in (1_usize..4, 1_usize..4),
    ) {
        let mut model = Model::new(partitions, before);
        model.with_cells = with_cells;
        model.rounds(100);
        let given = model.given;
        let counts = model.counts();
        for _ in 0..joining {
            model.join();
        }
        model.rounds(100);
        prop_assert!(model.is_balanced());
        let (all, after) = (usize::from(partitions), before + joining);
        let (each, left) = (all / after, all % after);
        // The fullest keep one more.
        let kept = counts.iter().rev().enumerate();
        let needed: usize = kept
            .map(|(place, count)| count.saturating_sub(each + usize::from(place < left)))
            .sum();
        prop_assert_eq!(model.given - given, needed);
    }
}
