//! Two replicas of a service, as those see them who call the wrong one: people and programs over
//! HTTPS, frameworks, agents, and outsiders who pretend to be a replica.
//!
//! They need Postgres and Redis; `infra/dev-services run -- cargo test` starts both.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod agents;
mod bytes;
mod cells;
mod credentials;
#[allow(
    dead_code,
    reason = "shared with the tests of the owner, which use all of it"
)]
#[path = "../replicas/database.rs"]
mod database;
mod frameworks;
mod lists;
mod metrics;
mod moves;
mod support;
