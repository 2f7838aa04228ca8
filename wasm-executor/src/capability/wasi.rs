//! WASI: arguments, environment, standard streams, clocks, random numbers and one folder.
//!
//! No network, no other folder, nothing of the machine's environment.

use std::fs;
use std::path::Path;

use wasmtime::component;
use wasmtime::{Caller, Linker};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtx, WasiView as _};

use super::{FileError, Host, Output, input};
use crate::run::Task;

/// The folder of a task's sandbox that its guest sees as `/`. It is not the sandbox itself, so that
/// a guest can neither write past the limit of its output files nor open the FIFO of its stdin.
const ROOT: &str = "fs";

const PREVIEW_1: &str = "wasi_snapshot_preview1";

/// The packages of WASI 0.2 that a command may import.
const PACKAGES: [&str; 6] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Files, streams and timers that one guest holds at a time. They are descriptors of this process,
/// which other guests need, too; as many as a native program gets by default.
const HANDLES_MAX: usize = 1_024;

/// What the functions of preview 1 that reach into a folder begin with. A module that imports none
/// of them gets no folder, which spares a small task its most expensive system calls.
const NEEDS_FILES: [&str; 3] = ["path_", "fd_prestat_", "fd_readdir"];

/// Adds WASI to both linkers.
///
/// # Errors
/// When a name is taken.
pub(crate) fn link(
    core: &mut Linker<Host>,
    component: &mut component::Linker<Host>,
) -> wasmtime::Result<()> {
    wasmtime_wasi::p1::add_to_linker_async(core, |host| &mut host.wasi)?;
    // The library refuses codes above 125, which native programs may use: an exit code of ours is
    // any number.
    core.allow_shadowing(true);
    core.func_wrap(PREVIEW_1, "proc_exit", |_: Caller<'_, Host>, code: i32| {
        Err::<(), _>(wasmtime::Error::from(I32Exit(code)))
    })?;
    core.allow_shadowing(false);
    wasmtime_wasi::p2::add_to_linker_async(component)
}

/// Whether an import of a component is one of WASI 0.2.
pub(crate) fn provides(interface: &str) -> bool {
    let known = PACKAGES
        .iter()
        .any(|package| interface.starts_with(package));
    known
        && interface
            .rsplit_once('@')
            .is_some_and(|(_, version)| version.starts_with("0.2."))
}

/// Whether a function of preview 1 reaches into a folder.
pub(crate) fn needs_files(function: &str) -> bool {
    NEEDS_FILES.iter().any(|start| function.starts_with(start))
}

/// WASI's state for one task. It needs the runtime, on which stdin is read.
///
/// # Errors
/// When the task's stdin or its folder cannot be opened.
pub(crate) fn context(
    task: &Task,
    output: &Output,
    uses_files: bool,
) -> Result<WasiP1Ctx, FileError> {
    let mut wasi = WasiCtx::builder();
    wasi.arg(&task.name)
        .args(&task.args)
        .envs(&task.environment);
    wasi.stdout(output.stdout()).stderr(output.stderr());
    if let Some(path) = &task.stdin {
        input::open(path, &mut wasi)?;
    }
    if uses_files {
        let root = task.sandbox.join(ROOT);
        create_folder(&root)?;
        wasi.preopened_dir(&root, "/", FsPerms::ReadWrite)
            .map_err(std::io::Error::other)
            .map_err(FileError::new("open the folder", root))?;
    }
    let mut context = wasi.build_p1();
    context.ctx().table.set_max_capacity(HANDLES_MAX);
    Ok(context)
}

fn create_folder(path: &Path) -> Result<(), FileError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(FileError::new("create the folder", path.to_owned())(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::provides;

    #[test]
    fn only_released_wasi_is_provided_to_components() {
        assert!(provides("wasi:cli/environment@0.2.3"));
        assert!(provides("wasi:io/streams@0.2.12"));
        assert!(!provides("wasi:cli/environment@0.3.0"));
        assert!(!provides("wasi:http/types@0.2.0"));
        assert!(!provides("acme:cli/environment@0.2.0"));
        assert!(!provides("log"));
    }
}
