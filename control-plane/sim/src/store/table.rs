//! The rows.

use std::collections::BTreeMap;

use bytes::Bytes;
use insula_types::record::{
    AgentRow, CellRow, FrameworkRow, Record, RequestRow, RoleRow, Rows, TaskRow,
};
use insula_types::{AgentId, FrameworkKey, LaunchId, TaskId, TenantId, Time};

/// All rows of the cell, history included.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    cell: CellRow,
    roles: BTreeMap<String, RoleRow>,
    pub(crate) agents: BTreeMap<AgentId, AgentRow>,
    pub(crate) frameworks: BTreeMap<FrameworkKey, FrameworkRow>,
    pub(crate) tasks: BTreeMap<LaunchId, TaskRow>,
    payloads: BTreeMap<LaunchId, Bytes>,
    requests: BTreeMap<(TenantId, TaskId), RequestRow>,
}

impl Table {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            cell: CellRow {
                seed,
                time: Time(0),
            },
            roles: BTreeMap::new(),
            agents: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            tasks: BTreeMap::new(),
            payloads: BTreeMap::new(),
            requests: BTreeMap::new(),
        }
    }

    pub(crate) fn apply(&mut self, record: &Record) {
        match record {
            Record::Cell(row) => self.cell = row.clone(),
            Record::Agent(row) => {
                self.agents.insert(row.agent.clone(), (**row).clone());
            }
            Record::AgentConfirmed(agent, seq) => {
                if let Some(row) = self.agents.get_mut(agent) {
                    row.confirmed = *seq;
                }
            }
            Record::Role(row) => {
                self.roles.insert(row.path.clone(), row.clone());
            }
            Record::Framework(row) => {
                self.frameworks.insert(row.key.clone(), (**row).clone());
            }
            Record::Task(row) => {
                self.tasks.insert(row.launch, (**row).clone());
            }
            Record::Payload(launch, payload) => {
                self.payloads.insert(*launch, payload.clone());
            }
            Record::Request(row) => {
                let key = (row.tenant.clone(), row.request.task.clone());
                match row.withdrawn_at {
                    None => self.requests.insert(key, (**row).clone()),
                    Some(_) => self.requests.remove(&key),
                };
            }
            Record::RequestDone(tenant, task) => {
                self.requests.remove(&(tenant.clone(), task.clone()));
            }
        }
    }

    /// What a kernel is loaded from: the rows that are not history, sorted by key, and the
    /// descriptions of launches that their agent has not confirmed.
    pub(crate) fn load(&self) -> Rows {
        let tasks: Vec<TaskRow> = self
            .tasks
            .values()
            .filter(|row| !row.archived)
            .cloned()
            .collect();
        Rows {
            cell: self.cell.clone(),
            roles: self.roles.values().cloned().collect(),
            agents: self.agents.values().cloned().collect(),
            frameworks: self.frameworks.values().cloned().collect(),
            payloads: tasks.iter().filter_map(|row| self.payload(row)).collect(),
            tasks,
            requests: self.requests.values().cloned().collect(),
        }
    }

    fn payload(&self, row: &TaskRow) -> Option<(LaunchId, Bytes)> {
        let confirmed = self.agents.get(&row.agent)?.confirmed;
        let payload = self.payloads.get(&row.launch)?;
        (row.launch_seq > confirmed).then(|| (row.launch, payload.clone()))
    }
}
