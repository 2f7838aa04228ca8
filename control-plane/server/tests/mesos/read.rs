//! The documents that tools poll.

use http::StatusCode;
use serde_json::{Value, json};

use super::support::{Cell, Subscribed, header};

/// A cell with one agent and one framework, which has launched `tasks`.
async fn busy(tasks: &[&str]) -> (Cell, Subscribed) {
    let cell = Cell::start().await;
    let mut agent = cell.agent("a1").await;
    let mut framework = cell
        .subscribe(json!({
            "user": "root", "name": "probe", "roles": ["eng"], "failover_timeout": 30.0,
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "REGION_AWARE"}],
        }))
        .await;
    for id in tasks {
        let offer = framework.offer().await;
        let accept = json!({
            "offer_ids": [offer["id"]],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": [{
                "name": "n", "task_id": {"value": id}, "agent_id": {"value": "a1"},
                "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}}],
                "command": {"value": "true"},
            }]}}],
            "filters": {"refuse_seconds": 0},
        });
        framework.accepted("ACCEPT", accept).await;
        agent.launched().await;
    }
    framework.offer().await;
    (cell, framework)
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect()
}

/// Checks that the keys are those of the capture, but for some that are missing or more.
fn assert_keys(value: &Value, captured: &[&str], missing: &[&str], more: &[&str]) {
    let mut expected: Vec<&str> = captured
        .iter()
        .copied()
        .filter(|key| !missing.contains(key))
        .collect();
    expected.extend(more);
    expected.sort_unstable();
    assert_eq!(keys(value), expected);
}

#[tokio::test]
async fn the_state_has_the_shape_of_mesos() {
    let (cell, framework) = busy(&["t1"]).await;
    for path in ["/state", "/master/state", "/master/state/"] {
        let answer = cell.get(path).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(header(&answer.headers, "content-type"), "application/json");
    }
    let state = cell.get("/state").await.json();
    assert_keys(
        &state,
        &[
            "version",
            "git_sha",
            "git_tag",
            "build_date",
            "build_time",
            "build_user",
            "start_time",
            "elected_time",
            "id",
            "pid",
            "hostname",
            "capabilities",
            "activated_slaves",
            "deactivated_slaves",
            "unreachable_slaves",
            "leader",
            "leader_info",
            "flags",
            "slaves",
            "recovered_slaves",
            "frameworks",
            "completed_frameworks",
            "orphan_tasks",
            "unregistered_frameworks",
        ],
        &["git_sha", "git_tag"],
        &["insula_version"],
    );
    assert_eq!(state["pid"], "master@127.0.0.1:5050");
    assert_eq!(state["start_time"], json!(1_795_328_031.363_66));
    assert_eq!(state["activated_slaves"].to_string(), "1.0");

    let agent = &state["slaves"][0];
    assert_keys(
        agent,
        &[
            "id",
            "hostname",
            "port",
            "attributes",
            "pid",
            "registered_time",
            "resources",
            "used_resources",
            "offered_resources",
            "reserved_resources",
            "unreserved_resources",
            "active",
            "deactivated",
            "version",
            "capabilities",
        ],
        &[],
        &[],
    );
    assert_eq!(agent["attributes"], json!({"rack": "a7", "level": 3.0}));
    assert_eq!(
        agent["used_resources"].to_string(),
        r#"{"cpus":0.5,"disk":0.0,"gpus":0.0,"mem":0.0}"#
    );
    assert_eq!(agent["offered_resources"]["cpus"], json!(3.5));

    let shown = state["frameworks"].as_array().unwrap();
    let shown = shown.iter().find(|it| it["id"] == *framework.id).unwrap();
    assert_keys(
        shown,
        &[
            "id",
            "name",
            "used_resources",
            "offered_resources",
            "capabilities",
            "hostname",
            "webui_url",
            "active",
            "connected",
            "recovered",
            "user",
            "failover_timeout",
            "checkpoint",
            "registered_time",
            "unregistered_time",
            "resources",
            "roles",
            "tasks",
            "unreachable_tasks",
            "completed_tasks",
            "offers",
            "executors",
            "offer_constraints",
        ],
        &[],
        &[],
    );
    assert_eq!(shown["capabilities"], json!(["MULTI_ROLE", "REGION_AWARE"]));
    assert_eq!(shown["connected"], true);
    assert_eq!(shown["failover_timeout"].to_string(), "30.0");
    assert_eq!(
        keys(&shown["offers"][0]),
        [
            "allocation_info",
            "framework_id",
            "id",
            "resources",
            "slave_id"
        ]
    );
    let task = &shown["tasks"][0];
    assert_eq!(
        keys(task),
        [
            "executor_id",
            "framework_id",
            "id",
            "name",
            "resources",
            "role",
            "slave_id",
            "state",
            "statuses",
        ]
    );
    assert_eq!(
        (&task["state"], &task["role"]),
        (&json!("TASK_STAGING"), &json!("eng"))
    );
}

#[tokio::test]
async fn tasks_come_a_page_at_a_time_the_last_first() {
    let (cell, framework) = busy(&["t1", "t2", "t3"]).await;
    let list =
        async |query: &str| cell.get(&format!("/tasks{query}")).await.json()["tasks"].clone();
    assert_eq!(ids(&list("").await), ["t3", "t2", "t1"]);
    assert_eq!(ids(&list("?limit=1&offset=1").await), ["t2"]);
    assert_eq!(ids(&list("?limit=0").await), [""; 0]);
    assert_eq!(ids(&list("?task_id=t2").await), ["t2"]);
    assert_eq!(ids(&list("?task_id=t").await), [""; 0]);
    assert_eq!(
        ids(&list(&format!("?framework_id={}&order=des", framework.id)).await).len(),
        3
    );
    assert_eq!(ids(&list("?framework_id=other").await), [""; 0]);
    let malformed = cell.get("/tasks?limit=all").await;
    assert_eq!(
        (malformed.status.as_u16(), malformed.text()),
        (
            400,
            "Failed to parse query parameter 'limit': 'all' is not a number"
        )
    );
    assert_eq!(
        cell.get("/tasks?order=asc").await.status,
        StatusCode::NOT_IMPLEMENTED
    );
}

#[tokio::test]
async fn a_long_document_comes_in_pieces() {
    let cell = Cell::start().await;
    let _agent = cell.agent("a1").await;
    let mut framework = cell
        .subscribe(json!({"user": "root", "name": "probe"}))
        .await;
    let task = |number| {
        json!({
            "name": "n", "task_id": {"value": format!("t{number}")}, "agent_id": {"value": "a1"},
            "resources": [{"name": "mem", "type": "SCALAR", "scalar": {"value": 1}}],
            "command": {"value": "true"},
        })
    };
    let tasks: Vec<Value> = (0..1_500).map(task).collect();
    let accept = json!({
        "offer_ids": [framework.offer().await["id"]],
        "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}],
    });
    framework.accepted("ACCEPT", accept).await;
    let all = cell.get("/tasks?limit=5000").await;
    assert!(!all.headers.contains_key("content-length"));
    assert_eq!(ids(&all.json()["tasks"]).len(), 1_500);
    let state = cell.get("/state").await.json();
    assert_eq!(ids(&state["frameworks"][0]["tasks"]).len(), 1_500);
}

#[tokio::test]
async fn agents_and_frameworks_are_listed_by_themselves() {
    let (cell, framework) = busy(&["t1"]).await;
    let agents = cell.get("/slaves").await.json();
    assert_eq!(ids(&agents["slaves"]), ["a1"]);
    assert_eq!(
        agents["slaves"][0]["used_resources_full"],
        json!([{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}, "role": "*"}])
    );
    assert_eq!(
        cell.get("/slaves?slave_id=other").await.text(),
        r#"{"slaves":[],"recovered_slaves":[]}"#
    );

    let only = format!("/frameworks?framework_id={}", framework.id);
    let frameworks = cell.get(&only).await.json();
    assert_eq!(
        keys(&frameworks),
        [
            "completed_frameworks",
            "frameworks",
            "unregistered_frameworks"
        ]
    );
    assert_eq!(ids(&frameworks["frameworks"]), [&*framework.id]);
    framework.accepted("TEARDOWN", json!({})).await;
    let frameworks = cell.get(&only).await.json();
    assert_eq!(ids(&frameworks["frameworks"]), [""; 0]);
    let completed = &frameworks["completed_frameworks"][0];
    assert_eq!(completed["id"], *framework.id);
    assert_eq!(completed["connected"], false);
    assert_eq!(completed["completed_tasks"][0]["state"], "TASK_KILLED");
}

#[tokio::test]
async fn the_version_is_that_of_the_interface() {
    let cell = Cell::start().await;
    let version = cell.get("/version").await.json();
    assert_eq!(version["version"], "1.11.0");
    assert_eq!(version["insula_version"], env!("CARGO_PKG_VERSION"));
    assert_keys(
        &version,
        &[
            "build_date",
            "build_time",
            "build_user",
            "git_sha",
            "git_tag",
            "version",
        ],
        &["git_sha", "git_tag"],
        &["insula_version"],
    );
}

#[tokio::test]
async fn health_and_redirect_have_no_body() {
    let cell = Cell::start().await;
    for path in ["/health", "/master/health"] {
        let answer = cell.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, ""));
    }
    for path in ["/redirect", "/master/redirect"] {
        let answer = cell.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (307, ""));
        assert_eq!(header(&answer.headers, "location"), "//localhost:5050");
    }
}
