//! The Mesos interface against a real driver: what goes in over HTTP, and what comes out.
//!
//! Sentences, statuses and shapes are those of a Mesos 1.11.0 master, as captured from one; where a
//! test wants something else, `control-plane/docs/mesos-conformance.md` says why.

#![allow(clippy::unwrap_used)]

mod calls;
mod lifecycle;
mod read;
mod refusals;
mod socket;
mod subscription;
mod support;
