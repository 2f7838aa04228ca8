//! Two hundred seeds run with the ordinary tests, in parts, so that they run side by side.
//!
//! A failure names its seed and how to replay it.

use insula_sim::{Plan, STEPS, run};

/// How many seeds each part runs.
const PART: u64 = 25;

fn seeds_of_part(part: u64) {
    for seed in part * PART..(part + 1) * PART {
        let outcome = run(Plan {
            seed,
            steps: STEPS,
            replicas: None,
            keep_history: false,
        });
        if let Some(violation) = outcome.violation {
            panic!(
                "seed {seed}: {violation}\nreplay: cargo run --release -p insula-sim -- --seed {seed}"
            );
        }
    }
}

#[test]
fn seeds_0_to_24() {
    seeds_of_part(0);
}

#[test]
fn seeds_25_to_49() {
    seeds_of_part(1);
}

#[test]
fn seeds_50_to_74() {
    seeds_of_part(2);
}

#[test]
fn seeds_75_to_99() {
    seeds_of_part(3);
}

#[test]
fn seeds_100_to_124() {
    seeds_of_part(4);
}

#[test]
fn seeds_125_to_149() {
    seeds_of_part(5);
}

#[test]
fn seeds_150_to_174() {
    seeds_of_part(6);
}

#[test]
fn seeds_175_to_199() {
    seeds_of_part(7);
}
