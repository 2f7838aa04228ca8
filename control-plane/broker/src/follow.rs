//! The task behind a reader: reads the stream as the reader takes its news, checks the numbers, and
//! trims what was applied.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::Options;
use crate::backend::{Fault, Read, Reading};
use crate::envelope::Entry;
use crate::numbers::Numbers;
use crate::reader::Received;
use crate::session::{Session, Sessions, with_jitter};
use crate::stream::{Position, Stored, Stream};

/// Entries that are read at once; their bytes are bounded by the credit of the stream.
const ENTRIES_MAX: usize = 256;

/// The pause after a connection that failed while the session is whole.
const PAUSE: Duration = Duration::from_millis(200);

/// Follows one stream for one reader.
#[derive(Debug)]
pub(crate) struct Follow {
    stream: Stream,
    options: Options,
    news: mpsc::Sender<Received>,
    numbers: Numbers,
    /// The last entry that was read.
    at: Position,
    trimming: Trimming,
}

/// What may be trimmed.
#[derive(Debug)]
struct Trimming {
    /// As the reader declared it.
    applied: watch::Receiver<Position>,
    /// The entry of the last message that was handed to the reader.
    handed: Position,
    /// Through which place everything is out of the stream.
    trimmed: Position,
    /// Places up to here are of a data set that was lost.
    floor: Position,
}

/// The reader was dropped.
struct Dropped;

impl Follow {
    pub(crate) fn new(
        stream: Stream,
        options: Options,
        news: mpsc::Sender<Received>,
        applied: watch::Receiver<Position>,
    ) -> Self {
        let numbers = Numbers::new(options.silence);
        Self {
            stream,
            options,
            news,
            numbers,
            at: Position::default(),
            trimming: Trimming {
                applied,
                handed: Position::default(),
                trimmed: Position::default(),
                floor: Position::default(),
            },
        }
    }

    /// Runs until the reader is dropped.
    pub(crate) async fn run(mut self, sessions: std::sync::Arc<Sessions>) {
        loop {
            let session = sessions.next().await;
            let Ok(fault) = self.follow(&session).await else {
                return;
            };
            if self.lost(&fault).await.is_err() {
                return;
            }
            tokio::time::sleep(with_jitter(PAUSE)).await;
        }
    }

    /// Every link is over. What the stream holds beyond this may be of links that began meanwhile;
    /// only a data set that was lost begins anew.
    async fn lost(&mut self, fault: &Fault) -> Result<(), Dropped> {
        self.numbers.break_all();
        if *fault == Fault::DataLost {
            self.trimming.forget(self.at);
            self.at = Position::default();
        }
        let why = fault.to_string();
        self.tell(Received::Lost { why }).await
    }

    /// Follows until a fault.
    async fn follow(&mut self, session: &Session) -> Result<Fault, Dropped> {
        let mut reading = match session.writing().reading().await {
            Ok(reading) => reading,
            Err(fault) => {
                session.end(fault.clone());
                return Ok(fault);
            }
        };
        loop {
            match self.turn(session, &mut reading).await? {
                Ok(()) => {}
                Err(fault) => return Ok(fault),
            }
        }
    }

    /// One read and what follows from it.
    async fn turn(
        &mut self,
        session: &Session,
        reading: &mut Reading,
    ) -> Result<Result<(), Fault>, Dropped> {
        let began = Instant::now();
        let trimming = self.trimming.run(&self.stream, self.at, session);
        let reads = reading.read(&self.stream, self.at, ENTRIES_MAX, self.options.beat);
        let read = tokio::select! {
            biased;
            fault = session.over() => return Ok(Err(fault)),
            fault = trimming => return Ok(Err(fault)),
            read = reads => read,
        };
        let Read { entries, complete } = match read {
            Ok(read) => read,
            Err(fault) => {
                if fault == Fault::DataLost {
                    session.end(fault.clone());
                }
                return Ok(Err(fault));
            }
        };
        let bytes = entries.iter().map(|stored| stored.bytes.len()).sum();
        session.counters().read(bytes);
        for stored in entries {
            self.take(stored).await?;
        }
        if complete {
            for (link, why) in self.numbers.silent(began) {
                self.tell(Received::Broken { link, why }).await?;
            }
        }
        Ok(Ok(()))
    }

    async fn take(&mut self, stored: Stored) -> Result<(), Dropped> {
        let before = std::mem::replace(&mut self.at, stored.position);
        let entry = match Entry::decode(stored.bytes) {
            Ok(entry) => entry,
            Err(error) => {
                // Whose it was is not known, so everybody is taken to have lost something.
                self.numbers.break_all();
                let why = error.to_string();
                tracing::error!(
                    %error,
                    stream = ?self.stream,
                    "an entry cannot be read; every link on its stream ends, and comes back by itself"
                );
                return self.tell(Received::Lost { why }).await;
            }
        };
        self.hear(entry, before, stored.position, stored.age).await
    }

    async fn hear(
        &mut self,
        entry: Entry,
        before: Position,
        position: Position,
        age: Duration,
    ) -> Result<(), Dropped> {
        let (now, link, last) = (Instant::now(), entry.link, entry.last);
        let is_beat = entry.envelopes.is_empty();
        let messages = entry.envelopes.len();
        if !is_beat {
            self.trimming.handed = position;
        }
        for (place, (seq, envelope)) in entry.envelopes.into_iter().enumerate() {
            // Only with its last message the whole entry is applied.
            let position = if place + 1 == messages {
                position
            } else {
                before
            };
            match self.numbers.message(&link, seq, now) {
                Ok(false) => return Ok(()),
                Ok(true) => {
                    let message = Received::Message {
                        link: link.clone(),
                        seq,
                        position,
                        age,
                        envelope,
                    };
                    self.tell(message).await?;
                }
                Err(why) => return self.tell(Received::Broken { link, why }).await,
            }
        }
        match self.numbers.sent(&link, last, now) {
            Ok(true) if is_beat => self.tell(Received::Beat { link, last, age }).await,
            Ok(_) => Ok(()),
            Err(why) => self.tell(Received::Broken { link, why }).await,
        }
    }

    async fn tell(&self, news: Received) -> Result<(), Dropped> {
        self.news.send(news).await.map_err(|_| Dropped)
    }
}

impl Trimming {
    /// Trims whenever there is something to trim, until something is wrong. Cancel-safe: a trim that
    /// was under way is made again.
    async fn run(&mut self, stream: &Stream, at: Position, session: &Session) -> Fault {
        loop {
            let through = self.through(at);
            if through <= self.trimmed {
                // The reader that holds the other end ends this task when it is dropped.
                let _ = self.applied.changed().await;
                continue;
            }
            if let Err(fault) = session.writing().trim(stream, through).await {
                session.end(fault.clone());
                return fault;
            }
            self.trimmed = through;
        }
    }

    /// Through which place nobody needs anything: up to the last entry read, beats and messages of
    /// broken links included, if all messages that were handed out are applied.
    fn through(&mut self, at: Position) -> Position {
        let applied = *self.applied.borrow_and_update();
        if applied >= self.handed {
            at
        } else if applied > self.floor {
            applied
        } else {
            Position::default()
        }
    }

    /// The data set was lost: what was applied of it is nothing in the next one.
    fn forget(&mut self, at: Position) {
        self.floor = at;
        self.handed = Position::default();
        self.trimmed = Position::default();
    }
}
