//! Between the wire's messages and the words of [`insula_types`].
//!
//! What comes in is checked here, as far as one message alone can be checked, with the sentences of
//! Mesos; what goes out cannot fail. The kernel never sees a float, an unknown number or an id that
//! breaks the rules.

pub mod agent;
pub mod command;
pub mod executor;
pub mod framework;
pub mod offer;
pub mod resources;
pub mod role;
pub mod status;
pub mod task;
pub mod wasm;
