//! The task behind a writer: makes entries of what has gathered, and beats.
//!
//! One append is under way at a time. What comes in meanwhile makes the next one, so batches grow with
//! the load and nothing waits for a timer; different writers' appends share one connection and are
//! pipelined on it.

use std::time::Duration;

use bytes::Bytes;
use insula_types::LinkId;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::Options;
use crate::envelope::Entry;
use crate::session::Session;
use crate::stream::Stream;
use crate::writer::{Beats, Feeding, Queued};

/// Messages that are taken from the queue at once.
const BATCH_MAX: usize = 1_024;
/// An entry is closed when it has this many bytes of messages, so that credit in entries means
/// something; a single message may be larger.
const ENTRY_BYTES: usize = 256 << 10;

/// The pause while a stream has no credit; doubles up to [`PAUSE_LAST`].
const PAUSE_FIRST: Duration = Duration::from_millis(5);
/// A reader that has caught up is written to again within this time.
const PAUSE_LAST: Duration = Duration::from_millis(100);

/// Feeds a stream from one writer's queue until the writer is dropped or the session is over.
#[derive(Debug)]
pub(crate) struct Feed {
    stream: Stream,
    session: Session,
    feeding: Feeding,
    beat: Duration,
    silence: Duration,
    /// The number of the last message appended.
    last: u64,
}

/// What made the feed turn.
enum Woken {
    Messages,
    Beat,
    Dropped,
    Over,
}

impl Feed {
    pub(crate) fn new(
        stream: Stream,
        session: Session,
        feeding: Feeding,
        options: &Options,
    ) -> Self {
        Self {
            stream,
            session,
            feeding,
            beat: options.beat,
            silence: options.silence,
            last: 0,
        }
    }

    pub(crate) async fn run(mut self) {
        let mut beats = interval_at(Instant::now() + self.beat, self.beat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let by_itself = self.feeding.beats == Beats::EverySecond;
        let mut batch = Vec::new();
        loop {
            let woken = tokio::select! {
                biased;
                _ = self.session.over() => Woken::Over,
                taken = self.feeding.queue.recv_many(&mut batch, BATCH_MAX) => match taken {
                    0 => Woken::Dropped,
                    _ => Woken::Messages,
                },
                _ = beats.tick(), if by_itself => Woken::Beat,
                () = self.feeding.told.notified() => Woken::Beat,
            };
            let done = match woken {
                Woken::Dropped | Woken::Over => return,
                Woken::Messages => self.say(&mut batch).await,
                Woken::Beat => self.append(vec![self.beat_entry()]).await,
            };
            if done.is_none() {
                return;
            }
            // What was just appended says as much as a beat.
            beats.reset();
        }
    }

    async fn say(&mut self, batch: &mut Vec<Queued>) -> Option<()> {
        let mut room = Vec::with_capacity(batch.len());
        let entries = entries(&self.feeding.link, batch.drain(..), &mut room);
        self.last = entries.last().map_or(self.last, |entry| entry.last);
        // The room is taken until the messages are out of this process' memory.
        self.append(entries).await
    }

    fn beat_entry(&self) -> Entry {
        Entry {
            link: self.feeding.link.clone(),
            last: self.last,
            envelopes: Vec::new(),
        }
    }

    /// Appends all, as credit comes; nothing if the link is over.
    async fn append(&self, entries: Vec<Entry>) -> Option<()> {
        let entries: Vec<Bytes> = entries.into_iter().map(Entry::encode).collect();
        let mut rest = &entries[..];
        let mut pause = PAUSE_FIRST;
        let mut stuck_since = None;
        while !rest.is_empty() {
            let taken = self.try_append(rest).await?;
            rest = &rest[taken..];
            self.feeding.room.is_without_credit(taken == 0);
            if taken > 0 {
                pause = PAUSE_FIRST;
                stuck_since = None;
            } else {
                let since = *stuck_since.get_or_insert_with(Instant::now);
                self.wait(pause, since).await?;
                pause = (pause * 2).min(PAUSE_LAST);
            }
        }
        Some(())
    }

    async fn try_append(&self, entries: &[Bytes]) -> Option<usize> {
        let begun = Instant::now();
        let appended = self.session.writing().append(&self.stream, entries).await;
        match appended {
            Ok(appended) => {
                let taken = entries.iter().take(appended.taken);
                let bytes = taken.map(Bytes::len).sum();
                self.session.counters().written(bytes, begun.elapsed());
                Some(appended.taken)
            }
            Err(fault) => {
                self.session.end(fault);
                None
            }
        }
    }

    /// A link whose writer is gone and whose reader stands still is over once its silence says so.
    async fn wait(&self, pause: Duration, since: Instant) -> Option<()> {
        if self.feeding.queue.is_closed() && since.elapsed() > self.silence {
            return None;
        }
        tokio::select! {
            _ = self.session.over() => None,
            () = tokio::time::sleep(pause) => Some(()),
        }
    }
}

/// Entries of a bounded size, in the order of the messages.
fn entries(
    link: &LinkId,
    batch: impl Iterator<Item = Queued>,
    room: &mut Vec<tokio::sync::OwnedSemaphorePermit>,
) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut bytes = ENTRY_BYTES;
    for queued in batch {
        if bytes >= ENTRY_BYTES {
            bytes = 0;
            entries.push(Entry {
                link: link.clone(),
                last: 0,
                envelopes: Vec::new(),
            });
        }
        bytes += queued.bytes;
        room.push(queued.room);
        if let Some(entry) = entries.last_mut() {
            entry.last = queued.seq;
            entry.envelopes.push((queued.seq, queued.envelope));
        }
    }
    entries
}
