//! Gathers what a run has left, and has it judged.

use std::collections::BTreeSet;

use super::Cluster;
use crate::framework::{Framework, Starts, lives};
use crate::history::{Evidence, Outages, Row, Rows, State, violations};

impl Cluster {
    /// What frameworks, tasks and database tell of a run that has come to rest.
    ///
    /// # Panics
    /// If the database cannot be asked.
    #[must_use]
    pub fn evidence(&self, frameworks: &[&Framework]) -> Evidence {
        let (starts, ends) = Starts::in_file(self.starts()).read();
        let alive = starts.iter().filter(|start| lives(start));
        let alive: BTreeSet<_> = alive.map(|start| start.task.clone()).collect();
        Evidence {
            entries: frameworks
                .iter()
                .flat_map(|framework| framework.entries())
                .collect(),
            rows: Rows::All(self.rows()),
            alive,
            starts,
            ends,
            outages: Outages::OfOurs,
        }
    }

    /// Brings the frameworks to rest and judges the run.
    ///
    /// # Panics
    /// If it was not a good one, with everything that must not have happened.
    pub async fn judge(&self, frameworks: &[&Framework]) {
        for framework in frameworks {
            framework.come_to_rest().await;
        }
        let evidence = self.evidence(frameworks);
        let found = violations(&evidence);
        let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(
            found.is_empty(),
            "of {} starts and {} entries:\n{}",
            evidence.starts.len(),
            evidence.entries.len(),
            shown.join("\n")
        );
    }

    /// Every start in the database, among the current tasks or in the history.
    fn rows(&self) -> Vec<Row> {
        let rows = self
            .postgres
            .query("SELECT framework, task, state FROM any_task");
        rows.iter().filter_map(|row| read(row)).collect()
    }
}

fn read(row: &str) -> Option<Row> {
    let mut columns = row.split('|');
    Some(Row {
        framework: columns.next()?.to_owned(),
        task: columns.next()?.to_owned(),
        state: State::named(columns.next()?),
    })
}
