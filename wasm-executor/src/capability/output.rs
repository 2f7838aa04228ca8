//! A guest's stdout and stderr: two files that share one limit.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::FileError;

/// The most a guest writes in one call; it also bounds what the host copies at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// Both output files of one task.
pub(crate) struct Output {
    stdout: Stream,
    stderr: Stream,
}

impl Output {
    /// Opens `stdout` and `stderr` in the sandbox for appending, together `limit` bytes at most.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub(crate) fn open(sandbox: &Path, limit: u64) -> Result<Self, FileError> {
        let budget = Arc::new(Budget {
            limit,
            left: AtomicU64::new(limit),
            exceeded: AtomicBool::new(false),
        });
        let open = |name: &str| {
            let path = sandbox.join(name);
            let file = fs::OpenOptions::new().append(true).create(true).open(&path);
            file.map_err(FileError::new("open the output file", path))
                .map(|file| Stream {
                    file: Arc::new(file),
                    budget: Arc::clone(&budget),
                })
        };
        Ok(Self {
            stdout: open("stdout")?,
            stderr: open("stderr")?,
        })
    }

    pub(super) fn stdout(&self) -> Stream {
        self.stdout.clone()
    }

    pub(super) fn stderr(&self) -> Stream {
        self.stderr.clone()
    }

    /// Ends the output: if any was refused, stderr gets a last line that says so, beyond the limit.
    pub(crate) fn finish(&self) {
        let budget = &self.stderr.budget;
        if !budget.exceeded.load(Ordering::Relaxed) {
            return;
        }
        let noted = writeln!(
            &*self.stderr.file,
            "\ninsula: the limit of {} bytes of output is reached; what followed was refused",
            budget.limit
        );
        if let Err(error) = noted {
            tracing::warn!(%error, "cannot note in stderr that the output limit is reached");
        }
    }
}

struct Budget {
    limit: u64,
    left: AtomicU64,
    exceeded: AtomicBool,
}

impl Budget {
    /// Takes up to `wanted` bytes; fewer only once, when the budget ends.
    fn take(&self, wanted: usize) -> usize {
        let before = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some(left.saturating_sub(wanted as u64))
            })
            .unwrap_or_else(|left| left);
        let granted = wanted.min(usize::try_from(before).unwrap_or(usize::MAX));
        if granted < wanted {
            self.exceeded.store(true, Ordering::Relaxed);
        }
        granted
    }
}

/// One of the two files. Writes go to the page cache at once, without a hop to another thread: they
/// are short, and the hop would cost more than the write.
#[derive(Clone)]
pub(super) struct Stream {
    file: Arc<File>,
    budget: Arc<Budget>,
}

impl Stream {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let granted = self.budget.take(bytes.len());
        (&*self.file).write_all(&bytes[..granted])?;
        if granted < bytes.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(())
    }
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes)
            .map_err(|error| StreamError::LastOperationFailed(error.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK_BYTES)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.append(bytes).map(|()| bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
