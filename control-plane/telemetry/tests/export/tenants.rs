//! A tenant's own receiver.

use http::HeaderMap;
use insula_faults::receiver::{Manner, Receiver};
use insula_telemetry::names::key;
use insula_telemetry::{Kind, Settings, Span, fresh, parse_tenants, span_figures, start};
use insula_types::TenantId;

use crate::exporter::{self, Exporter};

/// Tells the exporting process where the tenants' receivers are.
const FILE: &str = "TELEMETRY_TEST_TENANTS";

#[test]
fn a_tenants_receiver_gets_its_own_spans_with_its_own_headers() {
    let test = "tenants::a_tenants_receiver_gets_its_own_spans_with_its_own_headers";
    if exporter::is_this_process() {
        return record();
    }
    for protocol in ["http/protobuf", "grpc"] {
        let (operator, acme) = (Receiver::start(), Receiver::start());
        let file = [
            &format!("acme = {}\n", acme.traces_url()),
            "acme.header.x-acme = of-acme",
        ];
        let variables = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=of-the-operator,x-operator=1",
            ),
            (
                "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
                "x-traces=1,authorization=of-the-operator",
            ),
            (FILE, &file.concat()),
        ];
        Exporter::start(test, Some(&operator), &variables).finish();
        assert_eq!(tenants_of(&operator), ["", "acme", "beta"]);
        assert_eq!(tenants_of(&acme), ["acme"]);
        for headers in headers_of(&operator) {
            assert_eq!(headers["authorization"], "of-the-operator");
            assert!(!headers.contains_key("x-acme"));
        }
        for headers in headers_of(&acme) {
            assert_eq!(headers["x-acme"], "of-acme");
            for name in ["authorization", "x-operator", "x-traces"] {
                assert!(!headers.contains_key(name), "{name}");
            }
            let texts = headers.values().filter_map(|value| value.to_str().ok());
            assert!(
                texts
                    .into_iter()
                    .all(|text| !text.contains("of-the-operator"))
            );
        }
    }
}

#[test]
fn a_tenants_receiver_that_hangs_takes_nothing_from_the_others() {
    let test = "tenants::a_tenants_receiver_that_hangs_takes_nothing_from_the_others";
    if exporter::is_this_process() {
        let guard = start(of_tenants()).unwrap();
        for _ in 0..2_000 {
            spans();
        }
        exporter::until("the operator's spans", || span_figures().exported >= 6_000);
        return guard.shut(std::time::Duration::from_millis(100));
    }
    let (operator, acme) = (Receiver::start(), Receiver::start_as(Manner::Hang));
    let file = format!("acme = {}", acme.traces_url());
    Exporter::start(test, Some(&operator), &[(FILE, &file)]).finish();
    assert_eq!(operator.received().len(), 6_000);
    assert!(acme.exports().is_empty());
}

fn record() {
    let guard = start(of_tenants()).unwrap();
    spans();
    guard.shut(exporter::DEADLINE);
    let figures = span_figures();
    assert_eq!((figures.exported, figures.failed), (4, 0), "{figures:?}");
}

fn of_tenants() -> Settings {
    let file = std::env::var(FILE).unwrap();
    Settings {
        tenants: parse_tenants(&file).unwrap(),
        ..exporter::settings()
    }
}

/// One of each tenant, and one of nobody in particular.
fn spans() {
    for tenant in ["acme", "beta"] {
        drop(Span::made("work", Kind::Internal, &fresh(), 0).of(&TenantId::from(tenant)));
    }
    drop(Span::made("commit", Kind::Internal, &fresh(), 0));
}

fn tenants_of(receiver: &Receiver) -> Vec<String> {
    let received = receiver.received();
    let tenants = received.spans().map(|span| span.attribute(key::TENANT));
    let mut tenants: Vec<String> = tenants.map(ToOwned::to_owned).collect();
    tenants.sort();
    tenants
}

fn headers_of(receiver: &Receiver) -> Vec<HeaderMap> {
    let exports = receiver.exports().into_iter();
    exports.map(|export| export.headers).collect()
}
