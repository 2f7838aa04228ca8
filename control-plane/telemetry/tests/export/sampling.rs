//! Which traces are recorded.

use std::time::Instant;

use insula_faults::receiver::Receiver;
use insula_telemetry::names::key;
use insula_telemetry::{Kind, Span, admitted, fresh};
use insula_types::{TenantId, TraceContext};

use crate::exporter::{self, Exporter};

/// As many as a tenant may have recorded in a second, by its own flag.
const GRANTED: u64 = 10;

const ASKED: u64 = 1_000;

#[test]
fn what_fails_is_recorded_where_nothing_else_is() {
    let test = "sampling::what_fails_is_recorded_where_nothing_else_is";
    if exporter::is_this_process() {
        let guard = exporter::begin();
        let mut bad = Span::root("bad", Kind::Server);
        assert!(!bad.is_recorded() && !bad.context().is_sampled());
        bad.fail("unavailable", "nobody serves the cell");
        drop(bad);
        drop(Span::root("good", Kind::Server));
        let task = fresh();
        drop(Span::begin("good", Kind::Consumer, &task));
        let mut child = Span::begin("bad child", Kind::Consumer, &task);
        child.fail("lost", "the agent is gone");
        drop(child);
        return guard.shut(exporter::DEADLINE);
    }
    let receiver = Receiver::start();
    Exporter::start(test, Some(&receiver), &NOTHING).finish();
    let received = receiver.received();
    let mut names: Vec<_> = received.spans().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["bad", "bad child"]);
    for span in received.spans() {
        assert_eq!(span.attribute(key::RECORDED_FOR), "error");
        assert!(span.error.is_some());
    }
    let orphans = received.orphans(|_, _| false);
    assert!(orphans.is_empty(), "{orphans:?}");
}

const NOTHING: [(&str, &str); 2] = [
    ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
    ("OTEL_TRACES_SAMPLER_ARG", "0"),
];

/// Each begins a window of a second at most once a second, so as many windows as seconds have begun.
#[test]
fn a_callers_flag_is_advice() {
    let test = "sampling::a_callers_flag_is_advice";
    if exporter::is_this_process() {
        let guard = exporter::begin();
        let began = Instant::now();
        let granted = (0..ASKED).filter(|_| is_granted("loud")).count();
        let windows = began.elapsed().as_secs() + 1;
        let granted = u64::try_from(granted).unwrap();
        assert!(
            (GRANTED..=GRANTED * windows).contains(&granted),
            "{granted} were granted in {windows} seconds"
        );
        assert!(is_granted("quiet"), "another tenant pays for it");
        let silent = TraceContext::start(7, 8, false);
        let task = admitted(&silent, &TenantId::from("quiet"));
        assert_eq!((task.trace_id(), task.is_sampled()), (7, false));
        println!("granted {granted}");
        return guard.shut(exporter::DEADLINE);
    }
    let receiver = Receiver::start();
    Exporter::start(test, Some(&receiver), &NOTHING).finish();
    let received = receiver.received();
    let tasks = received.spans().filter(|span| span.name == "task").count();
    let tasks = u64::try_from(tasks).unwrap();
    assert!(
        (GRANTED + 1..ASKED).contains(&tasks),
        "{tasks} were recorded"
    );
    // The flag was not taken over where it was not granted: nobody would have the rest of the trace.
    assert_eq!(tasks, received.len() as u64);
}

/// Whether a caller of the tenant gets its trace recorded; records its first span, as the owner would.
fn is_granted(tenant: &str) -> bool {
    let caller = fresh().with_sampled(true);
    let task = admitted(&caller, &TenantId::from(tenant));
    assert_eq!(task.trace_id(), caller.trace_id());
    drop(Span::made("task", Kind::Internal, &task, caller.span_id()));
    task.is_sampled()
}

#[test]
fn everything_is_recorded_by_default_where_it_is_exported() {
    let test = "sampling::everything_is_recorded_by_default_where_it_is_exported";
    if exporter::is_this_process() {
        let guard = exporter::begin();
        for _ in 0..100 {
            drop(Span::root("work", Kind::Internal));
        }
        return guard.shut(exporter::DEADLINE);
    }
    let receiver = Receiver::start();
    Exporter::start(test, Some(&receiver), &[]).finish();
    assert_eq!(receiver.received().len(), 100);
}
