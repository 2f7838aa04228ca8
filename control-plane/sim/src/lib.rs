//! A whole control plane with its cells in one thread, in simulated time, with everything going wrong
//! that can.
//!
//! What is real: the kernel, the commit pipeline, the decisions about leases and the agent core, the very
//! code that runs in production. What is modelled: the network, the store, the broker and the links over
//! it, the agents' disks and processes, frameworks, people. Everything random comes from one seed, so a
//! run that failed once fails again.
//!
//! One replica or three own the partitions of one to three cells. Half of the seeds with one replica have
//! a store that is locked by its process, as SQLite is; all others have leases, epochs and fences. A
//! client dials any replica; what it says reaches the owner of its cell in the same process, or over a
//! link.
//!
//! A run has two phases. In the first, faults happen: connections break or go silent, machines reboot,
//! agents crash with half a journal; replicas crash, drain, stand still in the middle of a transaction, or
//! cannot renew their leases and work on; commits fail, are refused, or nobody knows; the database is
//! away, its clock jumps; the broker is away, comes back empty, or without what was written last. After
//! each step the rules in `check` must hold (safety). Then faults stop and everything is connected again;
//! within bounded simulated time every task must have ended and be known to have ended, and all resources
//! must be free (progress).
//!
//! Nothing here has a wall clock but the database. A replica has one of its own that only runs on, each
//! with another offset, so that two of them compared would be noticed.
//!
//! What it cannot find: faults of the real store and broker, of gRPC and HTTP, of executors. Those have
//! contract and whole-system tests.
//!
//! How to read the crate:
//! - `world` is the queue of events and who gets which; `fault` decides what goes wrong; `options` are
//!   drawn from the seed.
//! - `replica` is a process: its keeper renews leases and decides with the pipeline's balancer. `driver`
//!   owns a partition: kernels and pipeline, driven as the server does. `gateway` has the clients'
//!   connections and the paths to owners; `link` and `broker` are between them.
//! - `machine` drives the agent core as the daemon does; `network`, `store` and `disk` are the models
//!   between; `framework` and `submitter` are the clients.
//! - `check` has one file per subject; `quiesce` is the second phase.
//!
//! ```text
//! cargo run --release -p insula-sim -- --seeds 10000
//! cargo run --release -p insula-sim -- --seed 4711 --replicas 3
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
