//! The receiving end of a stream.

use std::time::Duration;

use insula_types::LinkId;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::envelope::Envelope;
use crate::numbers::Break;
use crate::stream::Position;

/// News that may wait in a reader before it reads no more: several entries' worth. What was read and
/// is not here yet is bounded by the credit of the stream in bytes.
pub const NEWS_MAX: usize = 1_024;

/// What a reader hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The next message of a link.
    Message {
        /// Which link.
        link: LinkId,
        /// Its number there.
        seq: u64,
        /// What [`Reader::applied`] wants to be told once nobody needs it any more.
        position: Position,
        /// How long it was in the stream.
        age: Duration,
        /// The message.
        envelope: Envelope,
    },
    /// The writer lives, and everything that it sent has come.
    Beat {
        /// Which link.
        link: LinkId,
        /// The number of its last message.
        last: u64,
        /// How long the beat was in the stream: an old one confirms nothing.
        age: Duration,
    },
    /// A link is over, and nothing more comes of it.
    Broken {
        /// Which link.
        link: LinkId,
        /// Why.
        why: Break,
    },
    /// The connection or the data was lost. Every link of this stream that was ever heard of is
    /// over; links first heard of after this are whole.
    Lost {
        /// Why, in a sentence.
        why: String,
    },
}

/// The receiving end of a stream; there is one per stream. It begins with all that the stream holds.
#[derive(Debug)]
pub struct Reader {
    news: mpsc::Receiver<Received>,
    applied: watch::Sender<Position>,
    task: AbortHandle,
}

impl Reader {
    pub(crate) fn new(
        news: mpsc::Receiver<Received>,
        applied: watch::Sender<Position>,
        task: AbortHandle,
    ) -> Self {
        Self {
            news,
            applied,
            task,
        }
    }

    /// The next news; nothing only if the runtime that the broker was made on is ending. Cancel-safe.
    pub async fn next(&mut self) -> Option<Received> {
        self.news.recv().await
    }

    /// Up to `most` news at once, at least one; none as with [`Self::next`]. Cancel-safe.
    pub async fn next_many(&mut self, into: &mut Vec<Received>, most: usize) -> usize {
        self.news.recv_many(into, most).await
    }

    /// All messages up to this one are applied, for good: they may be removed from the stream, which
    /// gives their writers credit again. Cheap; places may come in any order.
    pub fn applied(&self, position: Position) {
        self.applied.send_if_modified(|applied| {
            let is_later = position > *applied;
            *applied = (*applied).max(position);
            is_later
        });
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}
