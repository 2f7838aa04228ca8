//! A person at the Insula API, who submits tasks and waits for them.

use std::time::Duration;

use serde_json::json;

use crate::framework::Starts;
use crate::http::{Http, Reply};
use crate::wait::until;

const FINISHED: &[&str] = &["TASK_FINISHED"];
const LOST: &[&str] = &["TASK_LOST", "TASK_DROPPED"];

/// Submits short tasks through the load balancer, and remembers those that were taken.
#[derive(Debug)]
pub struct Submitter {
    http: Http,
    starts: Starts,
    taken: Vec<String>,
}

impl Submitter {
    pub(crate) fn new(http: Http, starts: Starts) -> Self {
        Self {
            http,
            starts,
            taken: Vec::new(),
        }
    }

    /// Submits one task. As a person would, tries again while it is told to come back later; an
    /// unknown outcome it leaves alone.
    ///
    /// # Panics
    /// If nobody takes it in time.
    pub async fn submit(&mut self) {
        let line = self.starts.command(Duration::from_millis(50), false);
        let body = json!({"tasks": [{"run": {"shell": line}, "resources": "cpus:0.02;mem:4"}]});
        let ids = until("a task to be taken", || async {
            match self.http.post("/v1/tasks", &body).await {
                reply @ Reply::Answered { status: 201, .. } => Some(ids(&reply)),
                Reply::Answered { status: 503, .. } | Reply::NotSent => None,
                Reply::Unknown => Some(Vec::new()),
                Reply::Answered { status, body } => {
                    panic!(
                        "a task was refused with {status}: {}",
                        String::from_utf8_lossy(&body)
                    )
                }
            }
        })
        .await;
        self.taken.extend(ids);
    }

    /// Waits until every task that was taken is over. It has finished, or never started and is said to
    /// be lost: that is what nobody asked for retries of.
    ///
    /// # Panics
    /// If one is not over in time, or otherwise.
    pub async fn until_finished(&self) {
        for id in &self.taken {
            let path = format!("/v1/tasks/{id}");
            let state = until(&format!("the end of {id}"), || async {
                let task = self.http.get(&path).await.json()?;
                let state = task["state"].as_str()?.to_owned();
                (task["phase"] == "done").then_some(state)
            })
            .await;
            let has_started = self.starts.is_alive(id).is_some();
            let expected: &[&str] = if has_started { FINISHED } else { LOST };
            assert!(expected.contains(&state.as_str()), "{id} is {state}");
        }
    }
}

fn ids(reply: &Reply) -> Vec<String> {
    let submitted = reply.json().unwrap_or_default();
    let ids = submitted["ids"].as_array().into_iter().flatten();
    ids.filter_map(|id| id.as_str())
        .map(ToOwned::to_owned)
        .collect()
}
