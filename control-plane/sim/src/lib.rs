//! A whole cell in one thread, in simulated time, with everything going wrong that can.
//!
//! What is real: the kernel, the commit pipeline and the agent core, the very code that runs in
//! production. What is modelled: the network, the store, the agents' disks and processes, frameworks,
//! people. Everything random comes from one seed, so a run that failed once fails again.
//!
//! A run has two phases. In the first, faults happen: connections break or go silent, machines
//! reboot, agents crash with half a journal, owners crash, are paused and superseded, commits fail or
//! nobody knows. After each step the rules in `check` must hold (safety). Then faults stop and everything
//! is connected again; within bounded simulated time every task must have ended and be known to have
//! ended, and all resources must be free (progress).
//!
//! What it cannot find: faults of the real store, of gRPC and HTTP, of executors. Those have contract
//! and whole-system tests.
//!
//! How to read the crate:
//! - `world` is the queue of events and who gets which; `fault` decides what goes wrong; `options` are
//!   drawn from the seed.
//! - `owner` drives kernel and pipeline as the server does, `machine` drives the agent core as the daemon
//!   does; `network`, `store` and `disk` are the models between them; `framework` and `submitter` are the
//!   clients.
//! - `check` has one file per subject; `quiesce` is the second phase.
//!
//! ```text
//! cargo run --release -p insula-sim -- --seeds 10000
//! cargo run --release -p insula-sim -- --seed 4711
//! ```

mod broker;
mod check;
mod context;
mod disk;
mod driver;
mod event;
mod fault;
mod framework;
mod gateway;
mod history;
mod link;
mod machine;
mod network;
mod options;
mod pause;
mod quiesce;
mod replica;
mod rng;
mod run;
mod store;
mod submitter;
mod wire;
mod world;

pub use check::Violation;
pub use history::History;
pub use run::{Outcome, Plan, STEPS, run};
