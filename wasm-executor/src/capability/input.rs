//! A guest's stdin.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use tokio::net::unix::pipe;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::cli::{AsyncStdinStream, InputFile};

use super::FileError;

/// Connects the guest's stdin to a FIFO or a file.
///
/// A FIFO is read without occupying a thread, and reading it ends when nobody holds it open for
/// writing. A file is read in place: it never makes the reader wait.
///
/// # Errors
/// When the file cannot be opened.
pub(crate) fn open(path: &Path, wasi: &mut WasiCtxBuilder) -> Result<(), FileError> {
    let failed = || FileError::new("open stdin", path.to_owned());
    if fs::metadata(path).map_err(failed())?.file_type().is_fifo() {
        let fifo = pipe::OpenOptions::new()
            .open_receiver(path)
            .map_err(failed())?;
        wasi.stdin(AsyncStdinStream::new(fifo));
    } else {
        wasi.stdin(InputFile::new(fs::File::open(path).map_err(failed())?));
    }
    Ok(())
}
