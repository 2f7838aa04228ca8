//! Nothing is said before it is durable (rules R3, R21, R22), as the rows of all commits so far tell.

use std::collections::{BTreeMap, BTreeSet};

use insula_types::message::{CommandBody, CommandSeq, ToAgent};
use insula_types::record::{Record, TaskRow};
use insula_types::{AgentId, CellId, FrameworkKey, LaunchId, SessionId, TaskId, UpdateUuid};

use super::{Violation, must};

/// What was ever committed, by whichever owner.
#[derive(Debug, Default)]
pub(crate) struct Durable {
    launches: BTreeSet<(CellId, LaunchId)>,
    updates: BTreeSet<(FrameworkKey, TaskId, UpdateUuid)>,
    /// The latest session in a row of the agent.
    sessions: BTreeMap<AgentId, SessionId>,
    /// The highest command number in a row of the agent.
    numbers: BTreeMap<AgentId, CommandSeq>,
}

impl Durable {
    /// Remembers what a commit made durable.
    pub(crate) fn remember(&mut self, cell: &CellId, record: &Record) {
        match record {
            Record::Agent(row) => {
                self.sessions.insert(row.agent.clone(), row.session.clone());
            }
            Record::Task(row) => self.remember_task(cell, row),
            _ => {}
        }
    }

    fn remember_task(&mut self, cell: &CellId, row: &TaskRow) {
        self.launches.insert((cell.clone(), row.launch));
        let numbers = [
            Some(row.launch_seq),
            row.kill_seq,
            row.ack.map(|(seq, _)| seq),
        ];
        let highest = numbers.into_iter().flatten().max().unwrap_or(0);
        let known = self.numbers.entry(row.agent.clone()).or_default();
        *known = highest.max(*known);
        for uuid in [row.status.uuid, row.last_uuid].into_iter().flatten() {
            let key = row.key.clone();
            self.updates.insert((key.framework, key.task, uuid));
        }
    }

    pub(crate) fn a_launch_is_in_the_rows(
        &self,
        cell: &CellId,
        launch: LaunchId,
    ) -> Result<(), Violation> {
        must(
            self.launches.contains(&(cell.clone(), launch)),
            "a launch is in the rows before it starts",
            || format!("{launch} is started and no commit has it"),
        )
    }

    pub(crate) fn what_an_agent_is_told_is_in_the_rows(
        &self,
        cell: &CellId,
        agent: &AgentId,
        session: &SessionId,
        message: &ToAgent,
    ) -> Result<(), Violation> {
        match message {
            // Of two sessions within one commit only the later one is in the rows; the earlier one is
            // greeted and ended. Sessions are named in their order.
            ToAgent::Registered { .. } => must(
                self.sessions.get(agent) >= Some(session),
                "a session is in the rows before it is greeted",
                || format!("{agent} is greeted in {session}"),
            ),
            ToAgent::Command(command) => {
                let known = self.numbers.get(agent).copied().unwrap_or(0);
                must(
                    command.seq <= known,
                    "a command's number is in the rows before it is sent",
                    || format!("{agent} is sent {}, the rows end at {known}", command.seq),
                )?;
                match &command.body {
                    CommandBody::Launch(launch) => {
                        self.a_launch_is_in_the_rows(cell, launch.launch)
                    }
                    CommandBody::Kill { .. }
                    | CommandBody::AcknowledgeTerminal { .. }
                    | CommandBody::Noop => Ok(()),
                }
            }
            ToAgent::Resync
            | ToAgent::ReportAll
            | ToAgent::Acknowledge { .. }
            | ToAgent::Discard { .. }
            | ToAgent::Disconnect { .. } => Ok(()),
        }
    }

    pub(crate) fn an_update_is_in_the_rows(
        &self,
        framework: &FrameworkKey,
        task: &TaskId,
        uuid: UpdateUuid,
    ) -> Result<(), Violation> {
        let key = (framework.clone(), task.clone(), uuid);
        must(
            self.updates.contains(&key),
            "an update is in the rows before a framework hears of it",
            || format!("{framework} hears update {uuid:?} of {task}"),
        )
    }
}
