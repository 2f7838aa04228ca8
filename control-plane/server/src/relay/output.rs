//! A task's output on its way to a reader.

use bytes::Bytes;
use insula_types::AgentId;
use tokio::sync::{mpsc, oneshot};

use super::{CHUNKS_MAX, Failure};

/// The reader's end. Dropping it ends the agent's call.
#[derive(Debug)]
pub struct Output {
    agent: AgentId,
    chunks: mpsc::Receiver<Bytes>,
    /// Gone once it was answered.
    whole: Option<oneshot::Receiver<()>>,
}

/// The agent's end.
#[derive(Debug)]
pub struct Sink {
    chunks: mpsc::Sender<Bytes>,
    whole: oneshot::Sender<()>,
}

pub(super) fn channel(agent: AgentId) -> (Sink, Output) {
    let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
    let (finish, whole) = oneshot::channel();
    let sink = Sink {
        chunks: sender,
        whole: finish,
    };
    let whole = Some(whole);
    let output = Output {
        agent,
        chunks,
        whole,
    };
    (sink, output)
}

impl Output {
    /// The next chunk; nothing at the end. Cancel-safe.
    ///
    /// # Errors
    /// [`Failure::BrokenOff`] if the agent's call ended before the output did; once.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if let Some(chunk) = self.chunks.recv().await {
            return Ok(Some(chunk));
        }
        let Some(whole) = &mut self.whole else {
            return Ok(None);
        };
        let is_whole = whole.await.is_ok();
        self.whole = None;
        if is_whole {
            return Ok(None);
        }
        Err(Failure::BrokenOff(self.agent.clone()))
    }
}

impl Sink {
    /// Hands on a chunk; waits while the reader is behind. Whether anybody still reads.
    pub async fn send(&self, chunk: Bytes) -> bool {
        self.chunks.send(chunk).await.is_ok()
    }

    /// Completes when nobody reads any more.
    pub async fn closed(&self) {
        self.chunks.closed().await;
    }

    /// Says that this was all of it.
    pub fn finish(self) {
        // Somebody who has stopped reading does not care.
        let _ = self.whole.send(());
    }
}
