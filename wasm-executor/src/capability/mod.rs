//! What a guest can reach of the world outside: one file per host interface.
//!
//! Everything is denied unless a file here grants it, and what it grants belongs to one task.

mod input;
mod output;
pub(crate) mod wasi;

use std::path::PathBuf;

use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

pub(crate) use output::Output;

use crate::limits::Limiter;

/// State of the host on behalf of one guest.
pub(crate) struct Host {
    /// WASI's state, for preview 1 and, through `WasiView`, for 0.2.
    pub(crate) wasi: WasiP1Ctx,
    /// The task's memory limit.
    pub(crate) limiter: Limiter,
}

impl Host {
    /// A host that grants nothing, not even memory: for looking at imports.
    pub(crate) fn closed() -> Self {
        Self {
            wasi: WasiCtx::builder().build_p1(),
            limiter: Limiter::new(0),
        }
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.ctx()
    }
}

/// A file of the task that could not be made or opened before its start.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}", path.display())]
pub(crate) struct FileError {
    operation: &'static str,
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

impl FileError {
    fn new(operation: &'static str, path: PathBuf) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self {
            operation,
            path,
            source,
        }
    }
}
