//! The driver of a partition, with real kernels and a real store.
#![allow(clippy::unwrap_used)]

mod cells;
mod commits;
mod support;
