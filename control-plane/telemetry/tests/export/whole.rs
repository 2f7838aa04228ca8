//! Everything that is noted on a span arrives, over either protocol.

use std::time::{Duration, UNIX_EPOCH};

use insula_faults::receiver::{Link, Receiver, SpanKind};
use insula_telemetry::names::{SCHEMA_URL, key, span};
use insula_telemetry::{Kind, Span, recent_spans, span_figures};
use insula_types::{TenantId, TraceContext};

use crate::exporter::{self, Exporter};

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const CALLER: u64 = 0x00f0_67aa_0ba9_02b7;
const TASK: u64 = 0x1234;
const EARLIER: (u128, u64) = (0xabcd, 0xef);

#[test]
fn a_span_arrives_whole_over_http() {
    arrives_whole("whole::a_span_arrives_whole_over_http", "http/protobuf");
}

#[test]
fn a_span_arrives_whole_over_grpc() {
    arrives_whole("whole::a_span_arrives_whole_over_grpc", "grpc");
}

fn arrives_whole(test: &str, protocol: &str) {
    if exporter::is_this_process() {
        return record();
    }
    let receiver = Receiver::start();
    let variables = [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=of-the-operator"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test",
        ),
    ];
    Exporter::start(test, Some(&receiver), &variables).finish();
    let exports = receiver.exports();
    assert!(
        exports
            .iter()
            .all(|export| export.headers["x-key"] == "of-the-operator")
    );
    first_is_whole(&receiver);
    others_hang_from_it(&receiver);
}

fn first_is_whole(receiver: &Receiver) {
    let received = receiver.received();
    let first = received
        .at(&Link {
            trace: TRACE,
            span: TASK,
        })
        .unwrap();
    assert_eq!((first.name.as_str(), first.parent), (span::TASK, CALLER));
    assert_eq!(first.kind, SpanKind::Internal);
    assert_eq!((first.from, first.until), (1_000_000_000, 2_000_000_000));
    assert_eq!(first.state, "vendor=1");
    assert_eq!(first.schema, SCHEMA_URL);
    assert_eq!(first.attribute(key::TENANT), "acme");
    assert_eq!(first.attribute(key::TASK), "web.1");
    assert_eq!(first.attribute(key::EXIT_CODE), "3");
    assert_eq!(first.attribute(key::ERROR_TYPE), "TASK_FAILED");
    assert_eq!(first.error.as_deref(), Some("it exited with 3"));
    let events: Vec<_> = first
        .events
        .iter()
        .map(|event| event.name.as_str())
        .collect();
    assert_eq!(events, ["refused"]);
    assert_eq!(first.events[0].attributes["message"], "no offer fits");
    let (trace, span) = EARLIER;
    assert_eq!(first.links, [Link { trace, span }]);
    for (key, value) in [
        ("service.name", "insula-test"),
        ("service.instance.id", "instance-1"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("deployment.environment.name", "test"),
    ] {
        assert_eq!(first.resource[key], value, "{key}");
    }
}

fn others_hang_from_it(receiver: &Receiver) {
    let received = receiver.received();
    let trace = received.trace(TRACE);
    let expected = [
        ("send launch", SpanKind::Producer),
        ("process launch", SpanKind::Consumer),
        ("GET /v1/tasks", SpanKind::Client),
    ];
    for (name, kind) in expected {
        let child = trace.named(name).next().unwrap();
        assert_eq!((child.parent, child.kind), (TASK, kind), "{name}");
        assert!(child.error.is_none() && child.until >= child.from);
    }
    assert_eq!(trace.flaws(span::TASK, CALLER), Vec::<String>::new());
    assert_eq!(received.len(), 4, "{}", trace.shown());
}

/// What the exporting process does.
fn record() {
    let guard = exporter::begin();
    let task = TraceContext::start(TRACE, TASK, true);
    let task = TraceContext::parse(&task.traceparent(), "vendor=1");
    let mut first = Span::made(span::TASK, Kind::Internal, &task, CALLER)
        .from(UNIX_EPOCH + Duration::from_secs(1))
        .until(UNIX_EPOCH + Duration::from_secs(2))
        .of(&TenantId::from("acme"))
        .with(key::TASK, "web.1")
        .with(key::EXIT_CODE, 3);
    first.event("refused", "no offer fits");
    let (trace, earlier) = EARLIER;
    first.link(&TraceContext::start(trace, earlier, true));
    first.fail("TASK_FAILED", "it exited with 3");
    assert_eq!(first.end(), task);
    drop(Span::begin("send launch", Kind::Producer, &task));
    drop(Span::begin("process launch", Kind::Consumer, &task));
    let mut renamed = Span::begin(span::REQUEST, Kind::Client, &task);
    renamed.rename("GET /v1/tasks");
    drop(renamed);
    Span::begin("nothing", Kind::Internal, &task).forget();
    assert!(
        recent_spans(TRACE).is_empty(),
        "what is exported is not kept"
    );
    guard.shut(exporter::DEADLINE);
    let figures = span_figures();
    assert_eq!((figures.exported, figures.queued), (4, 0), "{figures:?}");
    assert_eq!((figures.dropped, figures.failed), (0, 0), "{figures:?}");
}

#[test]
fn a_trace_is_passed_on_where_nothing_is_recorded() {
    if !exporter::is_this_process() {
        let test = "whole::a_trace_is_passed_on_where_nothing_is_recorded";
        return Exporter::start(test, None, &[]).finish();
    }
    let mut settings = exporter::settings();
    settings.recent = 0;
    let guard = insula_telemetry::start(settings).unwrap();
    let caller = TraceContext::start(TRACE, CALLER, true);
    let task = insula_telemetry::admitted(&caller, &TenantId::from("acme"));
    assert_eq!(task.trace_id(), TRACE);
    assert!(!task.is_empty() && !insula_telemetry::fresh().is_empty());
    let mut silent = Span::begin("send launch", Kind::Producer, &task);
    silent.fail("broken", "nobody records it");
    assert_eq!(silent.end(), task);
    assert!(!Span::root("agent session", Kind::Client).end().is_empty());
    guard.shut(exporter::DEADLINE);
    assert_eq!(span_figures(), insula_telemetry::SpanFigures::default());
}
