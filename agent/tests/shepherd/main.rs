//! The shepherd with real processes, and control groups where the machine has them.
//!
//! Each test has a shepherd of its own, in a directory and a control group of its own. The shepherd is this test
//! program again, asked to run only the test `role::shepherd`, which becomes one.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod agent;
mod role;

mod ends;
mod limits;
mod lives;
mod once;
mod wire;
