//! An agent opens a session: identity, watermark, and what it holds (rules R22, R25, R27).

use std::collections::BTreeSet;

use insula_types::agent::AgentInfo;
use insula_types::event::EventKind;
use insula_types::message::{CommandSeq, Registration, TaskReport, ToAgent};
use insula_types::record::{AgentRow, AgentState, Record};
use insula_types::{AgentId, LaunchId, SessionId};

use crate::agent::ahead::SEQ_MAX;
use crate::allocator::AgentKey;
use crate::out::Out;
use crate::{Kernel, Rejection};

/// What a registering agent holds.
#[derive(Debug, Clone, Copy)]
struct Held<'a> {
    /// As it says itself.
    reports: &'a [TaskReport],
    /// As its digest says: just as the rows have it.
    settled: &'a [LaunchId],
}

impl Held<'_> {
    fn launches(&self) -> impl Iterator<Item = LaunchId> {
        let reported = self.reports.iter().map(|report| report.launch);
        reported.chain(self.settled.iter().copied())
    }
}

impl Kernel {
    /// Opens the session, or answers a [`ToAgent::Resync`] within it.
    ///
    /// A digest that is not what the rows say opens nothing: it is answered by
    /// [`ToAgent::ReportAll`]. The number of effects is in proportion to the tasks that the agent reports, so the bound on
    /// the message bounds the step (rule R12).
    pub(crate) fn register_agent(
        &mut self,
        id: &AgentId,
        session: &SessionId,
        registration: Registration,
        out: &mut Out,
    ) -> Result<(), Rejection> {
        let known = self.agents.find(id);
        if let Some(key) = known
            && self.agents.get(key).row.checkpoint != registration.checkpoint
        {
            return Err(Rejection::ForeignCheckpoint(id.clone()));
        }
        let is_over = |key| {
            let agent = self.agents.get(key);
            agent.has_ended(session) || agent.has_left(session, registration.clock, self.now)
        };
        if known.is_some_and(is_over) {
            return Err(Rejection::AgentSession {
                agent: id.clone(),
                session: session.to_string(),
            });
        }
        let confirms = registration.watermark.seq;
        if confirms > SEQ_MAX {
            return Err(Rejection::Watermark {
                agent: id.clone(),
                seq: confirms,
            });
        }
        if let Some(key) = known {
            self.check_flapping(id, key, session)?;
        }
        if registration.watermark.epoch > self.epoch {
            self.refuse_newer_agent(id, session, &registration, out);
            return Ok(());
        }
        let is_doubted = known.is_some_and(|key| self.doubts(key, session, &registration));
        let settled = self.settled(known, &registration);
        let Some(settled) = settled.filter(|_| !is_doubted) else {
            self.ask_for_all(id, known, session, out);
            return Ok(());
        };
        let key = match known {
            Some(key) => key,
            None => self.add_agent(id, session, &registration)?,
        };
        self.supersede_session(key, session, out);
        self.count_session(key, session, out);
        let rolled_back = confirms < self.agents.get(key).row.confirmed;
        self.take_watermark(key, confirms, out);
        self.renew_row(key, session, registration.info, out);
        let agent = self.agents.get_mut(key);
        agent.connected = true;
        agent.session_is_over = false;
        agent.synced = true;
        agent.newer_epoch = None;
        agent.asked = None;
        agent.protocol = registration.protocol;
        agent.hear(self.now, Some(registration.clock));
        self.announce(
            EventKind::AgentRegistered {
                agent: id.clone(),
                again: known.is_some(),
            },
            out,
        );
        self.greet(key, out);
        let held = Held {
            reports: &registration.tasks,
            settled: &settled,
        };
        self.take_reports(key, rolled_back.then_some(confirms), held, out);
        self.refresh_agent(key, out);
        let due = self.silent_from(key);
        self.agents.check_at(key, due);
        self.send_commands(key, out);
        Ok(())
    }

    fn add_agent(
        &mut self,
        id: &AgentId,
        session: &SessionId,
        registration: &Registration,
    ) -> Result<AgentKey, Rejection> {
        let row = AgentRow {
            agent: id.clone(),
            checkpoint: registration.checkpoint.clone(),
            session: session.clone(),
            info: registration.info.clone(),
            state: AgentState::Registered,
            confirmed: 0,
            registered_at: self.now,
            reregistered_at: self.now,
        };
        self.agents.add(row, self.now).ok_or(Rejection::TooMany {
            what: "agents".into(),
            limit: u32::MAX as usize,
        })
    }

    /// A second session of one id ends the first (rule R27).
    fn supersede_session(&mut self, key: AgentKey, session: &SessionId, out: &mut Out) {
        let agent = self.agents.get(key);
        if agent.row.session == *session {
            return;
        }
        if let Some(peer) = agent.peer() {
            let reason = "a newer session of the same agent took over".to_owned();
            out.tell_agent(peer, ToAgent::Disconnect { reason });
        }
    }

    /// Compares what the agent has made durable with what it was told.
    fn take_watermark(&mut self, key: AgentKey, confirms: CommandSeq, out: &mut Out) {
        if self.is_ahead(key, confirms) {
            self.number_above(key, confirms, out);
        }
        // The session is new to the agent: whatever it has not confirmed is sent again.
        self.agents.get_mut(key).sent = confirms;
        self.confirm_commands(key, confirms, out);
    }

    fn renew_row(&mut self, key: AgentKey, session: &SessionId, info: AgentInfo, out: &mut Out) {
        let now = self.now;
        let agent = self.agents.get_mut(key);
        let same = agent.row.info.resources == info.resources
            && agent.row.info.attributes == info.attributes;
        agent.row.session = session.clone();
        agent.row.info = info;
        agent.row.state = AgentState::Registered;
        agent.row.reregistered_at = now;
        let total = agent.row.info.resources.clone();
        if !agent.listed {
            agent.listed = true;
            self.allocator.add_agent(key, total);
        } else if !same {
            self.rescind_agent(key, out);
            self.allocator.update_agent(key, total);
            self.allocator.clear_agent_filters(key);
        }
        // The row is written anyway and carries the confirmation.
        self.note_confirmation(key);
        let row = self.agents.get(key).row.clone();
        out.persist(Record::Agent(Box::new(row)));
    }

    fn greet(&self, key: AgentKey, out: &mut Out) {
        if let Some(peer) = self.agents.get(key).peer() {
            let unreachable_after = self.config.unreachable_after;
            out.tell_agent(peer, ToAgent::Registered { unreachable_after });
        }
    }

    fn take_reports(
        &mut self,
        key: AgentKey,
        rolled_back_to: Option<CommandSeq>,
        held: Held<'_>,
        out: &mut Out,
    ) {
        let before = self.agents.get_mut(key).strangers.recount();
        for report in held.reports {
            self.take_report(key, report, out);
        }
        for launch in held.settled {
            self.take_settled(key, *launch);
        }
        self.strangers_are_counted(key, &before, out);
        let reported: BTreeSet<LaunchId> = held.launches().collect();
        let unreported: Vec<LaunchId> = self
            .agents
            .get(key)
            .tasks
            .difference(&reported)
            .copied()
            .collect();
        let mut missing = BTreeSet::new();
        for launch in unreported {
            if self.is_missing(launch, out) {
                missing.insert(launch);
            }
        }
        if let Some(confirms) = rolled_back_to {
            self.start_purge(key, confirms, held.reports, missing, out);
            return;
        }
        if self.purge_goes_on(key, &missing, out) {
            return;
        }
        for launch in missing {
            self.task_is_missing(launch, out);
        }
    }
}
