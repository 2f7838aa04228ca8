//! What the executors report.

use insula_types::{LaunchId, Span, Time, TraceContext};

use super::Core;
use super::verdict;
use crate::task::{Phase, Task};
use crate::timers::Timer;
use crate::{Absence, Effect, Effects, End, Refusal};

impl Core {
    pub(super) fn started(
        &mut self,
        now: Time,
        launch: LaunchId,
        at: Option<Time>,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let Some(task) = self.tasks.get_mut(&launch) else {
            // A launch is durable before it starts, so this one comes from a journal that is gone,
            // or its end was acknowledged long ago. Nobody would ever hear of it.
            effects.push(Effect::Kill {
                launch,
                kind: None,
                grace: Span::ZERO,
                trace: TraceContext::default(),
            });
            return Ok(());
        };
        let was_unrecovered = std::mem::take(&mut task.unrecovered);
        match task.phase() {
            Phase::Starting => {
                self.update(now, launch, now, verdict::running(at), effects);
            }
            Phase::Running if was_unrecovered => {}
            Phase::Running => return Err(no_news(launch, task, "runs")),
            Phase::Ended => {
                // It was reported as ended when no executor admitted to having it.
                let kind = Some(task.record.kind);
                effects.push(Effect::Kill {
                    launch,
                    kind,
                    grace: Span::ZERO,
                    trace: task.record.trace.clone(),
                });
                return Ok(());
            }
        }
        self.watch(launch, was_unrecovered, effects);
        Ok(())
    }

    pub(super) fn start_failed(
        &mut self,
        now: Time,
        launch: LaunchId,
        sentence: String,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let task = self.starting(launch, "could not be started")?;
        let verdict = verdict::start_failed(task, sentence);
        let (kind, trace) = (Some(task.record.kind), task.record.trace.clone());
        self.update(now, launch, now, verdict, effects);
        effects.push(Effect::Forget {
            launch,
            kind,
            trace,
        });
        Ok(())
    }

    pub(super) fn ended(&mut self, now: Time, launch: LaunchId, end: &End, effects: &mut Effects) {
        let task = self.tasks.get(&launch);
        let kind = task.map(|task| task.record.kind);
        let trace = task.map(|task| task.record.trace.clone());
        let trace = trace.unwrap_or_default();
        if let Some(task) = task.filter(|task| task.phase() != Phase::Ended) {
            let verdict = verdict::ended(task, end, now);
            self.update(now, launch, end.at, verdict, effects);
        }
        effects.push(Effect::Forget {
            launch,
            kind,
            trace,
        });
    }

    pub(super) fn absent(
        &mut self,
        now: Time,
        launch: LaunchId,
        absence: Absence,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let Some(task) = self.tasks.get(&launch) else {
            return Err(Refusal::NoNews {
                launch,
                state: "unknown",
                event: "is absent",
            });
        };
        if task.phase() == Phase::Ended {
            return Err(no_news(launch, task, "is absent"));
        }
        let verdict = verdict::absent(task, absence);
        self.update(now, launch, now, verdict, effects);
        Ok(())
    }

    /// Starts the clock of a running task. What was asked for in an earlier life of the agent may
    /// never have reached the executor, so it is asked for again.
    fn watch(&mut self, launch: LaunchId, ask_again: bool, effects: &mut Effects) {
        let Some(task) = self.tasks.get(&launch) else {
            return;
        };
        if let Some(deadline) = task.deadline() {
            self.timers.set(Timer::Deadline(launch), deadline);
        }
        if let Some(grace) = task.kill.filter(|_| ask_again) {
            effects.push(Effect::Kill {
                launch,
                kind: Some(task.record.kind),
                grace,
                trace: task.record.trace.clone(),
            });
        }
    }

    fn starting(&self, launch: LaunchId, event: &'static str) -> Result<&Task, Refusal> {
        match self.tasks.get(&launch) {
            Some(task) if task.phase() == Phase::Starting => Ok(task),
            Some(task) => Err(no_news(launch, task, event)),
            None => Err(Refusal::NoNews {
                launch,
                state: "unknown",
                event,
            }),
        }
    }
}

fn no_news(launch: LaunchId, task: &Task, event: &'static str) -> Refusal {
    Refusal::NoNews {
        launch,
        state: task.phase().name(),
        event,
    }
}
