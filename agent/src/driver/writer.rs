//! Group fsync (rule R29): one write of the journal at a time, and effects behind it.

use std::time::Instant;

use insula_agent_core::{Core, Effect, Effects, Record};
use tokio::task::JoinHandle;

use crate::figures::Figures;
use crate::journal::{Error, Journal};

/// Owns the journal, but for the time of a write, when a thread for blocking work has it.
#[derive(Debug)]
pub(super) struct Writer {
    /// Absent while a write is under way, and for good after one has failed: what is on the disk
    /// is then unknown.
    journal: Option<Journal>,
    write: Option<JoinHandle<(Journal, Result<(), Error>)>>,
    /// What happens when that write is durable.
    held: Effects,
    /// Lazy records; they go with the next write, and are lost without harm if there is none.
    lazy: Vec<Record>,
    figures: Figures,
}

impl Writer {
    pub(super) const fn new(journal: Journal, figures: Figures) -> Self {
        Self {
            journal: Some(journal),
            write: None,
            held: Vec::new(),
            lazy: Vec::new(),
            figures,
        }
    }

    /// Whether nothing is being written.
    pub(super) const fn is_idle(&self) -> bool {
        self.journal.is_some()
    }

    /// Takes effects whose turn it is and returns those that may happen now: all, if nothing of
    /// them must be durable first; else none, and [`Writer::written`] returns them.
    ///
    /// The writer must be idle, and `core` the core as these effects left it.
    pub(super) fn write(&mut self, effects: Effects, core: &Core) -> Effects {
        let mut records = std::mem::take(&mut self.lazy);
        let mut others = Vec::with_capacity(effects.len());
        let mut must_write = false;
        for effect in effects {
            match effect {
                Effect::Journal(record) => {
                    must_write |= !record.is_lazy();
                    records.push(record);
                }
                other => others.push(other),
            }
        }
        if !must_write {
            self.lazy = records;
            return others;
        }
        let mut journal = self.journal.take().expect("the writer is idle");
        // Every step so far is in this batch or in the journal, so the core's records are both.
        let live = journal.is_long().then(|| core.records());
        self.held = others;
        let figures = self.figures.clone();
        self.write = Some(tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let result = match live {
                Some(live) => journal.replace(&live),
                None => journal.append(&records),
            };
            figures.journal(records.len(), began.elapsed());
            (journal, result)
        }));
        Vec::new()
    }

    /// Waits for the write under way and returns its effects; for ever if there is none.
    /// Cancelling it loses nothing.
    ///
    /// # Errors
    /// If the write failed. The writer is of no use any more.
    pub(super) async fn written(&mut self) -> Result<Effects, Error> {
        let Some(write) = &mut self.write else {
            return std::future::pending().await;
        };
        let (journal, result) = write
            .await
            .expect("a write does not panic and is not cancelled");
        self.write = None;
        result?;
        self.journal = Some(journal);
        Ok(std::mem::take(&mut self.held))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use insula_agent_core::{Config, Identity};
    use insula_types::agent::AgentInfo;
    use insula_types::message::Watermark;
    use insula_types::{Epoch, LaunchId, Span, TraceContext, UpdateUuid};
    use std::path::Path;

    fn core() -> Core {
        let identity = Identity {
            checkpoint: "c".into(),
            info: AgentInfo::default(),
        };
        Core::load(Config::default(), identity, 0, []).unwrap()
    }

    fn writer(path: &Path) -> Writer {
        let journal = Journal::create(path, "boot", &[]).unwrap();
        Writer::new(journal, crate::figures::detached())
    }

    fn kill(number: u64) -> Effect {
        let launch = LaunchId {
            epoch: Epoch(1),
            number,
        };
        Effect::Kill {
            launch,
            kind: None,
            grace: Span::ZERO,
            trace: TraceContext::default(),
        }
    }

    fn applied(seq: u64) -> Effect {
        Effect::Journal(Record::Applied(Watermark {
            epoch: Epoch(1),
            seq,
        }))
    }

    #[tokio::test]
    async fn effects_wait_until_their_record_is_durable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut writer = writer(&path);
        let now = writer.write(vec![kill(1), applied(1), kill(2)], &core());
        assert!(now.is_empty() && !writer.is_idle());
        assert_eq!(writer.written().await.unwrap(), [kill(1), kill(2)]);
        assert_eq!(Journal::read(&path).unwrap().records.len(), 1);
        assert!(writer.is_idle());
    }

    #[tokio::test]
    async fn what_needs_no_record_happens_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = writer(&dir.path().join("journal"));
        assert_eq!(writer.write(vec![kill(1)], &core()), [kill(1)]);
        assert!(writer.is_idle());
    }

    #[tokio::test]
    async fn a_lazy_record_goes_with_the_next_write_in_its_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut writer = writer(&path);
        let launch = LaunchId {
            epoch: Epoch(1),
            number: 1,
        };
        let uuid = UpdateUuid::from_slice(&[1; 16]).unwrap();
        let lazy = Record::Acknowledged { launch, uuid };
        assert!(
            writer
                .write(vec![Effect::Journal(lazy.clone())], &core())
                .is_empty()
        );
        assert!(writer.is_idle() && Journal::read(&path).unwrap().records.is_empty());
        writer.write(vec![applied(1)], &core());
        writer.written().await.unwrap();
        let records = Journal::read(&path).unwrap().records;
        assert_eq!(records[0], lazy);
        assert_eq!(records.len(), 2);
    }
}
