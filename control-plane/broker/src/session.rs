//! Sessions with the data set: from finding it to losing it, and finding it again.
//!
//! Whoever meets a fault ends the session. Every writer is of one session and ends with it, and every
//! reader says so: what was under way may or may not have arrived, and nothing is sent twice.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

use crate::backend::redis::BeginError;
use crate::backend::{Backend, Fault, Writing};
use crate::counts::{Counters, Counts};

/// The pause after a failed attempt; doubles up to [`PAUSE_LAST`].
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// A broker that is back is used again within this time.
const PAUSE_LAST: Duration = Duration::from_secs(2);

/// Whether messages can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// They can.
    Up,
    /// They cannot, and every link is over.
    Down {
        /// In a sentence, for people.
        why: String,
    },
}

/// One session; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    writing: Writing,
    ended: watch::Sender<Option<Fault>>,
    counters: Arc<Counters>,
}

/// What all parts of a broker share of it.
#[derive(Debug)]
pub(crate) struct Sessions {
    current: watch::Sender<Option<Session>>,
    health: watch::Sender<Health>,
    counters: Arc<Counters>,
}

impl Session {
    fn new(writing: Writing, counters: Arc<Counters>) -> Self {
        Self {
            writing,
            ended: watch::Sender::new(None),
            counters,
        }
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn writing(&self) -> &Writing {
        &self.writing
    }

    /// Ends it, for everybody; only the first fault counts.
    pub(crate) fn end(&self, fault: Fault) {
        self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            ended.get_or_insert(fault);
            first
        });
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Returns when it is over. Cancel-safe.
    pub(crate) async fn over(&self) -> Fault {
        let mut ended = self.ended.subscribe();
        // This holds the sender itself, so only the first branch is ever taken.
        match ended.wait_for(Option::is_some).await {
            Ok(fault) => fault.clone().unwrap_or(Fault::DataLost),
            Err(_) => Fault::DataLost,
        }
    }
}

impl Sessions {
    pub(crate) fn new(first: Writing) -> Self {
        let counters = Arc::<Counters>::default();
        let first = Session::new(first, Arc::clone(&counters));
        Self {
            current: watch::Sender::new(Some(first)),
            health: watch::Sender::new(Health::Up),
            counters,
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counters.counts()
    }

    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// The session there is now.
    pub(crate) fn current(&self) -> Option<Session> {
        let current = self.current.borrow().clone();
        current.filter(|session| !session.is_over())
    }

    /// Waits for a session. Cancel-safe.
    pub(crate) async fn next(&self) -> Session {
        let mut current = self.current.subscribe();
        loop {
            if let Some(session) = self.current() {
                return session;
            }
            // The sender is part of what this borrows.
            let _ = current.changed().await;
        }
    }

    /// Keeps a session open for as long as the broker is used; checks it once in a beat.
    pub(crate) async fn keep(self: Arc<Self>, backend: Backend, beat: Duration) {
        loop {
            if let Some(session) = self.current() {
                let fault = watch_over(&session, beat).await;
                self.lost(&fault);
            }
            let writing = begin_again(&backend, &self.health).await;
            let session = Session::new(writing, Arc::clone(&self.counters));
            self.current.send_replace(Some(session));
            self.counters.came_back();
            self.health.send_replace(Health::Up);
            tracing::info!("the broker is used again");
        }
    }

    fn lost(&self, fault: &Fault) {
        let error: &dyn std::error::Error = fault;
        tracing::warn!(
            error,
            "every link between replicas ends; they come back by themselves"
        );
        let why = fault.to_string();
        self.health.send_replace(Health::Down { why });
        self.current.send_replace(None);
    }
}

/// Returns when the session is over, and sees to it that it is when the data set is.
async fn watch_over(session: &Session, beat: Duration) -> Fault {
    loop {
        tokio::select! {
            fault = session.over() => return fault,
            () = tokio::time::sleep(beat) => {}
        }
        if let Err(fault) = session.writing().check().await {
            session.end(fault);
        }
    }
}

async fn begin_again(backend: &Backend, health: &watch::Sender<Health>) -> Writing {
    let mut pause = PAUSE_FIRST;
    let mut said = None;
    loop {
        match backend.begin().await {
            Ok(writing) => return writing,
            Err(error) => {
                let kind = std::mem::discriminant(&error);
                refused(&error, said != Some(kind), health);
                said = Some(kind);
            }
        }
        tokio::time::sleep(with_jitter(pause)).await;
        pause = (pause * 2).min(PAUSE_LAST);
    }
}

/// Says another kind of reason once, not at every attempt: the words of a connection that fails change
/// from one to the next.
fn refused(error: &BeginError, is_news: bool, health: &watch::Sender<Health>) {
    if is_news {
        tracing::warn!(%error, "trying again");
    } else {
        tracing::debug!(%error, "trying again");
    }
    let down = Health::Down {
        why: error.to_string(),
    };
    health.send_if_modified(|shown| {
        let is_other = *shown != down;
        *shown = down;
        is_other
    });
}

/// Between half and all of a pause, so that replicas do not come back in step.
pub(crate) fn with_jitter(pause: Duration) -> Duration {
    let (random, _) = Uuid::new_v4().as_u64_pair();
    let thousandths = u32::try_from(random % 500).unwrap_or_default();
    pause / 2 + pause * thousandths / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_never_longer_than_asked_nor_shorter_than_half() {
        for _ in 0..100 {
            let pause = with_jitter(PAUSE_LAST);
            assert!(pause >= PAUSE_LAST / 2 && pause <= PAUSE_LAST);
        }
    }
}
