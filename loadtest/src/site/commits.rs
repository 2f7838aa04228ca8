//! How large commits were and how long they took, from the logs of replicas.

use std::time::Duration;

use crate::report::Report;

/// Commits by replica, in their order.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    replicas: Vec<Vec<Commit>>,
}

#[derive(Debug, Clone, Copy)]
struct Commit {
    records: u64,
    took: Duration,
}

impl Commits {
    /// Reads them from logs.
    pub(super) fn read(logs: impl Iterator<Item = String>) -> Self {
        let replicas = logs.map(|log| log.lines().filter_map(commit).collect());
        Self {
            replicas: replicas.collect(),
        }
    }

    /// Those that came after earlier ones.
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        for (commits, earlier) in self.replicas.iter_mut().zip(&earlier.replicas) {
            commits.drain(..earlier.len().min(commits.len()));
        }
        self
    }

    /// Reports those that changed something: a batch without records runs the fence alone.
    pub(crate) fn report(&self, report: Report) {
        let changed = || {
            self.replicas
                .iter()
                .flatten()
                .filter(|commit| commit.records > 0)
        };
        let mut records: Vec<u64> = changed().map(|commit| commit.records).collect();
        let mut times: Vec<Duration> = changed().map(|commit| commit.took).collect();
        report.sizes("rows per commit", &mut records);
        report.percentiles("commit", &mut times);
    }
}

/// A line such as `… DEBUG insula_server::partition::commit: committed commit=7 cells=1 records=3 micros=812`.
fn commit(line: &str) -> Option<Commit> {
    let (_, fields) = line.split_once(" committed ")?;
    let value = |name: &str| {
        let mut fields = fields.split(' ');
        fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    Some(Commit {
        records: value("records")?,
        took: Duration::from_micros(value("micros")?),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_commit_is_read_from_its_line() {
        let line = "2026-01-01T00:00:00Z DEBUG insula_server::partition::commit: committed commit=7 cells=1 records=3 micros=812";
        let commit = commit(line).unwrap();
        assert_eq!(
            (commit.records, commit.took),
            (3, Duration::from_micros(812))
        );
    }

    #[test]
    fn other_lines_are_none() {
        assert!(commit("WARN insula_server: nothing was committed").is_none());
        assert!(commit("x committed records=many micros=1").is_none());
    }
}
