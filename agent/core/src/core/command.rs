//! Numbered commands: each is applied once, in order (rule R22).

use insula_types::message::{Command, CommandBody, CommandSeq, Launch};
use insula_types::{LaunchId, Span, Time, UpdateUuid};

use super::Core;
use crate::session::Session;
use crate::task::{Phase, Task};
use crate::timers::Timer;
use crate::{Effect, Effects, LaunchPlan, Record, Refusal, TaskRecord};

impl Core {
    pub(super) fn command(
        &mut self,
        now: Time,
        command: Command,
        plan: LaunchPlan,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        // When answers are slow several registrations are under way, and the answer to the first one
        // may come, with commands behind it, before the control plane has the last. To apply such a
        // command would make a lie of the last one's watermark, by which the control plane decides
        // which launches never were (rule R22). It sends them again once it has that one.
        if command.agent_clock < self.registered_with {
            return Err(Refusal::NotRegistered);
        }
        let last = self.watermark.seq;
        if command.seq <= last {
            return Err(Refusal::AlreadyApplied {
                seq: command.seq,
                last,
            });
        }
        let is_launch = matches!(command.body, CommandBody::Launch(_));
        let has_gap = command.seq - last > 1;
        if has_gap || (is_launch && self.is_late(now, command.agent_clock)) {
            self.resync(now, effects);
            return Ok(());
        }
        self.apply(now, command.seq, command.body, plan, effects);
        self.timers
            .hasten(Timer::Heartbeat, now + self.config.confirm_within);
        Ok(())
    }

    /// Kills every task that has not ended, each with its own grace.
    pub(super) fn kill_all(&mut self, effects: &mut Effects) {
        let live: Vec<(LaunchId, Span)> = self
            .live()
            .map(|record| (record.launch, record.plan.grace))
            .collect();
        for (launch, grace) in live {
            self.kill(launch, Some(grace), effects);
        }
    }

    /// A task that has run for as long as it may gets no grace: Mesos gives none either.
    pub(super) fn deadline_passed(&mut self, launch: LaunchId, effects: &mut Effects) {
        if let Some(task) = self.tasks.get(&launch) {
            let kind = Some(task.record.kind);
            effects.push(Effect::Kill {
                launch,
                kind,
                grace: Span::ZERO,
                trace: task.record.trace.clone(),
            });
        }
    }

    /// Whether a launch was under way for so long that its task may have been reported lost.
    ///
    /// The control plane's timeout runs from what it last heard, which is the clock that the
    /// command echoes. The margin is never more than half of the timeout, so that a short timeout
    /// leaves room for launches at all.
    fn is_late(&self, now: Time, echoed: Time) -> bool {
        let Session::Registered {
            unreachable_after, ..
        } = self.session
        else {
            return true;
        };
        let margin = self.config.launch_margin.0.min(unreachable_after.0 / 2);
        now.since(echoed).0 > unreachable_after.0 - margin
    }

    fn apply(
        &mut self,
        now: Time,
        seq: CommandSeq,
        body: CommandBody,
        plan: LaunchPlan,
        effects: &mut Effects,
    ) {
        self.watermark.seq = seq;
        let applied = match body {
            CommandBody::Launch(launch) => self.launch(now, launch, plan, effects),
            CommandBody::Kill { launch, grace } => self.kill(launch, grace, effects),
            CommandBody::AcknowledgeTerminal { launch, uuid } => self.forget(launch, uuid, effects),
            CommandBody::Noop => false,
        };
        if !applied {
            effects.push(Effect::Journal(Record::Applied(self.watermark)));
        }
    }

    /// Whether the launch was new; one that is known never starts again, whatever its number.
    fn launch(
        &mut self,
        now: Time,
        launch: Box<Launch>,
        plan: LaunchPlan,
        effects: &mut Effects,
    ) -> bool {
        if self.tasks.contains_key(&launch.launch) {
            return false;
        }
        let task = TaskRecord::of(&launch, plan, now);
        self.tasks.insert(task.launch, Task::new(task.clone()));
        effects.push(Effect::Journal(Record::Launched {
            watermark: self.watermark,
            task,
        }));
        effects.push(Effect::Start(launch));
        true
    }

    /// Whether there was something to kill.
    fn kill(&mut self, launch: LaunchId, grace: Option<Span>, effects: &mut Effects) -> bool {
        let Some(task) = self.tasks.get_mut(&launch) else {
            return false;
        };
        if task.phase() == Phase::Ended {
            return false;
        }
        let grace = grace.unwrap_or(task.record.plan.grace);
        let grace = task.kill.map_or(grace, |earlier| earlier.min(grace));
        task.kill = Some(grace);
        let (kind, trace) = (Some(task.record.kind), task.record.trace.clone());
        let watermark = self.watermark;
        effects.push(Effect::Journal(Record::KillAsked {
            watermark,
            launch,
            grace,
        }));
        effects.push(Effect::Kill {
            launch,
            kind,
            grace,
            trace,
        });
        true
    }

    /// Whether the launch's terminal update was this one, and is now forgotten with it.
    fn forget(&mut self, launch: LaunchId, uuid: UpdateUuid, effects: &mut Effects) -> bool {
        let ended = self.tasks.get(&launch).and_then(|task| task.ended.as_ref());
        if ended.is_none_or(|update| update.uuid != uuid) {
            return false;
        }
        self.remove(launch, effects);
        true
    }

    /// Kills a launch that the control plane has no record of, or forgets it if it has ended: nobody
    /// acknowledges its end (rule R5).
    pub(super) fn discard(&mut self, launch: LaunchId, effects: &mut Effects) {
        match self.tasks.get(&launch).map(Task::phase) {
            None => {}
            Some(Phase::Ended) => self.remove(launch, effects),
            Some(Phase::Starting | Phase::Running) => {
                self.kill(launch, None, effects);
            }
        }
    }

    fn remove(&mut self, launch: LaunchId, effects: &mut Effects) {
        self.tasks.remove(&launch);
        self.timers.cancel(Timer::Send(launch));
        self.timers.cancel(Timer::Deadline(launch));
        let watermark = self.watermark;
        effects.push(Effect::Journal(Record::Forgotten { watermark, launch }));
    }
}
