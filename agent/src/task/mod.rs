//! What native and wasm tasks have in common: their description, environment and sandbox.

mod description;
mod environment;
pub(crate) mod gc;
mod live;
mod sandbox;
mod stdin;

pub(crate) use description::{description, plan, unsupported};
pub(crate) use environment::environment;
pub(crate) use live::Live;
pub(crate) use sandbox::Sandbox;
pub(crate) use stdin::Stdins;
