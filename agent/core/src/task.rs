//! A launch on this machine, from its command to the acknowledgement of its end.

use insula_types::message::{TaskReport, Watermark};
use insula_types::task::AgentTimes;
use insula_types::{Span, TaskState, Time, UpdateUuid};

use crate::{Record, TaskRecord, Update};

/// Where a launch stands; it only ever moves down this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Its executor was told to start it.
    Starting,
    /// It runs.
    Running,
    /// It ended; only its last update may still be on its way.
    Ended,
}

impl Phase {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Ended => "ended",
        }
    }
}

/// A launch. It has at most two updates in its life, so they are two fields and not a queue.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) record: TaskRecord,
    /// The grace of the shortest kill that was asked for.
    pub(crate) kill: Option<Span>,
    /// The update that said it runs; none if it ended without ever being seen running.
    pub(crate) running: Option<Update>,
    /// Whether that update was acknowledged.
    pub(crate) running_acknowledged: bool,
    /// The terminal update, which waits until the control plane has it.
    pub(crate) ended: Option<Update>,
    /// Read from the journal, and no executor has said yet what became of it.
    pub(crate) unrecovered: bool,
    /// How long the last attempt to send waited for its answer; zero before the first.
    pub(crate) backoff: Span,
}

impl Task {
    pub(crate) const fn new(record: TaskRecord) -> Self {
        Self {
            record,
            kill: None,
            running: None,
            running_acknowledged: false,
            ended: None,
            unrecovered: false,
            backoff: Span::ZERO,
        }
    }

    pub(crate) const fn phase(&self) -> Phase {
        match (&self.running, &self.ended) {
            (_, Some(_)) => Phase::Ended,
            (Some(_), None) => Phase::Running,
            (None, None) => Phase::Starting,
        }
    }

    /// The one update that may be sent: the oldest that is not acknowledged.
    pub(crate) fn pending(&self) -> Option<&Update> {
        self.running
            .as_ref()
            .filter(|_| !self.running_acknowledged)
            .or(self.ended.as_ref())
    }

    pub(crate) fn awaits(&self, uuid: UpdateUuid) -> bool {
        self.pending().is_some_and(|update| update.uuid == uuid)
    }

    /// When the task has run for as long as it may.
    pub(crate) fn deadline(&self) -> Option<Time> {
        Some(self.running.as_ref()?.at + self.record.plan.max_completion?)
    }

    pub(crate) fn push(&mut self, update: Update) {
        if update.state.is_terminal() {
            self.unrecovered = false;
            self.ended = Some(update);
        } else {
            self.running = Some(update);
        }
    }

    /// When the task passed each step, up to the latest update that may be sent.
    pub(crate) fn times(&self) -> AgentTimes {
        let ended = self.ended.as_ref();
        AgentTimes {
            received: self.record.received,
            started: self.running.as_ref().and_then(|update| update.started),
            ended: ended.filter(|_| self.is_end_next()).map(|update| update.at),
        }
    }

    /// Whether the update that may be sent is the terminal one.
    fn is_end_next(&self) -> bool {
        self.running.is_none() || self.running_acknowledged
    }

    fn latest(&self) -> Option<&Update> {
        self.ended.as_ref().or(self.running.as_ref())
    }

    /// The latest update, acknowledged or not.
    pub(crate) fn last_uuid(&self) -> Option<UpdateUuid> {
        self.latest().map(|update| update.uuid)
    }

    pub(crate) fn report(&self) -> TaskReport {
        TaskReport {
            launch: self.record.launch,
            framework: self.record.framework.clone(),
            task: self.record.task.clone(),
            state: self
                .latest()
                .map_or(TaskState::Staging, |update| update.state),
            pending: self.pending().map(|update| update.uuid),
            last: self.last_uuid(),
        }
    }

    /// The records that make this task anew.
    pub(crate) fn records(&self, watermark: Watermark, out: &mut Vec<Record>) {
        let launch = self.record.launch;
        out.push(Record::Launched {
            watermark,
            task: self.record.clone(),
        });
        if let Some(grace) = self.kill {
            out.push(Record::KillAsked {
                watermark,
                launch,
                grace,
            });
        }
        if let Some(update) = &self.running {
            out.push(Record::Updated {
                launch,
                update: update.clone(),
            });
            if self.running_acknowledged {
                out.push(Record::Acknowledged {
                    launch,
                    uuid: update.uuid,
                });
            }
        }
        if let Some(update) = &self.ended {
            out.push(Record::Updated {
                launch,
                update: update.clone(),
            });
        }
    }
}
