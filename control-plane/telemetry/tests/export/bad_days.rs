//! A receiver that is slow, refuses or is away costs spans, which are counted, and nothing else.
//!
//! Nothing here looks at a clock: a receiver that hangs never answers, and an export may take an hour,
//! so whatever waited for it would not come back before the test is given up.

use insula_faults::receiver::{Manner, Receiver};
use insula_telemetry::{Kind, Span, SpanFigures, fresh, span_figures};

use crate::exporter::{self, Exporter, until};

const QUEUE: usize = 1_000;
const SPANS: u64 = 100_000;

/// A queue of a known size, and an export that may take an hour.
const PATIENT: [(&str, &str); 3] = [
    ("OTEL_BSP_MAX_QUEUE_SIZE", "1000"),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000"),
];

#[test]
fn a_receiver_that_hangs_holds_nobody_up_over_http() {
    holds_nobody_up(
        "bad_days::a_receiver_that_hangs_holds_nobody_up_over_http",
        "http/protobuf",
    );
}

#[test]
fn a_receiver_that_hangs_holds_nobody_up_over_grpc() {
    holds_nobody_up(
        "bad_days::a_receiver_that_hangs_holds_nobody_up_over_grpc",
        "grpc",
    );
}

fn holds_nobody_up(test: &str, protocol: &str) {
    if exporter::is_this_process() {
        let guard = exporter::begin();
        drop(Span::made("first", Kind::Internal, &fresh(), 0));
        println!("begun");
        wait_for_parent();
        record(SPANS);
        let figures = is_bounded_and_counted();
        assert_eq!(figures.exported, 0, "{figures:?}");
        return guard.shut(std::time::Duration::from_millis(100));
    }
    let receiver = Receiver::start_as(Manner::Hang);
    let variables = with_protocol(protocol);
    let mut exporter = Exporter::start(test, Some(&receiver), &variables);
    exporter.until_it_says("begun");
    until("an export that hangs", || receiver.asked() > 0);
    exporter.go_on();
    exporter.finish();
    assert!(receiver.exports().is_empty());
}

#[test]
fn a_receiver_that_comes_back_gets_what_waited() {
    let test = "bad_days::a_receiver_that_comes_back_gets_what_waited";
    if exporter::is_this_process() {
        let guard = exporter::begin();
        drop(Span::made("first", Kind::Internal, &fresh(), 0));
        println!("begun");
        wait_for_parent();
        record(SPANS);
        let before = is_bounded_and_counted();
        println!("full");
        until("the queue to be empty", || span_figures().queued == 0);
        drop(Span::made("last", Kind::Internal, &fresh(), 0));
        guard.shut(exporter::DEADLINE);
        let after = span_figures();
        assert_eq!(
            (after.dropped, after.failed),
            (before.dropped, 0),
            "{after:?}"
        );
        assert_eq!(after.exported + after.dropped, SPANS + 2, "{after:?}");
        return;
    }
    let receiver = Receiver::start_as(Manner::Hang);
    let mut exporter = Exporter::start(test, Some(&receiver), &with_protocol("http/protobuf"));
    exporter.until_it_says("begun");
    until("an export that hangs", || receiver.asked() > 0);
    exporter.go_on();
    exporter.until_it_says("full");
    receiver.behave(Manner::Take);
    exporter.finish();
    let received = receiver.received();
    let named = |name: &str| received.spans().filter(|span| span.name == name).count();
    assert_eq!((named("first"), named("last")), (1, 1));
    let waited = named("many");
    assert!(
        (QUEUE - 200..=QUEUE).contains(&waited),
        "{waited} had waited"
    );
}

#[test]
fn a_receiver_that_refuses_or_is_away_costs_the_spans() {
    let test = "bad_days::a_receiver_that_refuses_or_is_away_costs_the_spans";
    if exporter::is_this_process() {
        let guard = exporter::begin();
        record(10);
        until("the spans to be given up", || span_figures().failed == 10);
        guard.shut(exporter::DEADLINE);
        let figures = span_figures();
        assert_eq!((figures.exported, figures.queued), (0, 0), "{figures:?}");
        return;
    }
    for protocol in ["http/protobuf", "grpc"] {
        let refusing = Receiver::start_as(Manner::Refuse);
        let variables = [("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
        Exporter::start(test, Some(&refusing), &variables).finish();
        assert!(refusing.asked() > 0 && refusing.exports().is_empty());
        let url = refusing.url();
        drop(refusing);
        let away = [variables[0], ("OTEL_EXPORTER_OTLP_ENDPOINT", &url)];
        Exporter::start(test, None, &away).finish();
    }
}

fn with_protocol(protocol: &str) -> [(&str, &str); 4] {
    let [queue, batch, timeout] = PATIENT;
    [
        queue,
        batch,
        timeout,
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
    ]
}

/// Waits for [`Exporter::go_on`].
fn wait_for_parent() {
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    assert_eq!((read.unwrap(), line.as_str()), (3, "go\n"));
}

fn record(spans: u64) {
    for _ in 0..spans {
        drop(Span::made("many", Kind::Internal, &fresh(), 0));
    }
}

/// While nothing has been answered, and the first span and [`SPANS`] others were recorded.
fn is_bounded_and_counted() -> SpanFigures {
    let figures = span_figures();
    assert_eq!(figures.queued_max, QUEUE);
    assert!(figures.queued <= QUEUE && figures.queued > 0, "{figures:?}");
    assert!(figures.recent <= figures.recent_max, "{figures:?}");
    let waiting = u64::try_from(figures.queued).unwrap();
    assert_eq!(figures.failed, 0, "{figures:?}");
    assert_eq!(waiting + figures.dropped, SPANS + 1, "{figures:?}");
    figures
}
