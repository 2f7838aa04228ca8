//! The trace of a task is whole, whatever the task and whatever happens to the replicas: three
//! replicas and three agents export to a receiver of OTLP, and what they export is judged.
//!
//! What is checked: every hop that a task takes has its span, of the service that it was made by;
//! all of a task's spans hang from its first one, and that one from the caller's; no span at all has a
//! parent that nobody sent; commits and tasks point to each other; what is said of one cell names
//! nothing of another.
//!
//! Without Postgres or Redis the tests are skipped, and say so.

#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "what was skipped is what these tests have to say, and a test may end by a panic"
)]

mod caller;
mod failover;
mod hops;
mod support;
mod traffic;
mod whole;
