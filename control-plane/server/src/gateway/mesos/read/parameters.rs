//! What a query asks for.

use axum::extract::Query;
use http::Uri;
use serde::Deserialize;

use crate::gateway::mesos::refusal::Refusal;

/// How many tasks `/tasks` shows unless it is told; that of Mesos.
const TASKS_DEFAULT: usize = 100;

/// The parameters of all documents. Those that a document does not know are ignored, as in Mesos.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    /// At most so many tasks.
    pub(super) limit: usize,
    /// So many tasks are passed over first.
    pub(super) offset: usize,
    /// Only this framework, or its tasks.
    pub(super) framework_id: Option<String>,
    /// Only tasks with this id.
    pub(super) task_id: Option<String>,
    /// Only this agent.
    pub(super) agent_id: Option<String>,
}

#[derive(Deserialize)]
struct Raw {
    limit: Option<String>,
    offset: Option<String>,
    order: Option<String>,
    framework_id: Option<String>,
    task_id: Option<String>,
    slave_id: Option<String>,
}

impl Parameters {
    pub(super) fn of(uri: &Uri) -> Result<Self, Refusal> {
        let malformed = |_| Refusal::Parameter {
            name: "query",
            value: uri.query().unwrap_or_default().to_owned(),
        };
        let Query(raw) = Query::<Raw>::try_from_uri(uri).map_err(malformed)?;
        if raw.order.is_some_and(|order| order == "asc") {
            return Err(Refusal::Unsupported {
                what: "'order=asc'",
                instead: "leave it out; the tasks launched last come first",
            });
        }
        Ok(Self {
            limit: number("limit", raw.limit)?.unwrap_or(TASKS_DEFAULT),
            offset: number("offset", raw.offset)?.unwrap_or(0),
            framework_id: raw.framework_id,
            task_id: raw.task_id,
            agent_id: raw.slave_id,
        })
    }
}

fn number(name: &'static str, text: Option<String>) -> Result<Option<usize>, Refusal> {
    let Some(value) = text else {
        return Ok(None);
    };
    match value.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(Refusal::Parameter { name, value }),
    }
}
