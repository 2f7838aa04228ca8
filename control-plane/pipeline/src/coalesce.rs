//! The records of one batch, each row at most once.

use std::collections::BTreeMap;

use insula_types::message::CommandSeq;
use insula_types::record::{AgentRow, CellRow, FrameworkRow, Record, RequestRow, RoleRow, TaskRow};
use insula_types::{AgentId, FrameworkKey, LaunchId, TaskId, TenantId};

/// Keeps the last write of each row: a task that was accepted, ran and ended within one batch is
/// written once.
#[derive(Debug, Default)]
pub(crate) struct Coalesced {
    cell: Option<CellRow>,
    roles: BTreeMap<String, RoleRow>,
    agents: BTreeMap<AgentId, Box<AgentRow>>,
    confirmed: BTreeMap<AgentId, CommandSeq>,
    frameworks: BTreeMap<FrameworkKey, Box<FrameworkRow>>,
    tasks: BTreeMap<LaunchId, Box<TaskRow>>,
    payloads: BTreeMap<LaunchId, bytes::Bytes>,
    /// None for a request that is done.
    requests: BTreeMap<(TenantId, TaskId), Option<Box<RequestRow>>>,
}

impl Coalesced {
    pub(crate) fn add(&mut self, record: Record) {
        match record {
            Record::Cell(row) => self.cell = Some(row),
            Record::Role(row) => {
                self.roles.insert(row.path.clone(), row);
            }
            Record::Agent(row) => {
                // The row carries what was confirmed when it was written, which is the latest.
                self.confirmed.remove(&row.agent);
                self.agents.insert(row.agent.clone(), row);
            }
            Record::AgentConfirmed(agent, seq) => match self.agents.get_mut(&agent) {
                Some(row) => row.confirmed = seq,
                None => {
                    self.confirmed.insert(agent, seq);
                }
            },
            Record::Framework(row) => {
                self.frameworks.insert(row.key.clone(), row);
            }
            Record::Task(row) => {
                self.tasks.insert(row.launch, row);
            }
            Record::Payload(launch, payload) => {
                self.payloads.insert(launch, payload);
            }
            Record::Request(row) => {
                let key = (row.tenant.clone(), row.request.task.clone());
                self.requests.insert(key, Some(row));
            }
            Record::RequestDone(tenant, task) => {
                self.requests.insert((tenant, task), None);
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.cell.is_some())
            + self.roles.len()
            + self.agents.len()
            + self.confirmed.len()
            + self.frameworks.len()
            + self.tasks.len()
            + self.payloads.len()
            + self.requests.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records, table after table, so that no row precedes one that it refers to.
    pub(crate) fn into_records(self) -> Vec<Record> {
        let requests = self
            .requests
            .into_iter()
            .map(|((tenant, task), row)| match row {
                Some(row) => Record::Request(row),
                None => Record::RequestDone(tenant, task),
            });
        let confirmed = self.confirmed.into_iter();
        let payloads = self.payloads.into_iter();
        (self.cell.into_iter().map(Record::Cell))
            .chain(self.roles.into_values().map(Record::Role))
            .chain(self.agents.into_values().map(Record::Agent))
            .chain(confirmed.map(|(agent, seq)| Record::AgentConfirmed(agent, seq)))
            .chain(self.frameworks.into_values().map(Record::Framework))
            .chain(self.tasks.into_values().map(Record::Task))
            .chain(payloads.map(|(launch, payload)| Record::Payload(launch, payload)))
            .chain(requests)
            .collect()
    }
}
