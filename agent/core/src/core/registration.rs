//! Opening, committing and losing the session (rules R22, R25).

use insula_types::message::{AGENT_PROTOCOL, FromAgent, Registration, TaskReport, ToAgent};
use insula_types::{Epoch, SessionId, Span, TasksDigest, Time};

use super::Core;
use crate::session::Session;
use crate::task::Task;
use crate::timers::Timer;
use crate::{Effect, Effects, LaunchPlan, Record, Refusal};

impl Core {
    pub(super) fn connected(&mut self, now: Time, session: SessionId, effects: &mut Effects) {
        self.close_session();
        self.register(now, session, effects);
    }

    /// Forgets the session; what waits to be sent waits for the next one. If it ended before the
    /// registration was answered, the next one takes nothing for granted: a control plane of a former
    /// version ends a session in which it is shown a digest.
    pub(super) fn close_session(&mut self) {
        if matches!(self.session, Session::Registering(_)) {
            self.reports_all = true;
        }
        self.stop_sending();
        self.timers.cancel(Timer::Heartbeat);
        self.session = Session::Closed;
    }

    pub(super) fn receive(
        &mut self,
        now: Time,
        epoch: Epoch,
        session: &SessionId,
        message: ToAgent,
        plan: LaunchPlan,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.session.id() != Some(session) {
            return Err(Refusal::OtherSession {
                given: session.clone(),
            });
        }
        // A gateway that speaks for itself has no epoch. All that it may do is end the session or ask
        // to register once more, and neither changes anything that is kept.
        let is_gateways = matches!(message, ToAgent::Resync | ToAgent::Disconnect { .. });
        if epoch < self.watermark.epoch && !(is_gateways && epoch == Epoch(0)) {
            return Err(Refusal::LowerEpoch {
                given: epoch,
                known: self.watermark.epoch,
            });
        }
        match message {
            ToAgent::Registered { unreachable_after } => {
                self.registered(now, epoch, session.clone(), unreachable_after, effects);
            }
            ToAgent::Resync => self.resync(now, effects),
            ToAgent::ReportAll => {
                self.reports_all = true;
                self.resync(now, effects);
            }
            ToAgent::Disconnect { .. } => self.close_session(),
            ToAgent::Command(_) | ToAgent::Acknowledge { .. } | ToAgent::Discard { .. }
                if !self.is_registered() =>
            {
                return Err(Refusal::NotRegistered);
            }
            // A new owner has not committed this session yet, so it may not command in it.
            ToAgent::Command(_) | ToAgent::Acknowledge { .. } | ToAgent::Discard { .. }
                if epoch > self.watermark.epoch =>
            {
                self.resync(now, effects);
            }
            ToAgent::Command(command) => return self.command(now, command, plan, effects),
            ToAgent::Acknowledge { launch, uuid } => {
                return self.acknowledged(now, launch, uuid, effects);
            }
            ToAgent::Discard { launch } => self.discard(launch, effects),
        }
        Ok(())
    }

    /// Registers once more; until that is committed, no command is valid.
    pub(super) fn resync(&mut self, now: Time, effects: &mut Effects) {
        if let Some(session) = self.session.id().cloned() {
            self.stop_sending();
            self.register(now, session, effects);
        }
    }

    pub(super) fn heartbeat(&mut self, now: Time, effects: &mut Effects) {
        match self.session.clone() {
            Session::Closed => {}
            // The registration or its answer was lost.
            Session::Registering(session) => self.register(now, session, effects),
            Session::Registered {
                session,
                unreachable_after,
            } => {
                let heartbeat = self.heartbeat_within(unreachable_after);
                self.timers.set(Timer::Heartbeat, now + heartbeat);
                self.told = self.told.max(now);
                let message = FromAgent::Alive {
                    watermark: self.watermark,
                    clock: self.told,
                };
                effects.push(Effect::Send { session, message });
            }
        }
    }

    /// A control plane that is soon impatient is told so often that three signs of life may be lost.
    fn heartbeat_within(&self, unreachable_after: Span) -> Span {
        self.config.heartbeat.min(Span(unreachable_after.0 / 4))
    }

    /// Each registration has a clock of its own, later than all that was told before: a command that
    /// echoes an earlier one was sent before the control plane had this registration.
    fn register(&mut self, now: Time, session: SessionId, effects: &mut Effects) {
        self.timers
            .set(Timer::Heartbeat, now + self.config.heartbeat);
        self.told = now.max(self.told + Span(1));
        self.registered_with = self.told;
        let (tasks, settled) = self.reports();
        let registration = Registration {
            checkpoint: self.identity.checkpoint.clone(),
            info: self.identity.info.clone(),
            watermark: self.watermark,
            tasks,
            clock: self.told,
            settled,
            protocol: AGENT_PROTOCOL,
        };
        let message = FromAgent::Register(Box::new(registration));
        effects.push(Effect::Send {
            session: session.clone(),
            message,
        });
        self.session = Session::Registering(session);
    }

    /// What is said of the tasks: all of them, or those with an update that waits and a digest of the
    /// others, which the control plane most often knows to be as they are (rule R25).
    fn reports(&self) -> (Vec<TaskReport>, Option<TasksDigest>) {
        let tasks = self.tasks.values();
        if self.reports_all {
            return (tasks.map(Task::report).collect(), None);
        }
        let (pending, settled): (Vec<&Task>, Vec<&Task>) =
            tasks.partition(|task| task.pending().is_some());
        let entries = settled
            .iter()
            .map(|task| (task.record.launch, task.last_uuid()));
        let digest = TasksDigest::of(entries);
        (
            pending.into_iter().map(Task::report).collect(),
            Some(digest),
        )
    }

    fn registered(
        &mut self,
        now: Time,
        epoch: Epoch,
        session: SessionId,
        unreachable_after: Span,
        effects: &mut Effects,
    ) {
        if epoch > self.watermark.epoch {
            self.watermark.epoch = epoch;
            effects.push(Effect::Journal(Record::Applied(self.watermark)));
        }
        self.session = Session::Registered {
            session,
            unreachable_after,
        };
        self.reports_all = false;
        let heartbeat = self.heartbeat_within(unreachable_after);
        self.timers.set(Timer::Heartbeat, now + heartbeat);
        self.send_all_pending(now, effects);
    }
}
