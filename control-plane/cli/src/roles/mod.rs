//! What `insula` becomes when it starts itself: processes that outlive or confine something.
//!
//! Their command lines are written by the agent, not by people, so they are hidden from the help.

pub(crate) mod shepherd;
pub(crate) mod wasm_compiler;
pub(crate) mod wasm_executor;
