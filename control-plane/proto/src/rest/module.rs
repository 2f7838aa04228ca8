//! Uploaded Wasm modules.

use serde::{Deserialize, Serialize};

/// What kind of Wasm a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModuleKind {
    /// A core module of WASI preview 1.
    Core,
    /// A component, a WASI 0.2 command.
    Component,
}

/// An uploaded module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Module {
    /// The content address `sha256:…`.
    pub digest: String,
    /// The name it was uploaded under last; may be empty.
    pub name: String,
    /// Its kind.
    pub kind: ModuleKind,
    /// Bytes.
    pub size: u64,
    /// When it was uploaded first, microseconds since the unix epoch.
    pub uploaded_at: u64,
    /// Whether it was there already when it was uploaded now.
    #[serde(default)]
    pub existed: bool,
}
