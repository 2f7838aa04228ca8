//! Replicas that share a database: who owns what, and what happens when one goes.
//!
//! They need Postgres; `infra/dev-services run -- cargo test` starts one. With a Redis as well the
//! links go through it, else through memory.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod database;
mod gateway;
mod lease;
mod links;
mod moves;
mod poison;
mod site;
