//! This process as one of several replicas: which partitions it owns, and which others do.
//!
//! [`Replica::start`] announces the replica; [`Replica::begin`] lets it take partitions;
//! [`Replica::drain`] gives them all away and leaves. Dropping it is a crash: others take over after a
//! lease.
//!
//! - `keeper.rs` beats: on a thread and a database connection of its own it says that the replica
//!   lives, renews the leases of drivers that make progress, and reads who is there (rule R9).
//! - `manager.rs` asks [`insula_pipeline::lease::Balancer`] after each beat what to claim and what to
//!   give (rule R10), and runs a tenancy for each partition.
//! - `tenancy.rs` claims one partition, has a [`crate::partition::Driver`] serve it, and hands it over
//!   in order: flush, end of sessions, end of the lease, a word to the others (`announce.rs`).
//! - [`Owners`] is what gateways look at: who owns a partition, here or elsewhere. Announcements make
//!   it right within milliseconds; the next beat does in any case.

mod announce;
mod keeper;
mod manager;
mod owners;
mod start;
mod table;
mod tenancy;

pub use keeper::KeeperError;
pub use owners::{Owner, Owners};
pub use start::{NotDrained, Parts, Ready, Replica, StartError};
