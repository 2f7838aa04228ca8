//! What `GET /metrics` and `GET /metrics/snapshot` show of a control plane that has done something.

use std::collections::BTreeMap;

use insula_telemetry::metrics::{Definition, Process, table};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Plane, shell, soon};

/// What only one of several replicas has.
fn needs_replicas(metric: &Definition) -> bool {
    metric.name.starts_with("insula.broker.") || metric.name.starts_with("insula.lease.")
}

/// A framework that is offered what there is, and keeps it for as long as the connection is open.
async fn framework(plane: &Plane) -> TcpStream {
    let info = json!({"user": "root", "name": "story", "failover_timeout": 60.0});
    let subscribe = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
    let body = subscribe.to_string();
    let request = format!(
        "POST /api/v1/scheduler HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = plane.connect().await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    let offered = async {
        while !String::from_utf8_lossy(&heard).contains(r#""OFFERS""#) {
            assert!(stream.read_buf(&mut heard).await.unwrap() > 0);
        }
    };
    soon(offered).await;
    stream
}

/// A control plane with a machine, a task that has ended and a framework with an offer.
async fn busy() -> (Plane, TcpStream, crate::support::Agent) {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane.submit(shell()).await;
    let launch = agent.runs().await;
    let (done, ()) = tokio::join!(plane.done(&id), agent.finishes(&launch));
    assert_eq!(done.state, "TASK_FINISHED");
    let framework = framework(&plane).await;
    (plane, framework, agent)
}

/// The names that are exported, with their kinds.
fn exported(text: &str) -> BTreeMap<String, String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let pairs = types.filter_map(|line| line.split_once(' '));
    pairs
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}

/// The value of the series that begins a line.
fn value(text: &str, series: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = line.unwrap_or_else(|| panic!("there is no {series} in\n{text}"));
    value.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_the_table_is_exported_and_no_other() {
    let (plane, _framework, _agent) = busy().await;
    let answer = plane.get("/metrics").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let wanted: BTreeMap<String, String> = table::all()
        .filter(|metric| metric.is_of(Process::ControlPlane) && !needs_replicas(metric))
        .map(|metric| (metric.prometheus_name(), metric.kind.as_str().to_owned()))
        .collect();
    assert_eq!(exported(&answer.text), wanted);
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_say_what_has_happened() {
    let (plane, _framework, _agent) = busy().await;
    let text = plane.get("/metrics").await.text;
    for (series, wanted) in [
        (r#"insula_agents{cell="default",state="connected"}"#, 1.0),
        (
            r#"insula_frameworks{cell="default",state="connected"}"#,
            1.0,
        ),
        (r#"insula_tasks_ended_total{state="finished"}"#, 1.0),
        (r#"insula_tasks_launched_total"#, 1.0),
        (r#"insula_requests_submitted_total"#, 1.0),
        (r#"insula_offers_outstanding{cell="default"}"#, 1.0),
        (r#"insula_cell_cpus{cell="default",share="all"}"#, 4.0),
        (r#"insula_cell_cpus{cell="default",share="offered"}"#, 4.0),
        (
            r#"insula_cell_memory_bytes{cell="default",share="all"}"#,
            4_294_967_296.0,
        ),
        (
            r#"insula_task_start_duration_seconds_count{runs="native"}"#,
            1.0,
        ),
        (
            r#"insula_framework_first_offer_duration_seconds_count"#,
            1.0,
        ),
        (
            r#"insula_framework_calls_total{call="subscribe",outcome="accepted"}"#,
            1.0,
        ),
        (r#"insula_framework_events_total{event="offers"}"#, 1.0),
        (r#"insula_sessions_open{peer="agent"}"#, 1.0),
        (
            r#"insula_agent_messages_total{direction="sent",kind="launch"}"#,
            1.0,
        ),
        (r#"insula_partitions_owned"#, 1.0),
        (r#"insula_partition_takes_total"#, 1.0),
        (r#"insula_cells{stage="serving"}"#, 1.0),
        (r#"insula_replica_ready"#, 1.0),
    ] {
        let found = value(&text, series);
        assert!((found - wanted).abs() < 1e-9, "{series} is {found}");
    }
    let route = r#"http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/v1/tasks/{id}"}"#;
    assert!(value(&text, route) >= 1.0);
    assert!(value(&text, "process_resident_memory_bytes") > 1e6);
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mesos_tools_find_the_keys_that_they_read() {
    let (plane, _framework, _agent) = busy().await;
    let answer = plane.get("/metrics/snapshot?timeout=1secs").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let snapshot = answer.json();
    for (key, wanted) in [
        ("master/elected", 1.0),
        ("master/slaves_active", 1.0),
        ("master/slaves_connected", 1.0),
        ("master/slaves_disconnected", 0.0),
        ("master/slaves_unreachable", 0.0),
        ("master/frameworks_active", 1.0),
        ("master/outstanding_offers", 1.0),
        ("master/tasks_running", 0.0),
        ("master/tasks_staging", 0.0),
        ("master/tasks_finished", 1.0),
        ("master/tasks_lost", 0.0),
        ("master/cpus_total", 4.0),
        ("master/cpus_used", 0.0),
        ("master/cpus_percent", 0.0),
        ("master/mem_total", 4096.0),
        ("master/gpus_total", 0.0),
        ("allocator/mesos/resources/cpus/total", 4.0),
        ("allocator/mesos/resources/cpus/offered_or_allocated", 4.0),
    ] {
        assert_eq!(snapshot[key], json!(wanted), "{key}");
    }
    for key in [
        "master/uptime_secs",
        "system/load_1min",
        "system/mem_total_bytes",
    ] {
        assert!(snapshot[key].is_f64(), "{key}");
    }
    let flat = snapshot.as_object().unwrap();
    assert!(flat.values().all(serde_json::Value::is_f64));
    plane.stop().await;
}
