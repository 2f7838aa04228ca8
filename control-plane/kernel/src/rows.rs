//! Rows in and out: a kernel is loaded from them and nothing else (rule R7).

use std::collections::VecDeque;

use bytes::Bytes;
use insula_types::framework::BUILT_IN;
use insula_types::record::{
    AgentRow, FrameworkRow, FrameworkState, RequestRow, RoleRow, Rows, TaskRow,
};
use insula_types::{FrameworkKey, LaunchId, Time};

use crate::Kernel;
use crate::agent::Outgoing;
use crate::allocator::FrameworkIdx;
use crate::framework::answer::Flow;
use crate::framework::{Client, Link, Side};
use crate::task::Task;
use crate::work::Work;

impl Kernel {
    /// The durable part of the kernel, sorted by key; equal to what was persisted (rule R7).
    #[must_use]
    pub fn rows(&self) -> Rows {
        let agents = self.agents.by_id().map(|agent| agent.row.clone());
        let clients = self.frameworks.by_key().filter_map(|each| each.client());
        let requests = self
            .requests
            .values()
            .flat_map(|requests| requests.rows.values());
        Rows {
            cell: self.cell.clone(),
            roles: self.roles.values().cloned().collect(),
            agents: agents.collect(),
            frameworks: clients.map(|client| client.row.clone()).collect(),
            tasks: self.tasks.iter().map(|task| task.row.clone()).collect(),
            payloads: self.payloads(),
            requests: requests.cloned().collect(),
        }
    }

    fn payloads(&self) -> Vec<(LaunchId, Bytes)> {
        let mut payloads: Vec<(LaunchId, Bytes)> = self
            .agents
            .iter()
            .flat_map(|agent| agent.payloads.values())
            .filter(|(launch, _)| self.tasks.get(*launch).is_some())
            .cloned()
            .collect();
        payloads.sort_unstable_by_key(|(launch, _)| *launch);
        payloads
    }

    /// Takes the rows up one kind after the other. A row that refers to one that is not there cannot
    /// have been written by a kernel, since each commit holds both or neither; it is left out.
    pub(crate) fn take_up(&mut self, mut rows: Rows) {
        rows.agents.sort_by(|a, b| a.agent.cmp(&b.agent));
        rows.frameworks.sort_by(|a, b| a.key.cmp(&b.key));
        for role in rows.roles {
            self.take_up_role(role);
        }
        for agent in rows.agents {
            self.take_up_agent(agent);
        }
        for framework in rows.frameworks {
            self.take_up_framework(framework);
        }
        for task in rows.tasks {
            self.take_up_task(task);
        }
        for agent in self.agents.iter_mut() {
            agent.first_seq = agent.next_seq;
        }
        for (launch, payload) in rows.payloads {
            self.take_up_payload(launch, payload);
        }
        for request in rows.requests {
            self.take_up_request(request);
        }
        self.take_up_work();
    }

    fn take_up_role(&mut self, role: RoleRow) {
        self.allocator
            .set_role(&role.path, role.weight, role.limit.clone());
        self.roles.insert(role.path.clone(), role);
    }

    /// An agent's time to be silent starts anew: what it said while nobody owned the cell was not
    /// heard (rule R24).
    fn take_up_agent(&mut self, row: AgentRow) {
        let total = row.info.resources.clone();
        let Some(key) = self.agents.add(row, self.now) else {
            return;
        };
        let agent = self.agents.get_mut(key);
        agent.listed = true;
        let is_unreachable = agent.is_unreachable();
        self.allocator.add_agent(key, total);
        self.allocator.set_agent_active(key, false);
        if !is_unreachable {
            let due = self.silent_from(key);
            self.agents.check_at(key, due);
        }
    }

    /// A framework that was subscribed lost its session with the earlier owner, through no fault of
    /// its own; it is excused, as is one whose time ran while nobody served it (rule R18).
    fn take_up_framework(&mut self, row: FrameworkRow) {
        let link = match row.state {
            FrameworkState::Subscribed => Link::Away { deadline: self.now },
            FrameworkState::Disconnected { deadline } => Link::Away { deadline },
            FrameworkState::Removed { .. } => Link::Removed,
        };
        let (key, info) = (row.key.clone(), row.info.clone());
        let client = Client {
            row,
            link,
            successor: None,
            answers: VecDeque::new(),
            flow: Flow::default(),
        };
        let side = Side::Client(Box::new(client));
        if let Some(idx) = self.frameworks.add(key.clone(), side) {
            let gpus = info.capabilities.gpu_resources;
            self.allocator
                .add_framework(idx, &key.tenant, gpus, &info.roles);
            self.allocator.set_framework_active(idx, false);
            self.excuse_framework(idx);
        }
    }

    fn framework_of(&mut self, key: &FrameworkKey) -> Option<FrameworkIdx> {
        if key.framework.as_str() == BUILT_IN {
            return self.built_in(&key.tenant);
        }
        self.frameworks.find(key)
    }

    fn take_up_task(&mut self, row: TaskRow) {
        let framework = self.framework_of(&row.key.framework);
        let (Some(framework), Some(key)) = (framework, self.agents.find(&row.agent)) else {
            return;
        };
        if row.status.state.holds_resources() {
            self.allocator
                .charge(framework, &row.role, key, &row.resources);
        }
        let launch = row.launch;
        self.frameworks.get_mut(framework).tasks.insert(launch);
        let agent = self.agents.get_mut(key);
        agent.tasks.insert(launch);
        let launches = (!row.status.state.is_terminal()).then_some(row.launch_seq);
        let acknowledges = row.ack.map(|(seq, _)| seq);
        for (seq, what) in [
            (launches, Outgoing::Launch),
            (row.kill_seq, Outgoing::Kill),
            (acknowledges, Outgoing::Acknowledge),
        ] {
            if let Some(seq) = seq.filter(|seq| *seq > agent.row.confirmed) {
                agent.outbox.insert(seq, (launch, what));
            }
        }
        let task = Task {
            row,
            framework,
            agent: key,
            acked: false,
        };
        agent.next_seq = agent.next_seq.max(task.last_seq() + 1);
        self.tasks.insert(task);
    }

    fn take_up_payload(&mut self, launch: LaunchId, payload: Bytes) {
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        let agent = self.agents.get_mut(task.agent);
        if task.row.launch_seq > agent.row.confirmed {
            agent
                .payloads
                .insert(task.row.launch_seq, (launch, payload));
        }
    }

    fn take_up_request(&mut self, row: RequestRow) {
        let (tenant, task) = (row.tenant.clone(), row.request.task.clone());
        let waits = row.launch.is_none();
        if self.built_in(&tenant).is_none() {
            return;
        }
        if let Some(requests) = self.requests.get_mut(&tenant) {
            requests.rows.insert(task.clone(), row);
        }
        if waits {
            self.request_waits(&tenant, &task);
        }
    }

    /// Long work that the earlier owner did not finish follows from the rows.
    fn take_up_work(&mut self) {
        let lost: Vec<_> = self
            .agents
            .iter()
            .filter(|agent| agent.is_unreachable())
            .map(|agent| agent.key)
            .collect();
        for agent in lost {
            self.work.push(Work::MarkUnreachable { agent });
        }
        let removed: Vec<_> = self
            .frameworks
            .iter()
            .filter(|framework| framework.is_removed())
            .map(|framework| framework.idx)
            .collect();
        for framework in removed {
            if self.unfinished(framework).next().is_some() {
                self.work.push(Work::EndTasks { framework });
            } else {
                self.allocator.remove_framework(framework);
            }
        }
    }
}

/// The time at which a kernel starts: never below what was persisted (rule R6).
pub(crate) fn start_time(now: Time, rows: &Rows) -> Time {
    now.max(rows.cell.time)
}
