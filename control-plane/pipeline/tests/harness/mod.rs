//! Pipelines with small cells, and what to do with them.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses some of it, and a test fails by panicking"
)]

use bytes::Bytes;
use insula_kernel::input::{Call, Subscribe};
use insula_kernel::{Config, Effect, Input, Kernel};
use insula_pipeline::{Commit, Envelope, Limits, Marks, Pipeline};
use insula_types::framework::{Capabilities, FrameworkInfo};
use insula_types::message::{FromAgent, Message, Registration, ToFramework, Watermark};
use insula_types::record::{CellRow, Record, Rows};
use insula_types::request::TaskRequest;
use insula_types::{
    CellId, Epoch, FrameworkKey, RequestId, Resources, Span, TaskKind, Time, TraceContext,
};

pub(crate) const NOW: Time = Time(1_000_000);

/// The only cell, where there is one.
pub(crate) fn cell() -> CellId {
    "cell".into()
}

pub(crate) fn rows() -> Rows {
    Rows {
        cell: CellRow {
            seed: 1,
            time: Time(0),
        },
        roles: Vec::new(),
        agents: Vec::new(),
        frameworks: Vec::new(),
        tasks: Vec::new(),
        payloads: Vec::new(),
        requests: Vec::new(),
    }
}

pub(crate) fn kernel(rows: Rows) -> Kernel {
    Kernel::load(Config::default(), Epoch(1), NOW, rows)
}

pub(crate) fn pipeline(limits: Limits) -> Pipeline {
    pipeline_of(&[cell()], limits)
}

pub(crate) fn pipeline_of(cells: &[CellId], limits: Limits) -> Pipeline {
    let cells = cells.iter().map(|cell| (cell.clone(), kernel(rows())));
    Pipeline::new(cells.collect(), 10, Marks::new(), limits)
}

/// The records of all cells.
pub(crate) fn records(commit: &Commit) -> Vec<Record> {
    let records = commit.cells.iter().flat_map(|(_, records)| records);
    records.cloned().collect()
}

pub(crate) fn submit(request: u64, task: &str) -> Input {
    let task = TaskRequest {
        task: task.into(),
        name: task.to_owned(),
        kind: TaskKind::Native,
        resources: Resources::of(1_000, 64_000),
        constraints: Vec::new(),
        retries: 0,
        payload: Bytes::new(),
        trace: TraceContext::default(),
    };
    Input::Submit {
        request: RequestId(request),
        tenant: "ml".into(),
        tasks: vec![task],
    }
}

pub(crate) fn withdraw(request: u64, task: &str) -> Input {
    Input::Withdraw {
        request: RequestId(request),
        tenant: "ml".into(),
        task: task.into(),
        grace: None,
    }
}

pub(crate) fn register(checkpoint: &str) -> Input {
    let registration = Registration {
        checkpoint: checkpoint.into(),
        info: insula_types::agent::AgentInfo::default(),
        watermark: Watermark::default(),
        tasks: Vec::new(),
        clock: Time(0),
        settled: None,
        protocol: insula_types::message::AGENT_PROTOCOL,
    };
    Input::Agent {
        agent: "a1".into(),
        session: "s1".into(),
        message: FromAgent::Register(Box::new(registration)),
    }
}

/// A framework subscribes in a session named after it.
pub(crate) fn subscribe(request: u64, framework: &str) -> Input {
    Input::Subscribe(Box::new(Subscribe {
        request: RequestId(request),
        tenant: "ml".into(),
        framework: Some(framework.into()),
        fresh: "fresh".into(),
        session: framework.into(),
        info: FrameworkInfo {
            name: framework.to_owned(),
            user: String::new(),
            roles: vec!["*".to_owned()],
            capabilities: Capabilities {
                multi_role: true,
                ..Capabilities::default()
            },
            failover_timeout: Span::from_secs(60),
            checkpoint: true,
            principal: String::new(),
            hostname: String::new(),
            webui_url: String::new(),
            payload: Bytes::new(),
        },
        suppressed: Vec::new(),
    }))
}

pub(crate) fn call(request: u64, framework: &str, call: Call) -> Input {
    Input::Call {
        request: RequestId(request),
        framework: FrameworkKey {
            tenant: "ml".into(),
            framework: framework.into(),
        },
        session: framework.into(),
        call,
        trace: TraceContext::default(),
    }
}

/// What the only cell has to do because of the time.
pub(crate) fn timers(pipeline: &mut Pipeline, now: Time) {
    while pipeline.next_timeout().is_some_and(|(_, due)| due <= now) {
        let envelope = Envelope::local(cell(), Input::Timer);
        pipeline.input(now, envelope).unwrap();
    }
}

/// What may leave, in a word each.
pub(crate) fn leaves(pipeline: &mut Pipeline, lease_holds: bool) -> Vec<&'static str> {
    let released = std::iter::from_fn(|| pipeline.poll_release(lease_holds));
    let words = released.map(|released| match released.effect {
        Effect::Persist(_) => "record",
        Effect::Publish(_) => "event",
        Effect::Reply(..) => "reply",
        Effect::Send(_, _, Message::ToAgent(_)) => "to agent",
        Effect::Send(_, _, Message::ToFramework(message)) => match message {
            ToFramework::Subscribed { .. } => "subscribed",
            ToFramework::Offers(_) => "offers",
            ToFramework::Rescind(_) => "rescind",
            _ => "to framework",
        },
    });
    words.filter(|word| *word != "event").collect()
}

pub(crate) fn feed(pipeline: &mut Pipeline, input: Input) {
    feed_to(pipeline, &cell(), input);
}

pub(crate) fn feed_to(pipeline: &mut Pipeline, cell: &CellId, input: Input) {
    pipeline
        .input(NOW, Envelope::local(cell.clone(), input))
        .unwrap();
}

/// What may leave, as the numbers of the questions answered.
pub(crate) fn answered(pipeline: &mut Pipeline) -> Vec<u64> {
    let released = std::iter::from_fn(|| pipeline.poll_release(false));
    let replies = released.filter_map(|released| match released.effect {
        Effect::Reply(RequestId(request), _) => Some(request),
        _ => None,
    });
    replies.collect()
}

pub(crate) fn commit(pipeline: &mut Pipeline) -> Commit {
    let commit = pipeline.poll_commit().unwrap();
    pipeline.committed(commit.number()).unwrap();
    commit
}
