//! The records of a commit, folded to one write per row.

use std::collections::BTreeMap;

use bytes::Bytes;
use insula_types::message::CommandSeq;
use insula_types::record::{AgentRow, CellRow, FrameworkRow, Record, RequestRow, RoleRow, TaskRow};
use insula_types::{AgentId, CellId, FrameworkKey, LaunchId, TaskId, TenantId};

use super::{Batch, agent, cell, framework, request, role, task};
use crate::CellRecords;

/// What a commit leaves: of several writes of a row only the last one counts. Rows come sorted by
/// key, so that any two commits meet rows in the same order.
#[derive(Default)]
pub(crate) struct Changes<'a>(BTreeMap<&'a CellId, InCell<'a>>);

#[derive(Default)]
struct InCell<'a> {
    cell: Option<&'a CellRow>,
    roles: BTreeMap<&'a str, &'a RoleRow>,
    agents: BTreeMap<&'a AgentId, &'a AgentRow>,
    confirmed: BTreeMap<&'a AgentId, CommandSeq>,
    frameworks: BTreeMap<&'a FrameworkKey, &'a FrameworkRow>,
    tasks: BTreeMap<LaunchId, &'a TaskRow>,
    payloads: BTreeMap<LaunchId, &'a Bytes>,
    requests: BTreeMap<(&'a TenantId, &'a TaskId), Option<&'a RequestRow>>,
}

impl<'a> Changes<'a> {
    pub(crate) fn of(cells: &'a [CellRecords]) -> Self {
        let mut changes = Self::default();
        for changed in cells {
            let in_cell = changes.0.entry(&changed.cell).or_default();
            for record in &changed.records {
                in_cell.add(record);
            }
        }
        changes
    }

    pub(crate) fn cells(&self) -> Batch<'a> {
        let mut batch = Batch::new(cell::TABLE.name, cell::UPDATED);
        for (cell, changes) in &self.0 {
            if let Some(row) = changes.cell {
                cell::encode(batch.row(), cell, row);
            }
        }
        batch
    }

    pub(crate) fn roles(&self) -> Batch<'a> {
        let mut batch = Batch::of(&role::TABLE);
        for (cell, changes) in &self.0 {
            for row in changes.roles.values() {
                role::encode(batch.row(), cell, row);
            }
        }
        batch
    }

    pub(crate) fn agents(&self) -> Batch<'a> {
        let mut batch = Batch::of(&agent::TABLE);
        for (cell, changes) in &self.0 {
            for row in changes.agents.values() {
                agent::encode(batch.row(), cell, row);
            }
        }
        batch
    }

    /// The highest confirmed commands: cell, agent, number.
    pub(crate) fn confirmed(&self) -> Batch<'a> {
        let mut batch = Batch::new(agent::TABLE.name, &["cell", "agent", "confirmed"]);
        for (cell, changes) in &self.0 {
            for (agent, seq) in &changes.confirmed {
                batch.row().cell(cell).text(agent.as_str()).number(*seq);
            }
        }
        batch
    }

    pub(crate) fn frameworks(&self) -> Batch<'a> {
        let mut batch = Batch::of(&framework::TABLE);
        for (cell, changes) in &self.0 {
            for row in changes.frameworks.values() {
                framework::encode(batch.row(), cell, row);
            }
        }
        batch
    }

    /// The tasks of which that is true.
    pub(crate) fn tasks(&self, wanted: impl Fn(&TaskRow) -> bool) -> Batch<'a> {
        let mut batch = Batch::of(&task::TABLE);
        for (cell, changes) in &self.0 {
            for row in changes.tasks.values().filter(|row| wanted(row)) {
                task::encode(batch.row(), cell, row);
            }
        }
        batch
    }

    pub(crate) fn payloads(&self) -> Batch<'a> {
        let mut batch = Batch::of(&task::PAYLOAD);
        for (cell, changes) in &self.0 {
            for (launch, payload) in &changes.payloads {
                task::encode_payload(batch.row(), cell, *launch, payload);
            }
        }
        batch
    }

    pub(crate) fn requests(&self) -> Batch<'a> {
        let mut batch = Batch::of(&request::TABLE);
        for (cell, changes) in &self.0 {
            for row in changes.requests.values().flatten() {
                request::encode(batch.row(), cell, row);
            }
        }
        batch
    }

    /// Requests that are done: cell, tenant, task. One that was submitted within the same commit has
    /// no row.
    pub(crate) fn done(&self) -> Batch<'a> {
        let mut batch = Batch::new(request::TABLE.name, request::TABLE.key);
        for (cell, changes) in &self.0 {
            let done = changes.requests.iter().filter(|(_, row)| row.is_none());
            for ((tenant, task), _) in done {
                let row = batch.row().cell(cell);
                row.text(tenant.as_str()).text(task.as_str());
            }
        }
        batch
    }
}

impl<'a> InCell<'a> {
    fn add(&mut self, record: &'a Record) {
        match record {
            Record::Cell(row) => self.cell = Some(row),
            Record::Role(row) => {
                self.roles.insert(&row.path, row);
            }
            Record::Agent(row) => {
                self.confirmed.remove(&row.agent);
                self.agents.insert(&row.agent, row);
            }
            Record::AgentConfirmed(agent, seq) => {
                self.confirmed.insert(agent, *seq);
            }
            Record::Framework(row) => {
                self.frameworks.insert(&row.key, row);
            }
            Record::Task(row) => {
                self.tasks.insert(row.launch, row);
            }
            Record::Payload(launch, payload) => {
                self.payloads.insert(*launch, payload);
            }
            Record::Request(row) => {
                self.requests
                    .insert((&row.tenant, &row.request.task), Some(row));
            }
            Record::RequestDone(tenant, task) => {
                self.requests.insert((tenant, task), None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Value;
    use super::*;

    fn commit(cell: &str, records: Vec<Record>) -> CellRecords {
        CellRecords {
            cell: CellId::from(cell),
            records,
        }
    }

    #[test]
    fn a_request_done_after_it_was_written_is_only_removed() {
        let row = RequestRow {
            tenant: TenantId::from("t"),
            request: insula_types::request::TaskRequest {
                task: TaskId::from("a"),
                name: String::new(),
                kind: insula_types::TaskKind::Native,
                resources: insula_types::Resources::new(),
                constraints: Vec::new(),
                retries: 0,
                payload: Bytes::new(),
                trace: insula_types::TraceContext::default(),
            },
            launch: None,
            attempts: 0,
            submitted_at: insula_types::Time(1),
            withdrawn_at: None,
        };
        let done = Record::RequestDone(row.tenant.clone(), row.request.task.clone());
        let cells = [commit("c", vec![Record::Request(Box::new(row)), done])];
        let changes = Changes::of(&cells);
        assert!(changes.requests().is_empty());
        let texts = ["c", "t", "a"].map(|text| Value::Text(Some(text.into())));
        assert_eq!(changes.done().values().unwrap(), texts);
    }

    #[test]
    fn the_last_confirmation_of_an_agent_counts_in_each_cell() {
        let confirmed = |seq| Record::AgentConfirmed(AgentId::from("a"), seq);
        let cells = [
            commit("one", vec![confirmed(3)]),
            commit("two", vec![confirmed(5)]),
            commit("one", vec![confirmed(7)]),
        ];
        let changes = Changes::of(&cells);
        let batch = changes.confirmed();
        let numbers: Vec<_> = batch
            .values()
            .unwrap()
            .iter()
            .filter(|value| matches!(value, Value::Number(_)))
            .collect();
        assert_eq!(numbers, [&Value::Number(Some(7)), &Value::Number(Some(5))]);
    }
}
