//! A seed that failed once fails again: the same seed has the same history.

use insula_sim::{Outcome, Plan, run};

fn short(seed: u64, keep_history: bool) -> Outcome {
    run(Plan {
        seed,
        steps: 2_000,
        replicas: None,
        keep_history,
    })
}

#[test]
fn the_same_seed_has_the_same_history() {
    for seed in 0..5 {
        let (first, again) = (short(seed, false), short(seed, false));
        assert_eq!(first.history.hash(), again.history.hash(), "seed {seed}");
        assert_eq!(first.events, again.events, "seed {seed}");
    }
}

#[test]
fn a_replay_that_keeps_its_history_is_the_same_run() {
    let (seen, replayed) = (short(3, false), short(3, true));
    assert!(seen.history.lines().is_empty());
    assert!(!replayed.history.lines().is_empty());
    assert_eq!(seen.history.hash(), replayed.history.hash());
}

#[test]
fn other_seeds_have_other_histories() {
    assert_ne!(
        short(1, false).history.hash(),
        short(2, false).history.hash()
    );
}

#[test]
fn runs_are_not_idle() {
    let runs: Vec<Outcome> = (0..10).map(|seed| short(seed, false)).collect();
    assert!(runs.iter().map(|run| run.starts).sum::<usize>() > 100);
    assert!(runs.iter().map(|run| run.commits).sum::<u64>() > 1_000);
    assert!(runs.iter().any(|run| run.owners > 1));
}
