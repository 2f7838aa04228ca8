//! The records of a commit, folded to one write per row.

use std::collections::BTreeMap;

use bytes::Bytes;
use insula_types::message::CommandSeq;
use insula_types::record::{AgentRow, CellRow, FrameworkRow, Record, RequestRow, RoleRow, TaskRow};
use insula_types::{AgentId, CellId, FrameworkKey, LaunchId, TaskId, TenantId};
use sqlx::SqliteConnection;

use super::{agent, cell, framework, request, role, task};
use crate::Error;

/// What a commit leaves in one cell: of several writes of a row only the last one counts.
#[derive(Default)]
pub(super) struct Changes<'a> {
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
    pub(super) fn of(records: &'a [Record]) -> Self {
        let mut changes = Self::default();
        for record in records {
            changes.add(record);
        }
        changes
    }

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

    /// Writes everything, table by table.
    pub(super) async fn write(
        &self,
        connection: &mut SqliteConnection,
        cell: &CellId,
    ) -> Result<(), Error> {
        if let Some(row) = self.cell {
            cell::update(connection, cell, row).await?;
        }
        role::upsert(connection, cell, &values(&self.roles)).await?;
        agent::upsert(connection, cell, &values(&self.agents)).await?;
        agent::confirm(connection, cell, &pairs(&self.confirmed)).await?;
        framework::upsert(connection, cell, &values(&self.frameworks)).await?;
        task::upsert(connection, cell, &values(&self.tasks)).await?;
        task::upsert_payloads(connection, cell, &pairs(&self.payloads)).await?;
        let kept: Vec<_> = self.requests.values().filter_map(|row| *row).collect();
        request::upsert(connection, cell, &kept).await?;
        let done = self.requests.iter().filter(|(_, row)| row.is_none());
        let done: Vec<_> = done.map(|(key, _)| *key).collect();
        request::delete(connection, cell, &done).await
    }
}

fn values<K, V: Copy>(map: &BTreeMap<K, V>) -> Vec<V> {
    map.values().copied().collect()
}

fn pairs<K: Copy, V: Copy>(map: &BTreeMap<K, V>) -> Vec<(K, V)> {
    map.iter().map(|(key, value)| (*key, *value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_done_after_it_was_written_is_only_removed() {
        let tenant = TenantId::from("t");
        let task = TaskId::from("a");
        let records = [Record::RequestDone(tenant.clone(), task.clone())];
        let changes = Changes::of(&records);
        assert_eq!(changes.requests.get(&(&tenant, &task)), Some(&None));
    }

    #[test]
    fn the_last_confirmation_of_an_agent_counts() {
        let agent = AgentId::from("a");
        let records = [
            Record::AgentConfirmed(agent.clone(), 3),
            Record::AgentConfirmed(agent.clone(), 7),
        ];
        assert_eq!(Changes::of(&records).confirmed.get(&agent), Some(&7));
    }
}
