//! Starts as the API shows them.

use insula_proto::rest::{StepStatus, TaskPhase, TraceLink, TraceNote, TraceStart, TraceStep};
use insula_types::record::{RequestRow, TaskRow};
use insula_types::trace::Origin;
use insula_types::{Time, TraceContext};

use super::super::view;
use super::live::Live;
use crate::timeline::{self, Place, Progress, Step, Timeline};

/// A start. `earlier` is when the one before it ended.
pub(super) fn start(row: &TaskRow, earlier: Option<Time>, now: Time, live: &Live) -> TraceStart {
    let task = view::started(row);
    let hostname = live.hostnames.get(&row.agent).cloned();
    let agent = hostname.as_deref().unwrap_or(row.agent.as_str()).to_owned();
    let timeline = timeline::of_start(row, earlier, now);
    TraceStart {
        launch: task.launch,
        attempt: row.attempt,
        agent: task.agent,
        hostname,
        phase: task.phase,
        state: task.state,
        reason: task.reason,
        message: task.message,
        exit: task.exit,
        ..told(&timeline, &row.trace, &agent, live)
    }
}

/// A start that is waited for, or was until it was taken back.
pub(super) fn waiting(row: &RequestRow, earlier: Option<Time>, live: &Live) -> TraceStart {
    let task = view::waiting(row);
    let mut timeline = timeline::of_request(row, earlier);
    for step in &mut timeline.steps {
        step.detail = live.reasons.join("; ");
    }
    // It is known already which trace the next start will have.
    let trace = match row.attempts {
        0 => row.request.trace.clone(),
        attempt => row.request.trace.again(attempt),
    };
    TraceStart {
        attempt: row.attempts,
        phase: task.phase,
        state: task.state,
        message: task.message,
        ..told(&timeline, &trace, "", live)
    }
}

/// What starts of both kinds have.
fn told(timeline: &Timeline, trace: &TraceContext, agent: &str, live: &Live) -> TraceStart {
    let note = |text: &str| TraceNote {
        at: None,
        text: text.to_owned(),
    };
    let notes = timeline
        .notes
        .iter()
        .map(String::as_str)
        .chain(live.missing);
    let (caller, first) = match trace.origin() {
        Some(Origin::Caller { span_id }) => (Some(hex(span_id)), None),
        Some(Origin::Earlier { trace_id, span_id }) => {
            let trace_id = format!("{trace_id:032x}");
            let span_id = hex(span_id);
            (None, Some(TraceLink { trace_id, span_id }))
        }
        None => (None, None),
    };
    TraceStart {
        launch: None,
        attempt: 0,
        agent: None,
        hostname: None,
        phase: TaskPhase::Waiting,
        state: String::new(),
        reason: None,
        message: String::new(),
        exit: None,
        trace_id: trace.trace_id_text(),
        span_id: if trace.is_empty() {
            String::new()
        } else {
            hex(trace.span_id())
        },
        caller,
        first,
        steps: timeline
            .steps
            .iter()
            .map(|each| step(each, agent))
            .collect(),
        notes: notes.map(note).collect(),
        spans: Vec::new(),
    }
}

fn step(step: &Step, agent: &str) -> TraceStep {
    TraceStep {
        name: step.what.as_str().to_owned(),
        from: step.from.0,
        until: step.until.map(|until| until.0),
        place: match step.place {
            Place::ControlPlane => "control plane".to_owned(),
            Place::Agent => format!("agent {agent}"),
            Place::Framework => "framework".to_owned(),
        },
        status: match step.progress {
            Progress::Done => StepStatus::Ok,
            Progress::Failed => StepStatus::Failed,
            Progress::UnderWay => StepStatus::UnderWay,
        },
        detail: step.detail.clone(),
    }
}

/// A span id.
pub(super) fn hex(span_id: u64) -> String {
    format!("{span_id:016x}")
}
