//! Input on its way to a task.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::{CHUNKS_MAX, Failure};

/// The feeder's end. Dropping it gives the input up; [`Self::finish`] ends it.
#[derive(Debug)]
pub struct Input {
    chunks: mpsc::Sender<Bytes>,
    whole: oneshot::Sender<()>,
    taken: oneshot::Receiver<()>,
}

/// The agent's end.
#[derive(Debug)]
pub struct Source {
    chunks: mpsc::Receiver<Bytes>,
    whole: oneshot::Receiver<()>,
    taken: Option<oneshot::Sender<()>>,
}

/// Whoever fed the task went away before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("whoever fed the task went away before the end of the input")]
pub struct GivenUp;

pub(super) fn channel() -> (Input, Source) {
    let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
    let (finish, whole) = oneshot::channel();
    let (done, taken) = oneshot::channel();
    let input = Input {
        chunks: sender,
        whole: finish,
        taken,
    };
    let taken = Some(done);
    let source = Source {
        chunks,
        whole,
        taken,
    };
    (input, source)
}

impl Input {
    /// Hands over a chunk; waits while the task is behind. Whether the task still takes input.
    pub async fn send(&self, chunk: Bytes) -> bool {
        self.chunks.send(chunk).await.is_ok()
    }

    /// Says that there is no more, and waits until the agent's connection has taken all of it.
    ///
    /// # Errors
    /// [`Failure::Refused`] if the agent stopped taking it before.
    pub async fn finish(self) -> Result<(), Failure> {
        // Before the channel ends, or its end would look like giving up.
        let _ = self.whole.send(());
        drop(self.chunks);
        self.taken.await.map_err(|_| {
            Failure::Refused("the task ended before it had read all of its input".to_owned())
        })
    }
}

impl Source {
    /// The next chunk; nothing at the end, which tells the feeder that all before was taken.
    ///
    /// # Errors
    /// [`GivenUp`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, GivenUp> {
        if let Some(chunk) = self.chunks.recv().await {
            return Ok(Some(chunk));
        }
        let Some(taken) = self.taken.take() else {
            return Ok(None);
        };
        if self.whole.try_recv().is_err() {
            return Err(GivenUp);
        }
        // The feeder may have gone away after its last word.
        let _ = taken.send(());
        Ok(None)
    }
}
