//! A model of the store: what is applied can be loaded, and archived tasks are kept apart.

use std::collections::BTreeMap;

use bytes::Bytes;
use insula_types::record::{
    AgentRow, CellRow, FrameworkRow, Record, RequestRow, RoleRow, Rows, TaskRow,
};
use insula_types::{AgentId, FrameworkKey, LaunchId, TaskId, TenantId, Time};

#[derive(Debug)]
pub(crate) struct Store {
    cell: CellRow,
    roles: BTreeMap<String, RoleRow>,
    agents: BTreeMap<AgentId, AgentRow>,
    frameworks: BTreeMap<FrameworkKey, FrameworkRow>,
    tasks: BTreeMap<LaunchId, TaskRow>,
    payloads: BTreeMap<LaunchId, Bytes>,
    requests: BTreeMap<(TenantId, TaskId), RequestRow>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            cell: CellRow {
                seed: 7,
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

    pub(crate) fn apply(&mut self, record: Record) {
        match record {
            Record::Cell(row) => self.cell = row,
            Record::Agent(row) => {
                self.agents.insert(row.agent.clone(), *row);
            }
            Record::AgentConfirmed(agent, seq) => {
                self.agents
                    .get_mut(&agent)
                    .expect("a known agent")
                    .confirmed = seq;
            }
            Record::Role(row) => {
                self.roles.insert(row.path.clone(), row);
            }
            Record::Framework(row) => {
                self.frameworks.insert(row.key.clone(), *row);
            }
            Record::Task(row) => {
                let ended = self
                    .tasks
                    .get(&row.launch)
                    .is_some_and(|old| old.status.state.is_terminal());
                if ended {
                    let old = &self.tasks[&row.launch];
                    assert_eq!(
                        old.status.state, row.status.state,
                        "an ended task never changes"
                    );
                    assert!(!old.archived, "history never changes");
                }
                self.tasks.insert(row.launch, *row);
            }
            Record::Payload(launch, payload) => {
                let earlier = self.payloads.insert(launch, payload);
                assert_eq!(earlier, None, "a description is written once");
            }
            Record::Request(row) => {
                let key = (row.tenant.clone(), row.request.task.clone());
                match row.withdrawn_at {
                    None => self.requests.insert(key, *row),
                    Some(_) => self.requests.remove(&key),
                };
            }
            Record::RequestDone(tenant, task) => {
                let removed = self.requests.remove(&(tenant, task));
                assert!(removed.is_some(), "a request ends once");
            }
        }
    }

    pub(crate) fn task(&self, launch: LaunchId) -> &TaskRow {
        &self.tasks[&launch]
    }

    pub(crate) fn find(&self, launch: LaunchId) -> Option<&TaskRow> {
        self.tasks.get(&launch)
    }

    /// All of them, archived ones as well.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &TaskRow> + Clone {
        self.tasks.values()
    }

    pub(crate) fn agent(&self, agent: &str) -> &AgentRow {
        &self.agents[&AgentId::from(agent)]
    }

    /// Sets the store back to an earlier state, as a restored backup would.
    pub(crate) fn roll_back(&mut self, rows: Rows) {
        let keep = |launch: &LaunchId| rows.tasks.iter().any(|row| row.launch == *launch);
        self.payloads.retain(|launch, _| keep(launch));
        self.cell = rows.cell;
        self.agents = rows
            .agents
            .into_iter()
            .map(|row| (row.agent.clone(), row))
            .collect();
        self.tasks = rows
            .tasks
            .into_iter()
            .map(|row| (row.launch, row))
            .collect();
        self.frameworks = rows
            .frameworks
            .into_iter()
            .map(|row| (row.key.clone(), row))
            .collect();
    }

    pub(crate) fn rows(&self) -> Rows {
        let tasks: Vec<TaskRow> = self
            .tasks
            .values()
            .filter(|row| !row.archived)
            .cloned()
            .collect();
        let unconfirmed = |row: &&TaskRow| row.launch_seq > self.agents[&row.agent].confirmed;
        let payloads = tasks
            .iter()
            .filter(unconfirmed)
            .filter_map(|row| Some((row.launch, self.payloads.get(&row.launch)?.clone())))
            .collect();
        Rows {
            cell: self.cell.clone(),
            roles: self.roles.values().cloned().collect(),
            agents: self.agents.values().cloned().collect(),
            frameworks: self.frameworks.values().cloned().collect(),
            tasks,
            payloads,
            requests: self.requests.values().cloned().collect(),
        }
    }
}
