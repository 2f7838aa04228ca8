//! Rows to store: for each kind one that is as plain and one that is as full as it can be, and any
//! in between.

use bytes::Bytes;
use insula_types::agent::{AgentCapabilities, AgentInfo, Enforcement};
use insula_types::framework::{Capabilities, FrameworkInfo};
use insula_types::record::{
    AgentRow, AgentState, FrameworkRow, FrameworkState, RequestRow, RoleRow, TaskRow,
};
use insula_types::request::TaskRequest;
use insula_types::task::{AgentTimes, Exit, TaskTimes};
use insula_types::{
    AgentId, Epoch, FrameworkId, FrameworkKey, LaunchId, Reason, Source, Span, TaskId, TaskKey,
    TaskKind, TaskState, TaskStatus, TenantId, Time, TraceContext, UpdateUuid,
};

pub(crate) const AWKWARD: &str = "it's \"quoted\", 100%_ \u{1F3DB} \n{json: []}";

pub(crate) fn launch(number: u64) -> LaunchId {
    LaunchId {
        epoch: Epoch(7),
        number,
    }
}

pub(crate) fn framework_key(tenant: &str, framework: &str) -> FrameworkKey {
    FrameworkKey {
        tenant: TenantId::from(tenant),
        framework: FrameworkId::from(framework),
    }
}

pub(crate) fn uuid(seed: u128) -> UpdateUuid {
    UpdateUuid(uuid::Uuid::from_u128(seed))
}

/// Text that cannot be compressed.
pub(crate) fn noise() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

pub(crate) fn role(path: &str) -> RoleRow {
    let limit = [("cpus".to_owned(), 4_000), ("mem".to_owned(), 0)].into();
    RoleRow {
        path: path.to_owned(),
        weight: 2_500,
        limit,
    }
}

pub(crate) fn plain_agent(agent: &str) -> AgentRow {
    AgentRow {
        agent: AgentId::from(agent),
        checkpoint: "checkpoint".into(),
        session: "session".into(),
        info: AgentInfo::default(),
        state: AgentState::Registered,
        confirmed: 0,
        registered_at: Time(1),
        reregistered_at: Time(2),
    }
}

pub(crate) fn full_agent(agent: &str) -> AgentRow {
    let unlimited = Enforcement {
        missing: Some(AWKWARD.to_owned()),
    };
    AgentRow {
        info: AgentInfo {
            hostname: AWKWARD.to_owned(),
            resources: "cpus:0.001;mem:2048;licences:3;ports:[1-2,9-11];zone:{a,b}"
                .parse()
                .unwrap(),
            attributes: vec![
                ("rack".to_owned(), "a7".to_owned()),
                ("rack".to_owned(), String::new()),
            ],
            capabilities: AgentCapabilities {
                native: true,
                wasm: false,
                wasm_missing: Some("no compiler".to_owned()),
                limits: [("mem".to_owned(), unlimited)].into(),
            },
            version: "1.2".to_owned(),
        },
        state: AgentState::Unreachable { since: Time(77) },
        confirmed: 41,
        ..plain_agent(agent)
    }
}

pub(crate) fn plain_framework(key: FrameworkKey) -> FrameworkRow {
    FrameworkRow {
        key,
        info: FrameworkInfo {
            name: String::new(),
            user: String::new(),
            roles: vec!["*".to_owned()],
            capabilities: Capabilities::default(),
            failover_timeout: Span::ZERO,
            checkpoint: false,
            principal: String::new(),
            hostname: String::new(),
            webui_url: String::new(),
            payload: Bytes::new(),
        },
        state: FrameworkState::Subscribed,
        suppressed: Vec::new(),
        registered_at: Time(3),
        reregistered_at: Time(4),
    }
}

pub(crate) fn full_framework(key: FrameworkKey) -> FrameworkRow {
    FrameworkRow {
        info: FrameworkInfo {
            name: AWKWARD.to_owned(),
            user: "nobody".to_owned(),
            roles: vec!["a/b".to_owned(), "c".to_owned()],
            capabilities: Capabilities {
                multi_role: true,
                gpu_resources: true,
                ..Capabilities::default()
            },
            failover_timeout: Span::YEAR,
            checkpoint: true,
            principal: "ci".to_owned(),
            hostname: "h".to_owned(),
            webui_url: "http://h/".to_owned(),
            payload: Bytes::from_static(b"\0\xff opaque"),
        },
        state: FrameworkState::Disconnected {
            deadline: Time::NEVER,
        },
        suppressed: vec!["c".to_owned()],
        ..plain_framework(key)
    }
}

pub(crate) fn plain_task(key: FrameworkKey, task: &str, number: u64) -> TaskRow {
    let task = TaskId::from(task);
    TaskRow {
        launch: launch(number),
        key: TaskKey {
            framework: key,
            task: task.clone(),
        },
        name: String::new(),
        kind: TaskKind::Native,
        user: String::new(),
        agent: AgentId::from("agent"),
        role: "*".to_owned(),
        resources: insula_types::Resources::of(1_000, 32_000),
        status: TaskStatus::new(task, TaskState::Staging, Source::Master, Time(9)),
        last_uuid: None,
        launch_seq: number,
        kill_seq: None,
        kill_grace: None,
        ack: None,
        archived: false,
        attempt: 0,
        times: TaskTimes {
            submitted: Some(Time(7)),
            accepted: Time(9),
            ..TaskTimes::default()
        },
        trace: TraceContext::default(),
    }
}

pub(crate) fn full_task(key: FrameworkKey, task: &str, number: u64) -> TaskRow {
    let plain = plain_task(key, task, number);
    TaskRow {
        name: AWKWARD.to_owned(),
        kind: TaskKind::Wasm,
        user: "nobody".to_owned(),
        resources: "cpus:0.1;ports:[31000-31001]".parse().unwrap(),
        status: TaskStatus {
            state: TaskState::Failed,
            source: Source::Executor,
            reason: Some(Reason::ContainerLimitationMemory),
            message: AWKWARD.to_owned(),
            agent: Some(AgentId::from("agent")),
            executor: Some("executor".into()),
            uuid: Some(uuid(1)),
            exit: Some(Exit::Signal(9)),
            unreachable_since: Some(Time(10)),
            data: Bytes::from_static(&[0, 255]),
            extra: Bytes::from_static(b"extra"),
            ..plain.status.clone()
        },
        last_uuid: Some(uuid(2)),
        kill_seq: Some(12),
        kill_grace: Some(Span::from_secs(3)),
        ack: Some((13, uuid(3))),
        attempt: 2,
        times: TaskTimes {
            submitted: Some(Time(7)),
            accepted: Time(9),
            started: Some(Time(11)),
            ended: Some(Time(12)),
            acknowledged: Some(Time(13)),
            on_agent: AgentTimes {
                received: Some(Time(10)),
                started: Some(Time(11)),
                ended: Some(Time(14)),
            },
        },
        trace: TraceContext::start(5, 6, true),
        ..plain
    }
}

/// A task that history alone still knows.
pub(crate) fn ended_task(key: FrameworkKey, task: &str, number: u64) -> TaskRow {
    TaskRow {
        archived: true,
        ..full_task(key, task, number)
    }
}

pub(crate) fn plain_request(tenant: &str, task: &str) -> RequestRow {
    RequestRow {
        tenant: TenantId::from(tenant),
        request: TaskRequest {
            task: TaskId::from(task),
            name: String::new(),
            kind: TaskKind::Native,
            resources: insula_types::Resources::new(),
            constraints: Vec::new(),
            retries: 0,
            payload: Bytes::new(),
            trace: TraceContext::default(),
        },
        launch: None,
        attempts: 0,
        submitted_at: Time(8),
        withdrawn_at: None,
    }
}

pub(crate) fn full_request(tenant: &str, task: &str) -> RequestRow {
    let plain = plain_request(tenant, task);
    RequestRow {
        request: TaskRequest {
            name: AWKWARD.to_owned(),
            kind: TaskKind::Wasm,
            resources: "cpus:2;gpus:1".parse().unwrap(),
            constraints: vec![("rack".to_owned(), AWKWARD.to_owned())],
            retries: u32::MAX,
            payload: Bytes::from_static(b"\x80"),
            trace: TraceContext::start(1, 2, true),
            ..plain.request
        },
        launch: Some(launch(4)),
        attempts: u32::MAX,
        ..plain
    }
}
