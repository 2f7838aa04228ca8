//! The agent: what runs on a customer's machine.
//!
//! So far it has the [`shepherd`], the process that keeps native tasks and outlives the agent's daemon.

pub mod shepherd;
