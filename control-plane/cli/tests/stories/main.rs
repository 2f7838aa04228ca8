//! What people do with `insula`, from the command line to the process and back, through the real
//! binary: each test has a control plane, agents and a directory of its own.
//!
//! When a test is over, nothing of it is left: no process, no control group, no file.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic)]

mod agents;
mod cluster;
mod crash;
#[allow(dead_code, reason = "shared with tests that use all of it")]
#[path = "../../../server/tests/replicas/database.rs"]
mod database;
mod demo;
mod detached;
mod interrupts;
mod modules;
mod refusals;
mod replicas;
mod run;
mod server;
mod stalls;
mod start;
mod support;
mod trace;
mod wasm;
