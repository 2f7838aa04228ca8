//! What only the live kernel knows.

use std::collections::BTreeMap;

use insula_types::AgentId;
use insula_types::record::TaskRow;

use super::super::lookup::Found;
use super::super::tasks;
use crate::auth::TenantContext;

/// See the module; empty where nobody serves the cell.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// The machines' names.
    pub(super) hostnames: BTreeMap<AgentId, String>,
    /// Why the task waits, if it does: sentences, the most telling first.
    pub(super) reasons: Vec<String>,
    /// What must be said of what is missing here.
    pub(super) missing: Option<&'static str>,
}

impl Live {
    pub(super) async fn of(context: &TenantContext, found: &Found, rows: &[TaskRow]) -> Self {
        let agents: Vec<AgentId> = rows.iter().map(|row| row.agent.clone()).collect();
        let hostnames = context.cell.query(move |kernel| {
            let known = agents.into_iter().filter_map(|agent| {
                let hostname = kernel.hostname_of(&agent)?.to_owned();
                Some((agent, hostname))
            });
            known.collect::<BTreeMap<_, _>>()
        });
        let Ok(hostnames) = hostnames.await else {
            return Self {
                missing: Some(
                    "nobody serves the cell just now; what only its owner knows is missing",
                ),
                ..Self::default()
            };
        };
        let reasons = match found.current() {
            Some(_) => Vec::new(),
            None => tasks::reasons(context, found).await.unwrap_or_default(),
        };
        Self {
            hostnames,
            reasons: reasons.iter().map(ToString::to_string).collect(),
            missing: None,
        }
    }
}
