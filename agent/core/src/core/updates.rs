//! Status update streams: one per task, durable before sent, sent until acknowledged.

use insula_types::message::FromAgent;
use insula_types::{LaunchId, Span, Time, UpdateUuid};

use super::Core;
use super::verdict::Verdict;
use crate::session::Session;
use crate::timers::Timer;
use crate::{Effect, Effects, Record, Refusal, Update};

impl Core {
    /// Makes an update durable, and sends it unless an earlier one still waits.
    ///
    /// `at` dates the update; `now` is when it became known here.
    pub(super) fn update(
        &mut self,
        now: Time,
        launch: LaunchId,
        at: Time,
        verdict: Verdict,
        effects: &mut Effects,
    ) {
        let Some(task) = self.tasks.get_mut(&launch) else {
            return;
        };
        let Verdict {
            state,
            source,
            reason,
            message,
            exit,
            started,
        } = verdict;
        let update = Update {
            uuid: self.uuids.next(),
            state,
            source,
            reason,
            message,
            exit,
            at,
            started,
        };
        if state.is_terminal() {
            self.timers.cancel(Timer::Deadline(launch));
        }
        effects.push(Effect::Journal(Record::Updated {
            launch,
            update: update.clone(),
        }));
        let is_first = task.pending().is_none();
        task.push(update);
        if is_first {
            task.backoff = Span::ZERO;
            self.send_pending(now, launch, effects);
        }
    }

    pub(super) fn acknowledged(
        &mut self,
        now: Time,
        launch: LaunchId,
        uuid: UpdateUuid,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let task = self.tasks.get_mut(&launch).filter(|task| task.awaits(uuid));
        // A terminal update is acknowledged by a numbered command only (rule R22).
        let Some(task) = task.filter(|task| !task.running_acknowledged && task.running.is_some())
        else {
            return Err(Refusal::NotAwaited { launch, uuid });
        };
        task.running_acknowledged = true;
        task.backoff = Span::ZERO;
        self.timers.cancel(Timer::Send(launch));
        self.send_pending(now, launch, effects);
        effects.push(Effect::Journal(Record::Acknowledged { launch, uuid }));
        Ok(())
    }

    /// Sends the first waiting update of a task, and again later, less and less often.
    pub(super) fn send_pending(&mut self, now: Time, launch: LaunchId, effects: &mut Effects) {
        let Session::Registered { session, .. } = &self.session else {
            return;
        };
        let Some(task) = self.tasks.get_mut(&launch) else {
            return;
        };
        let Some(update) = task.pending() else {
            return;
        };
        let message = FromAgent::Update {
            launch,
            status: Box::new(update.status(&task.record.task, task.times())),
            trace: task.record.trace.clone(),
        };
        effects.push(Effect::Send {
            session: session.clone(),
            message,
        });
        let doubled = Span(task.backoff.0.saturating_mul(2));
        task.backoff = doubled.clamp(self.config.retry_min, self.config.retry_max);
        self.timers.set(Timer::Send(launch), now + task.backoff);
    }

    /// Sends all that waits, at once and from the shortest retry again; in slices if it is much.
    pub(super) fn send_all_pending(&mut self, now: Time, effects: &mut Effects) {
        for (launch, task) in &mut self.tasks {
            if task.pending().is_some() {
                task.backoff = Span::ZERO;
                self.timers.set(Timer::Send(*launch), now);
            }
        }
        self.fire_timers(now, effects);
    }

    pub(super) fn stop_sending(&mut self) {
        for launch in self.tasks.keys() {
            self.timers.cancel(Timer::Send(*launch));
        }
    }
}
