//! Streams in the memory of one process: for `insula dev` with several replicas in a process, and for
//! tests, which can also make it fail as a server does.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use super::redis::BeginError;
use super::{Appended, Fault, Read};
use crate::Options;
use crate::stream::{Position, Stored, Stream};

/// A data set that brokers of one process share, as replicas share a server.
#[derive(Debug, Clone)]
pub struct InProcess {
    data: Arc<Mutex<Data>>,
    /// Changes with everything that a waiting reader may want to know.
    changed: watch::Sender<u64>,
    entries_max: usize,
    bytes_max: u64,
}

#[derive(Debug, Default)]
struct Data {
    generation: u64,
    away: bool,
    /// The last entry's number, over all streams and generations, as a server's clock goes on.
    last: u64,
    streams: HashMap<Stream, Log>,
}

#[derive(Debug, Default)]
struct Log {
    entries: VecDeque<Held>,
    written: u64,
    trimmed: u64,
}

#[derive(Debug, Clone)]
struct Held {
    position: Position,
    since: Instant,
    bytes: Bytes,
}

/// The data set as one session sees it.
#[derive(Debug, Clone)]
pub(crate) struct Attached {
    set: InProcess,
    generation: u64,
}

impl Default for InProcess {
    fn default() -> Self {
        Self::new(&Options::default())
    }
}

impl InProcess {
    /// An empty data set with the credit of these options.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            data: Arc::default(),
            changed: watch::Sender::new(0),
            entries_max: options.entries_max as usize,
            bytes_max: options.bytes_max,
        }
    }

    /// From now on nobody reaches it, as if the server had died.
    pub fn go_away(&self) {
        self.lock().away = true;
        self.notify();
    }

    /// It is back, with all that it held.
    pub fn come_back(&self) {
        self.lock().away = false;
        self.notify();
    }

    /// Loses everything, as a server does that restarts without a file.
    pub fn lose_everything(&self) {
        let mut data = self.lock();
        data.streams.clear();
        data.generation += 1;
        drop(data);
        self.notify();
    }

    /// Loses the newest entry of a stream, as a server does whose file is behind; says whether there
    /// was one.
    pub fn lose_last(&self, stream: &Stream) -> bool {
        let mut data = self.lock();
        let log = data.streams.get_mut(stream);
        log.is_some_and(|log| log.entries.pop_back().is_some())
    }

    /// Repeats the newest entry of a stream; says whether there was one.
    pub fn repeat_last(&self, stream: &Stream) -> bool {
        let mut data = self.lock();
        let Data { last, streams, .. } = &mut *data;
        let Some(log) = streams.get_mut(stream) else {
            return false;
        };
        let Some(repeated) = log.entries.back().map(|held| held.bytes.clone()) else {
            return false;
        };
        *last += 1;
        log.push(*last, repeated);
        drop(data);
        self.notify();
        true
    }

    /// Makes the newest entry of a stream unreadable; says whether there was one.
    pub fn damage_last(&self, stream: &Stream) -> bool {
        let mut data = self.lock();
        let log = data.streams.get_mut(stream);
        let Some(held) = log.and_then(|log| log.entries.back_mut()) else {
            return false;
        };
        held.bytes = Bytes::from_static(&[0xff; 16]);
        true
    }

    /// How many entries a stream holds.
    #[must_use]
    pub fn entries(&self, stream: &Stream) -> usize {
        let data = self.lock();
        data.streams.get(stream).map_or(0, |log| log.entries.len())
    }

    pub(super) fn attach(&self) -> Result<Attached, BeginError> {
        let data = self.lock();
        if data.away {
            return Err(BeginError::Away("it was told to be".to_owned()));
        }
        let generation = data.generation;
        drop(data);
        Ok(Attached {
            set: self.clone(),
            generation,
        })
    }

    fn notify(&self) {
        self.changed.send_modify(|changes| *changes += 1);
    }

    fn lock(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn push(&mut self, number: u64, bytes: Bytes) {
        self.written += bytes.len() as u64;
        self.entries.push_back(Held {
            position: Position {
                id: (number, 0),
                written: self.written,
            },
            since: Instant::now(),
            bytes,
        });
    }
}

impl Attached {
    pub(super) fn check(&self) -> Result<(), Fault> {
        self.data().map(drop)
    }

    pub(super) fn append(&self, stream: &Stream, entries: &[Bytes]) -> Result<Appended, Fault> {
        let mut data = self.data()?;
        let Data { last, streams, .. } = &mut *data;
        let log = streams.entry(stream.clone()).or_default();
        let mut taken = 0;
        for entry in entries {
            let full = log.entries.len() >= self.set.entries_max;
            if full || log.written - log.trimmed >= self.set.bytes_max {
                break;
            }
            *last += 1;
            log.push(*last, entry.clone());
            taken += 1;
        }
        drop(data);
        self.set.notify();
        Ok(Appended { taken })
    }

    pub(super) fn trim(&self, stream: &Stream, through: Position) -> Result<(), Fault> {
        let mut data = self.data()?;
        if let Some(log) = data.streams.get_mut(stream) {
            let kept = log
                .entries
                .partition_point(|held| held.position.id <= through.id);
            log.entries.drain(..kept);
            log.trimmed = log.trimmed.max(through.written);
        }
        Ok(())
    }

    pub(super) fn remove(&self, stream: &Stream) -> Result<(), Fault> {
        self.data()?.streams.remove(stream);
        Ok(())
    }

    /// Cancel-safe.
    pub(super) async fn read(
        &self,
        stream: &Stream,
        after: Position,
        most: usize,
        wait: Duration,
    ) -> Result<Read, Fault> {
        let deadline = Instant::now() + wait;
        let mut changed = self.set.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let read = self.read_now(stream, after, most)?;
            if !read.entries.is_empty() {
                return Ok(read);
            }
            // The sender is part of the set that this holds.
            if tokio::time::timeout_at(deadline, changed.changed())
                .await
                .is_err()
            {
                return self.read_now(stream, after, most);
            }
        }
    }

    fn read_now(&self, stream: &Stream, after: Position, most: usize) -> Result<Read, Fault> {
        let data = self.data()?;
        let Some(log) = data.streams.get(stream) else {
            return Ok(Read {
                entries: Vec::new(),
                complete: true,
            });
        };
        let news = log
            .entries
            .partition_point(|held| held.position.id <= after.id);
        let entries = log.entries.range(news..).take(most).map(|held| Stored {
            position: held.position,
            age: held.since.elapsed(),
            bytes: held.bytes.clone(),
        });
        Ok(Read {
            entries: entries.collect(),
            complete: log.entries.len() - news <= most,
        })
    }

    fn data(&self) -> Result<MutexGuard<'_, Data>, Fault> {
        let data = self.set.lock();
        if data.away {
            return Err(Fault::Away("it was told to be".to_owned()));
        }
        if data.generation != self.generation {
            return Err(Fault::DataLost);
        }
        Ok(data)
    }
}
