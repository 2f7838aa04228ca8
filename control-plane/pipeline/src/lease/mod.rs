//! Which replica owns which partition, decided by each replica for itself from what a beat found
//! (rules R9, R10).
//!
//! The store alone makes it true: it grants a lease only while no other lives, by its own clock. What is
//! decided here only needs to be sensible: every partition is owned soon, replicas own equally many, and
//! as few partitions move as possible.
//!
//! - A live lease is never claimed; only owners give.
//! - Each ready replica has a *target*: its even share, with what is left over going to those that have
//!   most already. Whoever has more than its target gives, whoever has less claims; so a partition moves
//!   only if it has to, and no partition moves twice.
//! - Moves wait until who is there has not changed for two times to live, and each replica makes at most
//!   one per second: one partition with cells, or up to 32 without, which nobody notices. A replica that
//!   drains gives everything at once.
//! - What nobody owns is divided by the same rule by everyone, so that two replicas seldom race for
//!   it. If it is still free after a time to live, whoever sees it takes it.
//! - After the store was away, as long as a time to live, all leases look expired although their owners
//!   are alive. Nobody claims expired leases until their owners have had that time to renew them. The
//!   same holds for a replica that has just started and cannot know.

mod balance;
mod share;
mod tenure;

pub use balance::{Balancer, Decision, Mine};
pub use tenure::Tenure;
