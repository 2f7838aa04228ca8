//! What a task is told of its trace, and what the agent tells.

use std::sync::OnceLock;

use insula_agent::ShutdownMode;
use insula_proto::convert::agent::Output;
use insula_telemetry::names::span;
use insula_telemetry::{Guard, RecentSpan, Sampler, Settings, recent_spans};
use insula_types::message::CommandBody;
use insula_types::{Span, TaskState};
use tokio::time::timeout;

use crate::cluster::{self, SOON, Session, launch_id, trace_of, until};
use crate::machine::{Agent, Machine};
use crate::service::{self, Running};

/// Records what agents of this process tell, from now on.
pub(crate) fn record() {
    static RECORDING: OnceLock<Guard> = OnceLock::new();
    RECORDING.get_or_init(|| {
        insula_telemetry::start(Settings {
            service: "insula-agent",
            instance: "test".to_owned(),
            sampler: Some(Sampler::Always),
            recent: 10_000,
            tenants: Vec::new(),
        })
        .unwrap()
    });
}

/// The spans of a launch: all of one task are children of the task's own, which its context names.
pub(crate) fn spans_of(number: u64) -> Vec<RecentSpan> {
    let trace = trace_of(number);
    let mut spans = recent_spans(trace.trace_id());
    spans.retain(|span| span.parent == trace.span_id());
    spans
}

pub(crate) fn count(spans: &[RecentSpan], name: &str) -> usize {
    spans.iter().filter(|span| span.name == name).count()
}

async fn connected() -> (Running, Machine, Agent, Session) {
    let mut service = service::start().await;
    let machine = Machine::new(&service);
    let agent = machine.start(ShutdownMode::KillTasks);
    let session = cluster::session(&mut service).await;
    (service, machine, agent, session)
}

#[tokio::test]
async fn a_task_gets_just_its_context_whether_it_is_sampled_or_not() {
    let (service, _machine, agent, mut session) = connected().await;
    for number in [1, 2] {
        session
            .run(number, r"printf '%s %s' $TRACEPARENT $TRACESTATE")
            .await;
        let ended = session.end(number).await;
        assert_eq!(ended.state, TaskState::Finished);
        let name = format!("r{number}");
        let output = service.service.expect_output(&name);
        session.read(&name, number, Output::Stdout, false).await;
        let output = String::from_utf8(timeout(SOON, output).await.unwrap().unwrap()).unwrap();
        let trace = trace_of(number);
        assert_eq!(trace.is_sampled(), number == 1);
        assert_eq!(output, format!("{trace} {}", trace.tracestate()));
    }
    agent.stop().await;
}

#[tokio::test]
async fn the_last_update_says_when_the_task_passed_each_step() {
    let (_service, _machine, agent, mut session) = connected().await;
    session.run(1, "true").await;
    let times = session.end(1).await.on_agent;
    let steps = [times.received, times.started, times.ended].map(Option::unwrap);
    assert!(steps.is_sorted() && steps[0].0 > 0, "{steps:?}");
    agent.stop().await;
}

#[tokio::test]
async fn the_steps_of_a_task_are_children_of_its_own_span() {
    const NUMBER: u64 = 9_101;
    record();
    let (_service, _machine, agent, mut session) = connected().await;
    session.run(NUMBER, "exit 3").await;
    assert_eq!(session.end(NUMBER).await.state, TaskState::Failed);
    until(|| count(&spans_of(NUMBER), span::PROCESS_ACKNOWLEDGE) >= 2).await;
    let spans = spans_of(NUMBER);
    for (name, times) in [(span::PROCESS_LAUNCH, 1), (span::START, 1), (span::RUN, 1)] {
        assert_eq!(count(&spans, name), times, "{name} in {spans:?}");
    }
    // An update is sent again if its acknowledgement takes long.
    assert!(count(&spans, span::SEND_UPDATE) >= 2, "{spans:?}");
    for span in &spans {
        assert_eq!(span.tenant, Some("default".into()), "{span:?}");
        assert!(span.from <= span.until, "{span:?}");
        let is_error = span.error.is_some();
        assert_eq!(is_error, span.name == span::RUN, "{span:?}");
    }
    let trace_id = session.trace.trace_id();
    until(|| count(&recent_spans(trace_id), span::AGENT_SESSION) == 1).await;
    agent.stop().await;
}

#[tokio::test]
async fn a_kill_is_a_step_and_what_was_killed_on_request_is_no_error() {
    const NUMBER: u64 = 9_103;
    record();
    let (_service, _machine, agent, mut session) = connected().await;
    session.run(NUMBER, "sleep 1000").await;
    session.running(NUMBER).await;
    let kill = CommandBody::Kill {
        launch: launch_id(NUMBER),
        grace: Some(Span::ZERO),
    };
    session.command(kill).await;
    assert_eq!(session.end(NUMBER).await.state, TaskState::Killed);
    until(|| count(&spans_of(NUMBER), span::PROCESS_KILL) == 1).await;
    until(|| count(&spans_of(NUMBER), span::RUN) == 1).await;
    let spans = spans_of(NUMBER);
    assert!(spans.iter().all(|span| span.error.is_none()), "{spans:?}");
    agent.stop().await;
}
