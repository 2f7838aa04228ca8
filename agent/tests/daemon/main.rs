//! A whole agent with a real shepherd and real processes, against a control plane that the test
//! plays itself: enrollment, sessions, launches, output, input, restarts.
//!
//! The shepherd is this test program again, asked to run only the test `role::shepherd`, which
//! becomes one.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod cluster;
mod joining;
mod machine;
mod restarts;
mod role;
mod service;
mod tasks;
mod traces;
mod wasm;
