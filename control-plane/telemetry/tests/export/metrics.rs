//! Metrics arrive over either protocol, the last values as well.

use insula_faults::receiver::Receiver;
use insula_telemetry::metrics::labels::Answered;
use insula_telemetry::metrics::{Counter, Identity, Metrics, table};

use crate::exporter::{self, Exporter};

#[test]
fn metrics_arrive_over_http() {
    arrive("metrics::metrics_arrive_over_http", "http/protobuf");
}

#[test]
fn metrics_arrive_over_grpc() {
    arrive("metrics::metrics_arrive_over_grpc", "grpc");
}

fn arrive(test: &str, protocol: &str) {
    if exporter::is_this_process() {
        return count();
    }
    let receiver = Receiver::start();
    let variables = [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=of-the-operator"),
    ];
    Exporter::start(test, Some(&receiver), &variables).finish();
    let exports = receiver.exports();
    let last = exports.last().unwrap();
    assert_eq!(last.headers["x-key"], "of-the-operator");
    let wanted = (
        "insula-test".to_owned(),
        table::AGENT_SESSIONS.name.to_owned(),
    );
    assert!(last.metrics.contains(&wanted), "{:?}", last.metrics);
}

/// What the exporting process does; it ends long before the next export is due.
fn count() {
    let metrics = Metrics::start(Identity {
        service: "insula-test",
        version: "1",
        instance: "instance-1".to_owned(),
    });
    let metrics = metrics.unwrap();
    assert!(metrics.is_exported());
    let sessions: Counter<Answered> = metrics.counter(&table::AGENT_SESSIONS);
    sessions.one(Answered::Ok);
    metrics.shut(exporter::DEADLINE);
}
