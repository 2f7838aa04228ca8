//! The sending end of a link.

use std::sync::Arc;

use insula_types::LinkId;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, watch};

use crate::depths::{QUEUE_UNITS, Room, UNIT};
use crate::envelope::Envelope;
use crate::session::Session;

/// Who says that the writer lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beats {
    /// The broker, once in a beat for as long as the writer exists: for whoever has no more to say
    /// than that.
    EverySecond,
    /// The writer's owner, with [`Writer::beat`]: for whoever may only speak under a lease.
    WhenTold,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// As much as may is waiting: the reader is behind.
    #[error("the reader at the other end of the link is too far behind")]
    Full,
    /// The link is over, since the connection or the data was lost.
    #[error("the link is over: the broker was away")]
    Down,
}

/// The sending end of one link; numbers its messages from 1. Dropping it sends what waits and ends.
#[derive(Debug)]
pub struct Writer {
    link: LinkId,
    last: u64,
    queue: mpsc::Sender<Queued>,
    room: Arc<Room>,
    told: Arc<Notify>,
    session: Option<Session>,
    /// Closed when the task that feeds the stream has ended.
    feeding: watch::Receiver<()>,
}

/// A message on its way to the stream; its room is given back when it has arrived there.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) seq: u64,
    pub(crate) bytes: usize,
    pub(crate) envelope: Envelope,
    pub(crate) room: OwnedSemaphorePermit,
}

/// What the task that feeds the stream has of a writer.
#[derive(Debug)]
pub(crate) struct Feeding {
    pub(crate) link: LinkId,
    pub(crate) queue: mpsc::Receiver<Queued>,
    pub(crate) room: Arc<Room>,
    pub(crate) told: Arc<Notify>,
    pub(crate) beats: Beats,
    _alive: watch::Sender<()>,
}

impl Writer {
    /// A writer, and what its task has of it. Without a session it is down from the start.
    pub(crate) fn new(
        link: LinkId,
        beats: Beats,
        session: Option<Session>,
        room: Arc<Room>,
    ) -> (Self, Feeding) {
        let (queue, receiver) = mpsc::channel(QUEUE_UNITS);
        let told = Arc::new(Notify::new());
        let (alive, feeding) = watch::channel(());
        let writer = Self {
            link: link.clone(),
            last: 0,
            queue,
            room: Arc::clone(&room),
            told: Arc::clone(&told),
            session,
            feeding,
        };
        let feeding = Feeding {
            link,
            queue: receiver,
            room,
            told,
            beats,
            _alive: alive,
        };
        (writer, feeding)
    }

    /// Which link it writes for.
    #[must_use]
    pub fn link(&self) -> &LinkId {
        &self.link
    }

    /// The number of the last message taken; 0 if none was.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Takes a message and gives its number. Never waits; after an error nothing was sent, and the
    /// number is given to the next message.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn send(&mut self, envelope: Envelope) -> Result<u64, SendError> {
        if self.is_down() {
            return Err(SendError::Down);
        }
        let bytes = envelope.size();
        let units = u32::try_from(bytes.div_ceil(UNIT).clamp(1, QUEUE_UNITS));
        let room = Arc::clone(&self.room.units)
            .try_acquire_many_owned(units.unwrap_or(u32::MAX))
            .map_err(|_| SendError::Full)?;
        let seq = self.last + 1;
        let queued = Queued {
            seq,
            bytes,
            envelope,
            room,
        };
        self.queue.try_send(queued).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Down,
        })?;
        self.last = seq;
        Ok(seq)
    }

    /// Says that the writer lives, with the number of its last message: soon, unless a beat that was
    /// told waits already.
    pub fn beat(&self) {
        self.told.notify_one();
    }

    /// Waits until there is room for at least a small message, or the link is over. Cancel-safe, and
    /// does not borrow the writer.
    pub fn room(&self) -> impl Future<Output = ()> + Send + use<> {
        let (room, session) = (Arc::clone(&self.room), self.session.clone());
        async move {
            let Some(session) = session else {
                return;
            };
            tokio::select! {
                // Given back at once: this only waits. The semaphore is never closed.
                _ = room.units.acquire() => {}
                _ = session.over() => {}
            }
        }
    }

    /// Says no more, and waits until everything is in the stream, or the link is over.
    pub async fn finish(self) {
        let mut feeding = self.feeding;
        drop(self.queue);
        // The sender is in the task, and only its end is ever heard.
        while feeding.changed().await.is_ok() {}
    }

    /// Whether the link is over.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.session.as_ref().is_none_or(Session::is_over) || self.queue.is_closed()
    }

    /// The bytes that wait here.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.room.bytes()
    }
}
