//! Uploaded Wasm modules are checked here; the store keeps them.

mod inspect;

pub use inspect::{BadModule, inspect};

/// Largest module, in bytes: a Python interpreter as a component has some 20 MB.
pub const MODULE_BYTES_MAX: usize = 64 << 20;
