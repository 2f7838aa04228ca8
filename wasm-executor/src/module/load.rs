//! The one place that turns a file into executable code.

use std::path::Path;

use wasmtime::component::Component;
use wasmtime::{Engine, Module, Precompiled};

/// Code that is mapped and can be linked.
pub(crate) enum Loaded {
    /// A core module.
    Core(Module),
    /// A component.
    Component(Component),
}

impl Loaded {
    /// Memories and tables that one instance needs. `None` where a component gets modules from its
    /// host, which no command does.
    pub(crate) fn needs(&self) -> Option<wasmtime::ResourcesRequired> {
        match self {
            Self::Core(module) => Some(module.resources_required()),
            Self::Component(component) => component.resources_required(),
        }
    }
}

/// Maps an artifact that this machine's compiler process wrote.
///
/// # Errors
/// When the file cannot be read, is no artifact, or was made for an engine that is not compatible.
#[allow(unsafe_code)]
pub(crate) fn load(engine: &Engine, artifact: &Path) -> wasmtime::Result<Loaded> {
    match Engine::detect_precompiled_file(artifact)? {
        // SAFETY: artifacts are machine code and are trusted as such. They come from the cache
        // folder only (the executor checks), in which nobody but the agent's compiler process
        // writes, and which appear under their names only when they are complete and synced. Both
        // callers keep to this: the compiler loads what it has just made.
        Some(Precompiled::Module) => {
            unsafe { Module::deserialize_file(engine, artifact) }.map(Loaded::Core)
        }
        // SAFETY: as above.
        Some(Precompiled::Component) => {
            unsafe { Component::deserialize_file(engine, artifact) }.map(Loaded::Component)
        }
        None => Err(wasmtime::Error::msg("the file is not a compiled module")),
    }
}
