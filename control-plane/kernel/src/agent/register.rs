//! An agent opens a session: identity, watermark, and what it holds (rules R22, R25, R27).

use std::collections::BTreeSet;

use insula_types::agent::AgentInfo;
use insula_types::event::EventKind;
use insula_types::message::{CommandSeq, Registration, TaskReport, ToAgent};
use insula_types::record::{AgentRow, AgentState, Record};
use insula_types::{AgentId, LaunchId, SessionId};

use crate::allocator::AgentKey;
use crate::out::Out;
use crate::{Kernel, Rejection};

impl Kernel {
    /// Opens the session, or answers a [`ToAgent::Resync`] within it.
    ///
    /// The number of effects is in proportion to the tasks that the agent reports, so the bound on
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
        if known.is_some_and(|key| self.agents.get(key).has_ended(session)) {
            return Err(Rejection::AgentSession {
                agent: id.clone(),
                session: session.to_string(),
            });
        }
        if registration.watermark.epoch > self.epoch {
            self.refuse_newer_agent(id, session, &registration, out);
            return Ok(());
        }
        let key = match known {
            Some(key) => key,
            None => self.add_agent(id, session, &registration)?,
        };
        self.supersede_session(key, session, out);
        let confirms = registration.watermark.seq;
        let rolled_back = confirms < self.agents.get(key).row.confirmed;
        self.take_watermark(key, confirms, out);
        self.renew_row(key, session, registration.info, out);
        let agent = self.agents.get_mut(key);
        agent.connected = true;
        agent.synced = true;
        agent.purge = None;
        agent.hear(self.now, Some(registration.clock));
        self.announce(
            EventKind::AgentRegistered {
                agent: id.clone(),
                again: known.is_some(),
            },
            out,
        );
        self.greet(key, out);
        self.take_reports(key, rolled_back, confirms, &registration.tasks, out);
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
            what: "agents",
            limit: u32::MAX as usize,
        })
    }

    /// An agent that obeys a later epoch than ours has spoken with a control plane whose store was
    /// newer (rule R5). Nothing that we say would reach it.
    fn refuse_newer_agent(
        &self,
        id: &AgentId,
        session: &SessionId,
        registration: &Registration,
        out: &mut Out,
    ) {
        let theirs = registration.watermark.epoch;
        self.alarm(
            format!(
                "agent {id} obeys epoch {theirs}, which is above this control plane's {}: its store was restored from an older state",
                self.epoch
            ),
            out,
        );
        let peer = insula_types::message::Peer::Agent {
            agent: id.clone(),
            session: session.clone(),
        };
        let reason = format!(
            "this control plane is in epoch {}, and the agent has obeyed {theirs} already",
            self.epoch
        );
        out.tell_agent(peer, ToAgent::Disconnect { reason });
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
        let agent = self.agents.get_mut(key);
        if confirms >= agent.next_seq {
            let sentence = format!(
                "agent {} confirms command {confirms}, and the last one on record is {}: the store may have been rolled back; numbers go on above it",
                agent.row.agent,
                agent.next_seq - 1
            );
            agent.next_seq = confirms + 1;
            self.alarm(sentence, out);
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
        rolled_back: bool,
        confirms: CommandSeq,
        reports: &[TaskReport],
        out: &mut Out,
    ) {
        let before = std::mem::take(&mut self.agents.get_mut(key).strangers);
        for report in reports {
            self.take_report(key, report, out);
        }
        if !self.agents.get(key).strangers.is_subset(&before) {
            self.tell_of_strangers(key, out);
        }
        let reported: BTreeSet<LaunchId> = reports.iter().map(|report| report.launch).collect();
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
        if rolled_back {
            self.start_purge(key, confirms, reports, missing, out);
            return;
        }
        for launch in missing {
            self.task_is_missing(launch, out);
        }
    }
}
