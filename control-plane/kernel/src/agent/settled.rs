//! Registration by digest (rule R25): most often an agent holds just what the rows say, and need not
//! list it.

use std::collections::BTreeSet;

use insula_types::message::{Peer, Registration, ToAgent};
use insula_types::{AgentId, LaunchId, SessionId, TaskState, TasksDigest};

use crate::Kernel;
use crate::allocator::AgentKey;
use crate::out::Out;

/// From which protocol on an agent can be asked for all its tasks.
const ANSWERS_FROM: u32 = 1;

impl Kernel {
    /// The tasks that a registration's digest stands for: none if it has no digest. Nothing is
    /// returned if the agent holds other tasks than the rows say, or if only a list of all of them
    /// tells what to do.
    pub(crate) fn settled(
        &self,
        known: Option<AgentKey>,
        registration: &Registration,
    ) -> Option<Vec<LaunchId>> {
        let Some(digest) = registration.settled else {
            return Some(Vec::new());
        };
        let expected = match known {
            Some(key) => self.expected(key, registration)?,
            None => Vec::new(),
        };
        let tasks = expected.iter().filter_map(|launch| self.tasks.get(*launch));
        let entries = tasks.map(|task| (task.row.launch, task.row.last_uuid));
        (TasksDigest::of(entries) == digest).then_some(expected)
    }

    /// What the agent must hold beside the tasks that it lists, if nothing is wrong: every task that
    /// it has started and that has not ended. A task that counts as unreachable returns in a state
    /// that only the agent knows.
    fn expected(&self, key: AgentKey, registration: &Registration) -> Option<Vec<LaunchId>> {
        let confirms = registration.watermark.seq;
        let agent = self.agents.get(key);
        if confirms < agent.row.confirmed || self.is_ahead(key, confirms) {
            return None;
        }
        let listed: BTreeSet<LaunchId> = registration
            .tasks
            .iter()
            .map(|report| report.launch)
            .collect();
        let unlisted = agent.tasks.difference(&listed);
        let mut expected = Vec::new();
        for task in unlisted.filter_map(|launch| self.tasks.get(*launch)) {
            let state = task.row.status.state;
            if state.is_terminal() || task.row.launch_seq > confirms {
                continue;
            }
            if state == TaskState::Unreachable {
                return None;
            }
            expected.push(task.row.launch);
        }
        Some(expected)
    }

    /// Whether a list that was not asked for tells of a rollback, of the agent or of the store. It may
    /// have been on its way for long, over another gateway, and overtaken by what the agent did since:
    /// an answer cannot.
    pub(crate) fn doubts(
        &self,
        key: AgentKey,
        session: &SessionId,
        registration: &Registration,
    ) -> bool {
        let agent = self.agents.get(key);
        if registration.protocol < ANSWERS_FROM || agent.asked.as_ref() == Some(session) {
            return false;
        }
        let is_unknown = |launch| !agent.tasks.contains(&launch);
        registration.watermark.seq < agent.row.confirmed
            || registration
                .tasks
                .iter()
                .any(|report| is_unknown(report.launch))
    }

    /// Asks for a registration with every task. The agent has been heard, and no more: its session is
    /// not open, and nothing is said about its tasks.
    pub(crate) fn ask_for_all(
        &mut self,
        id: &AgentId,
        known: Option<AgentKey>,
        session: &SessionId,
        out: &mut Out,
    ) {
        if let Some(key) = known {
            let agent = self.agents.get_mut(key);
            agent.hear(self.now, None);
            agent.asked = Some(session.clone());
        }
        let peer = Peer::Agent {
            agent: id.clone(),
            session: session.clone(),
        };
        out.tell_agent(peer, ToAgent::ReportAll);
    }

    /// The agent holds a task as its row says, and waits for no acknowledgement of it.
    pub(crate) fn take_settled(&mut self, key: AgentKey, launch: LaunchId) {
        self.agents.get_mut(key).absent.remove(&launch);
        if let Some(task) = self.tasks.get_mut(launch) {
            task.acked = task.row.status.uuid.is_some();
        }
    }
}
