//! Numbered commands to an agent (rule R22): numbering, sending, confirming.
//!
//! The numbers stand in the task rows, which is why there is no table of commands: the outbox is made
//! again from the rows, and a number that no row names any more goes out as a no-op.

use bytes::Bytes;
use insula_types::message::{Command, CommandBody, CommandSeq, Launch, ToAgent};
use insula_types::record::{Record, TaskRow};
use insula_types::{LaunchId, TraceContext};

use crate::Kernel;
use crate::agent::{Agent, Outgoing};
use crate::allocator::AgentKey;
use crate::out::Out;
use crate::work::Work;

impl Kernel {
    /// Takes the agent's next number for a command about a launch. The caller writes it into the
    /// task's row, persists that, and then calls [`Self::send_commands`].
    pub(crate) fn number_command(
        &mut self,
        agent: AgentKey,
        launch: LaunchId,
        what: Outgoing,
    ) -> CommandSeq {
        let agent = self.agents.get_mut(agent);
        let seq = agent.next_seq;
        agent.next_seq += 1;
        agent.outbox.insert(seq, (launch, what));
        seq
    }

    /// Sends what the session has not seen yet, at most a slice of it; the rest follows with the
    /// next timer. The agent is never sent more than a window beyond what it has confirmed.
    pub(crate) fn send_commands(&mut self, key: AgentKey, out: &mut Out) {
        let agent = self.agents.get(key);
        let Some(peer) = agent.peer() else {
            return;
        };
        let first = agent.sent + 1;
        let end = (agent.next_seq - 1).min(agent.watermark + self.config.window as u64);
        let last = end.min(agent.sent.saturating_add(self.config.slice as u64));
        for seq in first..=last {
            let (trace, command) = self.command(key, seq);
            out.tell_agent_of(peer.clone(), trace, ToAgent::Command(command));
        }
        let agent = self.agents.get_mut(key);
        agent.sent = agent.sent.max(last);
        if agent.sent < end {
            self.work.push(Work::SendCommands { agent: key });
        }
    }

    /// The command of that number, with the trace of the task that it is about.
    fn command(&self, key: AgentKey, seq: CommandSeq) -> (TraceContext, Command) {
        let agent = self.agents.get(key);
        let meant = agent.outbox.get(&seq);
        let task = meant.and_then(|(launch, _)| self.tasks.get(*launch));
        let trace = task.map(|task| task.row.trace.clone());
        let body = meant
            .zip(task)
            .and_then(|((_, what), task)| command_body(agent, &task.row, *what));
        let command = Command {
            seq,
            agent_clock: agent.clock,
            body: body.unwrap_or(CommandBody::Noop),
        };
        (trace.unwrap_or_default(), command)
    }

    /// The agent has made everything up to `seq` durable: acknowledged tasks become history.
    pub(crate) fn confirm_commands(&mut self, key: AgentKey, seq: CommandSeq, out: &mut Out) {
        let agent = self.agents.get_mut(key);
        if seq <= agent.watermark {
            return;
        }
        agent.watermark = seq;
        agent.sent = agent.sent.max(seq);
        let above = agent.outbox.split_off(&(seq + 1));
        let confirmed = std::mem::replace(&mut agent.outbox, above);
        self.unconfirmed.insert(key);
        for (launch, what) in confirmed.into_values() {
            if what == Outgoing::Acknowledge {
                self.archive_if_done(launch, out);
            }
        }
        if self.agents.get(key).sent + 1 < self.agents.get(key).next_seq {
            self.work.push(Work::SendCommands { agent: key });
        }
        let absent: Vec<LaunchId> = self.agents.get(key).absent.iter().copied().collect();
        for launch in absent {
            self.archive_if_done(launch, out);
        }
    }

    /// Persists the agent's watermark, if that has not been done, and forgets the descriptions that
    /// no load will need any more.
    pub(crate) fn persist_confirmation(&mut self, key: AgentKey, out: &mut Out) {
        if self.note_confirmation(key) {
            let row = &self.agents.get(key).row;
            out.persist(Record::AgentConfirmed(row.agent.clone(), row.confirmed));
        }
    }

    /// Takes the watermark over into the row, and tells whether that changed it.
    pub(crate) fn note_confirmation(&mut self, key: AgentKey) -> bool {
        self.unconfirmed.remove(&key);
        let agent = self.agents.get_mut(key);
        if agent.watermark <= agent.row.confirmed {
            return false;
        }
        agent.row.confirmed = agent.watermark;
        agent.payloads = agent.payloads.split_off(&(agent.watermark + 1));
        true
    }

    /// Persists watermarks in a step that persists something anyway, never for their own sake (rule
    /// R27), and at most a slice of them.
    pub(crate) fn persist_confirmations(&mut self, out: &mut Out) {
        if !out.persists() {
            return;
        }
        let some: Vec<AgentKey> = self
            .unconfirmed
            .iter()
            .take(self.config.slice)
            .copied()
            .collect();
        for key in some {
            self.persist_confirmation(key, out);
        }
    }
}

fn command_body(agent: &Agent, row: &TaskRow, what: Outgoing) -> Option<CommandBody> {
    let launch = row.launch;
    match what {
        Outgoing::Launch => {
            let (_, payload) = agent.payloads.get(&row.launch_seq)?;
            Some(CommandBody::Launch(Box::new(launch_of(row, payload))))
        }
        Outgoing::Kill => Some(CommandBody::Kill {
            launch,
            grace: row.kill_grace,
        }),
        Outgoing::Acknowledge => {
            let (_, uuid) = row.ack?;
            Some(CommandBody::AcknowledgeTerminal { launch, uuid })
        }
    }
}

fn launch_of(row: &TaskRow, payload: &Bytes) -> Launch {
    Launch {
        launch: row.launch,
        framework: row.key.framework.clone(),
        task: row.key.task.clone(),
        kind: row.kind,
        resources: row.resources.clone(),
        user: row.user.clone(),
        payload: payload.clone(),
        trace: row.trace.clone(),
    }
}
