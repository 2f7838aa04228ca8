//! Replicas that share partitions out among themselves, against a model of the store.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod model;
mod properties;
mod stories;
