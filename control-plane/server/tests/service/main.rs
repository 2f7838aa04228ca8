//! A whole control plane, as those see it who call it: people and programs over HTTP, agents over
//! gRPC and TLS, and strangers with bytes that mean nothing.

#![allow(clippy::unwrap_used)]

mod enrollment;
mod front;
mod held;
mod input;
mod lists;
mod metrics;
mod modules;
mod output;
mod refusals;
mod requests;
mod sessions;
mod stop;
mod support;
mod tasks;
