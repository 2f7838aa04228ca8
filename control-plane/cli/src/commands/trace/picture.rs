//! What is drawn, whatever it is drawn with: rows on an axis of time, and notes below them.

use insula_client::api::Exit;
use insula_client::api::{StepStatus, TaskPhase, Trace, TraceSpan, TraceStart, TraceStep};

use super::length::{length, moment, offset};
use super::scale::Axis;

/// A whole picture. Texts from other people are as they came.
#[derive(Debug)]
pub(super) struct Picture {
    /// The task's id.
    pub(super) task: String,
    /// How it stands, in a few words.
    pub(super) state: String,
    /// Whether it ended badly.
    pub(super) is_failed: bool,
    /// What it is, and when it began.
    pub(super) facts: String,
    pub(super) axis: Axis,
    /// One per start, oldest first.
    pub(super) starts: Vec<Start>,
    /// Whether there are earlier starts, which are not shown.
    pub(super) earlier: bool,
}

/// A start.
#[derive(Debug)]
pub(super) struct Start {
    /// Which one it is; empty if there is only one.
    pub(super) title: String,
    /// Where it is or was, and its ids.
    pub(super) facts: Vec<String>,
    pub(super) rows: Vec<Row>,
    pub(super) notes: Vec<Note>,
}

/// Something that took time.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    /// Whom it waited for, or for a span which part it played.
    pub(super) place: String,
    pub(super) paint: Paint,
    pub(super) from: u64,
    /// Now, if it has not ended.
    pub(super) until: u64,
    pub(super) is_open: bool,
    pub(super) is_failed: bool,
    /// What there is to say about it, in lines.
    pub(super) details: Vec<String>,
}

/// What a row is, as a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    ControlPlane,
    Agent,
    Framework,
    Span,
}

/// A sentence below the rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) sign: Sign,
    pub(super) text: String,
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Failed,
    Open,
    Plain,
}

impl Picture {
    pub(super) fn of(trace: &Trace) -> Self {
        let axis = axis(trace);
        let last = trace.starts.last();
        let is_several = trace.starts.len() > 1 || last.is_some_and(|start| start.attempt > 0);
        let start = |start: &TraceStart| Start {
            title: if is_several {
                title(start)
            } else {
                String::new()
            },
            facts: facts(start),
            rows: rows(start, axis, trace.at),
            notes: notes(start, axis.from),
        };
        let steps = trace.starts.iter().flat_map(|start| &start.steps);
        let is_open = steps.clone().any(|step| step.until.is_none());
        let taken = length(axis.extent());
        Self {
            task: trace.id.clone(),
            state: match last {
                Some(last) if is_open => format!("{}, {taken} so far", state(last)),
                Some(last) => format!("{}, {taken} in all", state(last)),
                None => String::new(),
            },
            is_failed: last.is_some_and(is_failed),
            facts: format!(
                "{} task, {}, framework {}, since {}",
                trace.kind,
                trace.resources,
                trace.framework,
                moment(axis.from)
            ),
            axis,
            starts: trace.starts.iter().map(start).collect(),
            earlier: trace.earlier,
        }
    }

    /// All rows of all starts.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.starts.iter().flat_map(|start| &start.rows)
    }
}

impl Row {
    /// How far behind the beginning of the picture it begins.
    pub(super) fn at(&self, axis: Axis) -> String {
        offset(self.from, axis.from)
    }

    /// How long it took.
    pub(super) fn took(&self) -> String {
        length(self.until.saturating_sub(self.from))
    }
}

/// From the first step to the end of the last, and as far beyond as spans go that are in there or
/// near. Spans have clocks of their own, and one that is wrong must not shrink the rest to nothing.
fn axis(trace: &Trace) -> Axis {
    let steps = trace.starts.iter().flat_map(|start| &start.steps);
    let begin = steps.clone().map(|step| step.from).min();
    let end = steps.map(|step| step.until.unwrap_or(trace.at)).max();
    let from = begin.unwrap_or(trace.at);
    let steps = Axis {
        from,
        until: end.unwrap_or(trace.at).max(from),
    };
    let margin = steps.extent() / 2;
    let near = Axis {
        from: steps.from.saturating_sub(margin),
        until: steps.until.saturating_add(margin),
    };
    let spans = trace.starts.iter().flat_map(|start| &start.spans);
    let spans = spans.filter(|span| near.holds(span.from) && near.holds(span.until));
    spans.fold(steps, |axis, span| axis.with(span.from, span.until))
}

fn title(start: &TraceStart) -> String {
    format!("start {}: {}", start.attempt, state(start))
}

fn is_failed(start: &TraceStart) -> bool {
    start
        .steps
        .iter()
        .any(|step| step.status == StepStatus::Failed)
}

/// The Mesos state in people's words, and how the process ended.
fn state(start: &TraceStart) -> String {
    if start.phase == TaskPhase::Waiting {
        return "waiting".to_owned();
    }
    let state = start.state.trim_start_matches("TASK_");
    let state = state.replace('_', " ").to_lowercase();
    match start.exit {
        Some(Exit::Code(code)) => format!("{state}, exit code {code}"),
        Some(Exit::Signal(signal)) => format!("{state}, signal {signal}"),
        None => state,
    }
}

fn facts(start: &TraceStart) -> Vec<String> {
    let mut facts = Vec::new();
    if let (Some(agent), Some(launch)) = (&start.agent, &start.launch) {
        let host = start.hostname.as_ref();
        let machine = host.map_or_else(String::new, |host| format!(" on {host}"));
        facts.push(format!("launch {launch}{machine} (agent {agent})"));
    }
    if !start.trace_id.is_empty() {
        let first = start.first.as_ref();
        let first = first.map(|first| format!(", linked to {}", first.trace_id));
        let caller = start.caller.as_ref();
        let caller = caller.map(|span| format!(", asked for by span {span}"));
        let (first, caller) = (first.unwrap_or_default(), caller.unwrap_or_default());
        facts.push(format!("trace {}{first}{caller}", start.trace_id));
    }
    facts
}

fn rows(start: &TraceStart, axis: Axis, now: u64) -> Vec<Row> {
    let steps = start.steps.iter().map(|each| step(each, axis, now));
    let spans = start.spans.iter().map(|each| span(each, axis));
    steps.chain(spans).collect()
}

fn step(step: &TraceStep, axis: Axis, now: u64) -> Row {
    let until = step.until.unwrap_or(now).max(step.from);
    let row = Row {
        name: step.name.clone(),
        place: step.place.clone(),
        paint: match step.place.split(' ').next() {
            Some("agent") => Paint::Agent,
            Some("framework") => Paint::Framework,
            _ => Paint::ControlPlane,
        },
        from: step.from,
        until,
        is_open: step.until.is_none(),
        is_failed: step.status == StepStatus::Failed,
        details: Vec::new(),
    };
    let mut details = times(&row, axis);
    if !step.detail.is_empty() {
        details.push(step.detail.clone());
    }
    Row { details, ..row }
}

fn span(span: &TraceSpan, axis: Axis) -> Row {
    let row = Row {
        name: span.name.clone(),
        place: span.kind.clone(),
        paint: Paint::Span,
        from: span.from,
        until: span.until.max(span.from),
        is_open: false,
        is_failed: span.error.is_some(),
        details: Vec::new(),
    };
    let mut details = times(&row, axis);
    details.extend(span.error.clone());
    details.push(format!("span {}", span.span_id));
    let attributes = span.attributes.iter();
    details.extend(attributes.map(|(key, value)| format!("{key} = {value}")));
    Row { details, ..row }
}

fn times(row: &Row, axis: Axis) -> Vec<String> {
    let progress = if row.is_open { " so far" } else { "" };
    let taken = format!(
        "{}{progress}, {} behind the beginning",
        row.took(),
        row.at(axis)
    );
    vec![taken, moment(row.from)]
}

/// What went wrong or is not over, then what was decided.
fn notes(start: &TraceStart, begin: u64) -> Vec<Note> {
    let of_step = |step: &TraceStep| {
        let sign = match step.status {
            StepStatus::Failed => Sign::Failed,
            StepStatus::UnderWay => Sign::Open,
            StepStatus::Ok => return None,
        };
        let text = format!("{}: {}", step.name, step.detail);
        (!step.detail.is_empty()).then_some(Note { sign, text })
    };
    let of_span = |span: &TraceSpan| {
        let text = format!("{}: {}", span.name, span.error.as_ref()?);
        let sign = Sign::Failed;
        Some(Note { sign, text })
    };
    let steps = start.steps.iter().filter_map(of_step);
    // The end of a task is told by several spans in the same words.
    let is_told = |error: &String| start.steps.iter().any(|step| step.detail == *error);
    let news = |span: &&TraceSpan| !span.error.as_ref().is_some_and(is_told);
    let spans = start.spans.iter().filter(news).filter_map(of_span);
    let told = start.notes.iter().map(|note| Note {
        sign: Sign::Plain,
        text: match note.at {
            Some(at) => format!("at {}: {}", offset(at, begin), note.text),
            None => note.text.clone(),
        },
    });
    steps.chain(spans).chain(told).collect()
}
