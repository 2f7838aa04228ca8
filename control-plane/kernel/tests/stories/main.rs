//! The kernel's behaviour as stories: named agents and frameworks, a clock that the test owns, and all
//! invariants checked after every step.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agents;
mod commands;
mod decisions;
mod frameworks;
mod harness;
mod late;
mod offers;
mod outages;
mod partitions;
mod reconciliation;
mod registrations;
mod requests;
mod restarts;
mod rollbacks;
mod slices;
mod successors;
mod traces;
mod updates;
mod walk;
mod why;
