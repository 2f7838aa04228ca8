//! Everything that can be killed, frozen, cut off, emptied or put back is; the system recovers by
//! itself, and nobody has seen anything that must not happen.
//!
//! Each case prints `recovery: CASE N ms`: the time from the fault, or from its end where the case
//! says so, until a task runs that was launched after it. Tests take turns, also under plain
//! `cargo test`. Without Postgres or Redis they are skipped, and say so.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the times of recovery and what was skipped are what these tests have to say"
)]

mod cells;
mod clocks;
mod harness;
mod network;
mod processes;
mod rollback;
mod rolling;
mod services;
mod support;
