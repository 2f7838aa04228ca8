//! Requests in traces: every route has its span, every task its own.

use std::sync::Once;

use http::{Method, StatusCode};
use insula_client::Client;
use insula_server::Server;
use insula_telemetry::{RecentSpan, Sampler, Settings, fresh, recent_spans};
use insula_types::TraceContext;
use serde_json::{Value, json};

use crate::support::{Plane, options};

/// Records all spans of this process, to be looked at.
fn record() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let settings = Settings {
            service: "test",
            instance: "test".to_owned(),
            sampler: Some(Sampler::Always),
            recent: 65_536,
            tenants: Vec::new(),
        };
        // Lives for as long as the process.
        std::mem::forget(insula_telemetry::start(settings).unwrap());
    });
}

/// A caller that records its own spans.
fn caller() -> TraceContext {
    fresh().with_sampled(true)
}

fn named(trace: &TraceContext, name: &str) -> Vec<RecentSpan> {
    let mut spans = recent_spans(trace.trace_id());
    spans.retain(|span| span.name == name);
    spans
}

fn attribute<'a>(span: &'a RecentSpan, key: &str) -> Option<&'a str> {
    let found = span.attributes.iter().find(|(name, _)| name == key);
    found.map(|(_, value)| value.as_str())
}

/// A path to every route, and its pattern.
const ROUTES: [(Method, &str, &str); 39] = [
    (Method::GET, "/metrics", "/metrics"),
    (Method::GET, "/ready", "/ready"),
    (Method::GET, "/v1/agents", "/v1/agents"),
    (
        Method::POST,
        "/v1/agents/a/discard",
        "/v1/agents/{id}/discard",
    ),
    (Method::GET, "/v1/events", "/v1/events"),
    (Method::GET, "/v1/frameworks", "/v1/frameworks"),
    (Method::GET, "/v1/modules", "/v1/modules"),
    (Method::PUT, "/v1/modules", "/v1/modules"),
    (Method::DELETE, "/v1/modules/x", "/v1/modules/{digest}"),
    (Method::GET, "/v1/offers", "/v1/offers"),
    (Method::GET, "/v1/partitions", "/v1/partitions"),
    (Method::GET, "/v1/replicas", "/v1/replicas"),
    (Method::GET, "/v1/tasks?all=true", "/v1/tasks"),
    (Method::POST, "/v1/tasks", "/v1/tasks"),
    (Method::DELETE, "/v1/tasks", "/v1/tasks"),
    (Method::GET, "/v1/tasks/t", "/v1/tasks/{id}"),
    (Method::POST, "/v1/tasks/t/kill", "/v1/tasks/{id}/kill"),
    (
        Method::GET,
        "/v1/tasks/t/output/stdout",
        "/v1/tasks/{id}/output/{stream}",
    ),
    (Method::PUT, "/v1/tasks/t/stdin", "/v1/tasks/{id}/stdin"),
    (Method::GET, "/v1/tasks/t/trace", "/v1/tasks/{id}/trace"),
    (Method::GET, "/v1/tasks/t/why", "/v1/tasks/{id}/why"),
    (Method::POST, "/v1/tokens", "/v1/tokens"),
    (Method::GET, "/v1/version", "/v1/version"),
    (Method::GET, "/v1", "/v1"),
    (Method::GET, "/v1/", "/v1/"),
    (Method::GET, "/v1/nothing/of/ours", "other"),
    (Method::POST, "/api/v1/scheduler", "/api/v1/scheduler"),
    (
        Method::POST,
        "/master/api/v1/scheduler",
        "/api/v1/scheduler",
    ),
    (Method::GET, "/state", "/state"),
    (Method::GET, "/master/state", "/state"),
    (Method::GET, "/tasks", "/tasks"),
    (Method::GET, "/slaves", "/slaves"),
    (Method::GET, "/frameworks", "/frameworks"),
    (Method::GET, "/health", "/health"),
    (Method::GET, "/redirect", "/redirect"),
    (Method::GET, "/version", "/version"),
    (Method::GET, "/metrics/snapshot", "/metrics/snapshot"),
    (Method::GET, "/quota", "/mesos/unsupported"),
    (Method::GET, "/nothing", "other"),
];

#[tokio::test]
async fn every_route_has_a_span_with_its_name_and_status() {
    record();
    let plane = Plane::start().await;
    for (method, path, pattern) in ROUTES {
        let caller = caller();
        let headers = [("traceparent", caller.traceparent())];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let answer = plane.call(method.clone(), path, &headers, "").await;
        let spans = named(&caller, &format!("{method} {pattern}"));
        let [span] = spans.as_slice() else {
            panic!("{method} {path}: {:?}", recent_spans(caller.trace_id()));
        };
        assert_eq!(span.parent, caller.span_id(), "{method} {path}");
        assert_eq!(attribute(span, "http.route"), Some(pattern), "{path}");
        let status = answer.status.as_u16().to_string();
        assert_eq!(
            attribute(span, "http.response.status_code"),
            Some(status.as_str()),
            "{method} {path}"
        );
        let is_refused = answer.status.as_u16() >= 400;
        assert_eq!(
            span.error.is_some(),
            is_refused,
            "{method} {path}: {span:?}"
        );
        assert_eq!(
            attribute(span, "error.type").is_some(),
            is_refused,
            "{path}"
        );
    }
    plane.stop().await;
}

#[tokio::test]
async fn the_calls_of_agents_are_named_as_rpcs() {
    record();
    let plane = Plane::start().await;
    for rpc in [
        "Enroll",
        "Session",
        "FetchModule",
        "SendOutput",
        "ReceiveInput",
    ] {
        let caller = caller();
        let path = format!("/insula.agent.v1.AgentService/{rpc}");
        let traceparent = caller.traceparent();
        let headers = [
            ("traceparent", traceparent.as_str()),
            ("content-type", "application/grpc"),
        ];
        // One empty message: without a certificate, or a token, it is refused.
        plane
            .call(Method::POST, &path, &headers, &b"\0\0\0\0\0"[..])
            .await;
        let spans = named(&caller, &format!("insula.agent.v1.AgentService/{rpc}"));
        let [span] = spans.as_slice() else {
            panic!("{rpc}: {:?}", recent_spans(caller.trace_id()));
        };
        assert_eq!(attribute(span, "rpc.method"), Some(rpc));
        assert!(span.error.is_some(), "{span:?}");
        assert_ne!(attribute(span, "rpc.grpc.status_code"), Some("0"));
    }
    plane.stop().await;
}

async fn submit(plane: &Plane, caller: &TraceContext, tasks: Value) -> (StatusCode, Value) {
    let traceparent = caller.traceparent();
    let headers = [("traceparent", traceparent.as_str())];
    let body = json!({ "tasks": tasks }).to_string();
    let answer = plane.call(Method::POST, "/v1/tasks", &headers, body).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn each_task_of_a_batch_has_its_own_span_in_the_callers_trace() {
    record();
    let plane = Plane::start().await;
    let caller = caller();
    let tasks = json!([{"run": {"shell": "true"}, "count": 20, "resources": "cpus:99"}]);
    let (status, _) = submit(&plane, &caller, tasks).await;
    assert_eq!(status, StatusCode::CREATED);
    let ways = named(&caller, "accept");
    assert_eq!(ways.len(), 20);
    let mut parents: Vec<u64> = ways.iter().map(|way| way.parent).collect();
    parents.sort_unstable();
    parents.dedup();
    assert_eq!(parents.len(), 20, "two tasks share a span");
    for way in &ways {
        assert_eq!(attribute(way, "insula.tenant"), Some("default"), "{way:?}");
        assert_ne!(way.parent, caller.span_id());
    }
    let request = &named(&caller, "POST /v1/tasks")[0];
    assert_eq!(attribute(request, "insula.tasks"), Some("20"));
    assert_eq!(attribute(request, "insula.tenant"), Some("default"));
    plane.stop().await;
}

#[tokio::test]
async fn a_task_that_was_refused_has_its_first_span_nevertheless() {
    record();
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(&directory);
    options.kernel.requests_max = 1;
    let server = Server::start(options).await.unwrap();
    let client = Client::new(&server.address().to_string()).unwrap();
    let plane = Plane {
        server,
        client,
        directory,
    };
    let tasks = json!([{"run": {"shell": "true"}, "resources": "cpus:99"}]);
    let first = caller();
    let (status, _) = submit(&plane, &first, tasks.clone()).await;
    assert_eq!(status, StatusCode::CREATED);
    let second = caller();
    let (status, _) = submit(&plane, &second, tasks).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let refused = named(&second, "task");
    let [refused] = refused.as_slice() else {
        panic!("{:?}", recent_spans(second.trace_id()));
    };
    assert_eq!(refused.parent, second.span_id());
    let sentence = refused.error.as_deref().unwrap();
    assert!(sentence.contains("1"), "{sentence}");
    assert_eq!(attribute(refused, "error.type"), Some("resource_exhausted"));
    let way = &named(&second, "accept")[0];
    assert_eq!(way.parent, refused.span_id);
    plane.stop().await;
}

#[tokio::test]
async fn a_caller_that_does_not_record_is_nobodys_parent() {
    record();
    let plane = Plane::start().await;
    let caller = fresh().with_sampled(false);
    let tasks = json!([{"run": {"shell": "true"}, "resources": "cpus:99"}]);
    let (status, _) = submit(&plane, &caller, tasks).await;
    assert_eq!(status, StatusCode::CREATED);
    let request = &named(&caller, "POST /v1/tasks")[0];
    assert_eq!(request.parent, 0);
    let spans = recent_spans(caller.trace_id());
    assert!(spans.iter().all(|span| span.parent != caller.span_id()));
    plane.stop().await;
}
