//! How full the queues are, for metrics.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Semaphore, mpsc};

use crate::reader::Received;

/// Bytes that may wait in one writer before it is [`crate::SendError::Full`], in units of [`UNIT`]. As
/// much as the largest payload, so that any can be sent, and some tens of milliseconds of a busy
/// partition.
pub(crate) const QUEUE_UNITS: usize = 32 << 10;

/// The bound of one writer's queue, in bytes.
pub const WRITER_BYTES_MAX: usize = QUEUE_UNITS * UNIT;

/// A message takes at least this many bytes of the queue, which bounds their number as well.
pub(crate) const UNIT: usize = 1 << 10;

/// The depths of all queues of one broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depths {
    /// Writers that exist.
    pub writers: usize,
    /// What waits in all writers, in bytes.
    pub writers_bytes: usize,
    /// What waits in the fullest one, in bytes; its bound is 32 MiB.
    pub fullest_writer_bytes: usize,
    /// Writers whose stream has no credit: its reader is behind.
    pub writers_without_credit: usize,
    /// Readers that exist.
    pub readers: usize,
    /// What was read and not yet taken from a reader, in messages and other news; its bound is 1,024
    /// for each reader.
    pub readers_news: usize,
}

/// The queue of one writer.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) units: Arc<Semaphore>,
    without_credit: AtomicBool,
}

impl Room {
    /// The bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        (QUEUE_UNITS - self.units.available_permits()) * UNIT
    }

    pub(crate) fn is_without_credit(&self, is: bool) {
        self.without_credit.store(is, Ordering::Relaxed);
    }
}

/// The queues of one broker, as long as they exist.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    writers: Mutex<Vec<Weak<Room>>>,
    readers: Mutex<Vec<mpsc::WeakSender<Received>>>,
}

impl Queues {
    pub(crate) fn writer(&self) -> Arc<Room> {
        let room = Arc::new(Room {
            units: Arc::new(Semaphore::new(QUEUE_UNITS)),
            without_credit: AtomicBool::new(false),
        });
        let mut writers = lock(&self.writers);
        writers.retain(|writer| writer.strong_count() > 0);
        writers.push(Arc::downgrade(&room));
        room
    }

    pub(crate) fn reader(&self, news: &mpsc::Sender<Received>) {
        let mut readers = lock(&self.readers);
        readers.retain(|reader| reader.strong_count() > 0);
        readers.push(news.downgrade());
    }

    pub(crate) fn depths(&self) -> Depths {
        let mut depths = Depths::default();
        for writer in lock(&self.writers).iter().filter_map(Weak::upgrade) {
            let bytes = writer.bytes();
            depths.writers += 1;
            depths.writers_bytes += bytes;
            depths.fullest_writer_bytes = depths.fullest_writer_bytes.max(bytes);
            depths.writers_without_credit +=
                usize::from(writer.without_credit.load(Ordering::Relaxed));
        }
        for reader in lock(&self.readers)
            .iter()
            .filter_map(mpsc::WeakSender::upgrade)
        {
            depths.readers += 1;
            depths.readers_news += reader.max_capacity() - reader.capacity();
        }
        depths
    }
}

fn lock<T>(list: &Mutex<T>) -> MutexGuard<'_, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}
