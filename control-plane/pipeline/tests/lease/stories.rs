//! Single situations, and what is decided in them.

use insula_pipeline::lease::{Decision, Tenure};
use insula_types::membership::ReplicaState;
use insula_types::{Span, Time};

use crate::model::{BEAT, Model, TTL};

/// Enough beats for leases to expire, for two times to live of quiet, and for all moves.
const LONG: usize = 100;

#[test]
fn a_tenure_ends_before_the_lease_and_is_never_shortened() {
    let margin = Span::from_secs(1);
    let mut tenure = Tenure::granted(Time(0), TTL, margin);
    assert!(tenure.holds(Time(3_999_999)));
    assert!(!tenure.holds(Time(4_000_000)));
    tenure.renew(Tenure::granted(Time(1_500_000), TTL, margin));
    assert_eq!(tenure.until(), Time(5_500_000));
    tenure.renew(Tenure::granted(Time(0), TTL, margin));
    assert_eq!(tenure.until(), Time(5_500_000));
    assert!(!Tenure::granted(Time(5), margin, TTL).holds(Time(5)));
}

#[test]
fn the_first_replica_takes_everything_at_once() {
    let mut model = Model::new(64, 1);
    assert_eq!(model.beat(0).len(), 64);
    assert_eq!(model.beat(0), []);
}

#[test]
fn replicas_that_start_together_share_without_moves() {
    let mut model = Model::new(64, 3);
    model.rounds(2);
    let first = model.counts();
    model.rounds(LONG);
    assert_eq!(model.counts(), [21, 21, 22]);
    // The first to beat was alone with what it saw.
    assert!(model.given <= 64 - 21, "{first:?}, {} moves", model.given);
}

#[test]
fn a_new_replica_gets_its_share_one_per_second_after_two_quiet_times() {
    let mut model = Model::new(8, 1);
    model.rounds(10);
    model.join();
    let began = model.now;
    while model.given == 0 {
        model.rounds(1);
    }
    assert!(model.now.since(began) >= Span(2 * TTL.0));
    let (before, at) = (model.given, model.now);
    while !model.is_balanced() {
        model.rounds(1);
    }
    let beats = model.now.since(at).0 / BEAT.0;
    assert!(model.given - before <= usize::try_from(beats).unwrap());
    assert_eq!(model.given, 4);
    model.rounds(LONG);
    assert_eq!(model.given, 4, "and then it is quiet");
}

#[test]
fn what_has_no_cells_moves_many_at_a_time() {
    let mut model = Model::new(128, 1);
    model.with_cells = 0;
    model.rounds(10);
    model.join();
    assert_eq!(moves_of(&mut model), [32, 32]);
    assert_eq!(model.counts(), [64, 64]);
}

#[test]
fn what_has_cells_moves_one_by_one_and_both_are_shared_out() {
    let mut model = Model::new(64, 1);
    model.with_cells = 20;
    model.rounds(10);
    model.join();
    assert_eq!(moves_of(&mut model), [23, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    assert_eq!(model.counts(), [32, 32]);
    assert_eq!(model.counts_with_cells(), [10, 10]);
    model.join();
    moves_of(&mut model);
    assert_eq!(model.counts(), [21, 21, 22]);
    assert_eq!(model.counts_with_cells(), [6, 7, 7]);
}

#[test]
fn what_gets_cells_meanwhile_is_moved_all_the_same() {
    let mut model = Model::new(12, 1);
    model.with_cells = 2;
    model.rounds(10);
    model.join();
    while model.given == 0 {
        model.rounds(1);
        model.with_cells = 12;
    }
    moves_of(&mut model);
    assert_eq!(model.counts(), [6, 6]);
}

/// How many partitions each move gave until all replicas had their share.
fn moves_of(model: &mut Model) -> Vec<usize> {
    let mut moves = Vec::new();
    while !model.is_balanced() {
        let before = model.given;
        model.rounds(1);
        moves.push(model.given - before);
    }
    moves.retain(|given| *given > 0);
    moves
}

#[test]
fn a_dead_replicas_partitions_are_taken_and_no_others_move() {
    let mut model = Model::new(12, 3);
    model.rounds(LONG);
    let given = model.given;
    model.die(1);
    model.rounds(6);
    assert_eq!(model.counts(), [6, 6]);
    assert_eq!((model.given, model.refused), (given, 0));
}

#[test]
fn a_draining_replica_gives_everything_and_takes_nothing() {
    let mut model = Model::new(12, 3);
    model.rounds(LONG);
    model.set_state(0, ReplicaState::Draining);
    model.rounds(2);
    assert_eq!(model.held(0), 0);
    assert_eq!(model.counts(), [6, 6]);
    model.rounds(LONG);
    assert_eq!(model.held(0), 0);
}

#[test]
fn a_starting_replica_takes_nothing() {
    let mut model = Model::new(4, 1);
    model.set_state(0, ReplicaState::Starting);
    assert_eq!(model.beat(0), []);
    model.set_state(0, ReplicaState::Ready);
    assert_eq!(model.beat(0).len(), 4);
}

#[test]
fn after_the_store_was_away_owners_keep_what_they_had() {
    let mut model = Model::new(12, 3);
    model.rounds(LONG);
    let given = model.given;
    model.away_until = model.now + Span::from_secs(60);
    model.rounds(50);
    assert!(model.now > model.away_until);
    assert_eq!((model.given, model.refused), (given, 0));
    assert_eq!(model.counts(), [4, 4, 4]);
}

#[test]
fn a_replica_that_just_started_waits_for_owners_to_renew() {
    let mut model = Model::new(4, 1);
    model.rounds(10);
    model.away_until = model.now + Span::from_secs(60);
    model.rounds(45);
    let newcomer = model.join();
    assert_eq!(
        model.beat(newcomer),
        [],
        "expired leases may still be renewed"
    );
    model.rounds(2);
    assert_eq!(model.held(0), 4);
}

#[test]
fn what_everybody_left_lying_is_taken_by_whoever_sees_it() {
    let mut model = Model::new(4, 1);
    // Another replica is alive and takes nothing of what is its part.
    let idle = model.join();
    let mut claimed = 0;
    for _ in 0..10 {
        let decided = model.beat(0);
        let claims = decided
            .iter()
            .filter(|each| matches!(each, Decision::Claim(_)));
        claimed += claims.count();
        model.now = model.now + BEAT;
    }
    assert_eq!((claimed, model.held(idle)), (4, 0));
}
