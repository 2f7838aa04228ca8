//! What a load must return, computed in the plainest way: rows in maps, one record after another.

use std::collections::BTreeMap;

use bytes::Bytes;
use insula_types::record::{
    AgentRow, CellRow, FrameworkRow, Record, RequestRow, RoleRow, Rows, TaskRow,
};
use insula_types::{AgentId, FrameworkKey, LaunchId, TaskId, TenantId, Time};

/// The rows of one cell.
#[derive(Debug)]
pub(crate) struct Model {
    cell: CellRow,
    roles: BTreeMap<String, RoleRow>,
    agents: BTreeMap<AgentId, AgentRow>,
    frameworks: BTreeMap<FrameworkKey, FrameworkRow>,
    tasks: BTreeMap<LaunchId, TaskRow>,
    payloads: BTreeMap<LaunchId, Bytes>,
    requests: BTreeMap<(TenantId, TaskId), RequestRow>,
}

impl Model {
    /// The rows of a cell just made by [`crate::site::Site::open`].
    pub(crate) fn new() -> Self {
        Self {
            cell: CellRow {
                seed: u64::MAX - 1,
                time: Time(5),
            },
            roles: BTreeMap::new(),
            agents: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            tasks: BTreeMap::new(),
            payloads: BTreeMap::new(),
            requests: BTreeMap::new(),
        }
    }

    pub(crate) fn knows_agent(&self, agent: &AgentId) -> bool {
        self.agents.contains_key(agent)
    }

    pub(crate) fn is_archived(&self, launch: LaunchId) -> bool {
        self.tasks.get(&launch).is_some_and(|task| task.archived)
    }

    pub(crate) fn apply(&mut self, record: &Record) {
        match record.clone() {
            Record::Cell(row) => self.cell = row,
            Record::Role(row) => {
                self.roles.insert(row.path.clone(), row);
            }
            Record::Agent(row) => {
                self.agents.insert(row.agent.clone(), *row);
            }
            Record::AgentConfirmed(agent, seq) => {
                self.agents.get_mut(&agent).unwrap().confirmed = seq;
            }
            Record::Framework(row) => {
                self.frameworks.insert(row.key.clone(), *row);
            }
            Record::Task(row) => {
                self.tasks.insert(row.launch, *row);
            }
            Record::Payload(launch, payload) => {
                self.payloads.insert(launch, payload);
            }
            Record::Request(row) => {
                let key = (row.tenant.clone(), row.request.task.clone());
                match row.withdrawn_at {
                    None => self.requests.insert(key, *row),
                    Some(_) => self.requests.remove(&key),
                };
            }
            Record::RequestDone(tenant, task) => {
                self.requests.remove(&(tenant, task));
            }
        }
    }

    /// What a kernel is loaded from.
    pub(crate) fn rows(&self) -> Rows {
        let live = self.tasks.values().filter(|task| !task.archived);
        let unconfirmed = live.clone().filter(|task| {
            self.agents
                .get(&task.agent)
                .is_some_and(|agent| task.launch_seq > agent.confirmed)
        });
        let payloads = unconfirmed
            .filter_map(|task| Some((task.launch, self.payloads.get(&task.launch)?.clone())));
        Rows {
            cell: self.cell.clone(),
            roles: self.roles.values().cloned().collect(),
            agents: self.agents.values().cloned().collect(),
            frameworks: self.frameworks.values().cloned().collect(),
            tasks: live.cloned().collect(),
            payloads: payloads.collect(),
            requests: self.requests.values().cloned().collect(),
        }
    }
}
