//! The calls of the scheduler API, as JSON.

use std::time::Duration;

use http::Response;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::book::{Offer, Session};
use crate::history::Answer;
use crate::http::Http;
use crate::process::Program;

const PATH: &str = "/api/v1/scheduler";

/// What a task needs: little, so that many fit.
pub(super) const TASK_CPU_MILLIS: u64 = 20;
const TASK_MEM_MB: u64 = 4;

#[derive(Debug)]
pub(super) struct Calls {
    http: Http,
    /// Tasks run as whoever runs the test, who is the user of its agents.
    user: String,
}

impl Calls {
    pub(super) fn new(http: Http) -> Self {
        let user = Program::new("id").arg("-un").run();
        Self {
            http,
            user: user.trim_end().to_owned(),
        }
    }

    /// The stream of events, if the subscription was accepted.
    pub(super) async fn subscribe(
        &self,
        name: &str,
        id: Option<&str>,
        failover_timeout: Duration,
    ) -> Option<Response<Incoming>> {
        let mut info = json!({
            "user": self.user,
            "name": name,
            "roles": ["*"],
            "failover_timeout": failover_timeout.as_secs_f64(),
            "checkpoint": true,
            "capabilities": [{"type": "PARTITION_AWARE"}, {"type": "MULTI_ROLE"}],
        });
        let mut call = json!({"type": "SUBSCRIBE"});
        if let Some(id) = id {
            info["id"] = json!({"value": id});
            call["framework_id"] = json!({"value": id});
        }
        call["subscribe"] = json!({"framework_info": info});
        let response = self
            .http
            .clone()
            .with("accept", "application/json".to_owned());
        let response = response.open(PATH, &call).await?;
        (response.status() == 200).then_some(response)
    }

    pub(super) async fn launch(
        &self,
        session: &Session,
        offer: &Offer,
        tasks: &[String],
        command: &str,
    ) -> Answer {
        let infos: Vec<_> = tasks
            .iter()
            .map(|task| task_info(task, offer, command))
            .collect();
        let accept = json!({
            "offer_ids": [{"value": offer.id}],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": infos}}],
            "filters": {"refuse_seconds": 0.0},
        });
        self.call(session, "ACCEPT", "accept", accept).await
    }

    pub(super) async fn kill(&self, session: &Session, task: &str, agent: Option<&str>) -> Answer {
        let body = json!({"task_id": {"value": task}, "agent_id": agent.map(id)});
        self.call(session, "KILL", "kill", without_nulls(body))
            .await
    }

    pub(super) async fn acknowledge(
        &self,
        session: &Session,
        task: &str,
        agent: &str,
        uuid: &str,
    ) -> Answer {
        let body = json!({"agent_id": id(agent), "task_id": {"value": task}, "uuid": uuid});
        self.call(session, "ACKNOWLEDGE", "acknowledge", body).await
    }

    /// Asks after the named tasks and their agents; after all if none is named.
    pub(super) async fn reconcile(&self, session: &Session, tasks: &[(String, String)]) -> Answer {
        let tasks: Vec<_> = tasks
            .iter()
            .map(|(task, agent)| json!({"task_id": {"value": task}, "agent_id": id(agent)}))
            .collect();
        self.call(session, "RECONCILE", "reconcile", json!({"tasks": tasks}))
            .await
    }

    async fn call(&self, session: &Session, kind: &str, key: &str, body: Value) -> Answer {
        let mut call = json!({"framework_id": {"value": session.framework}, "type": kind});
        call[key] = body;
        let http = self
            .http
            .clone()
            .with("mesos-stream-id", session.stream.clone());
        http.post(PATH, &call).await.to_answer()
    }
}

fn id(value: &str) -> Value {
    json!({ "value": value })
}

fn without_nulls(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

fn task_info(task: &str, offer: &Offer, command: &str) -> Value {
    let scalar = |name: &str, value: f64| json!({"name": name, "type": "SCALAR", "scalar": {"value": value}});
    // Exact in decimal, which is what the wire carries.
    let cpus = f64::from(u32::try_from(TASK_CPU_MILLIS).unwrap_or(u32::MAX)) / 1000.0;
    let mem = f64::from(u32::try_from(TASK_MEM_MB).unwrap_or(u32::MAX));
    json!({
        "name": task,
        "task_id": {"value": task},
        "agent_id": {"value": offer.agent},
        "resources": [scalar("cpus", cpus), scalar("mem", mem)],
        "command": {"shell": true, "value": command},
    })
}
