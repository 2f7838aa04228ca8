//! One sample of every variant that a link can carry, and the name of its fixture.

use std::collections::BTreeMap;

use bytes::Bytes;
use insula_kernel::input::{Call, Cause, Excused, Filters, LaunchTask, NamedOffer, Subscribe};
use insula_kernel::{Input, Outcome, Rejection};
use insula_types::agent::{AgentCapabilities, AgentInfo, Enforcement};
use insula_types::framework::{Capabilities, FrameworkInfo};
use insula_types::message::{
    AGENT_PROTOCOL, Command, CommandBody, FromAgent, Launch, Message, Offer, Peer, Registration,
    TaskReport, ToAgent, ToFramework, Watermark,
};
use insula_types::request::TaskRequest;
use insula_types::task::Exit;
use insula_types::{
    Epoch, FrameworkKey, LaunchId, OfferId, PartitionId, Reason, RequestId, Source, Span, TaskKind,
    TaskState, TaskStatus, TasksDigest, Time, TraceContext, UpdateUuid,
};

use super::{ToGateway, ToOwner};

/// Every variant of [`ToOwner`].
pub(super) fn to_owner() -> Vec<ToOwner> {
    let asked = |input| ToOwner::Input {
        request: Some(RequestId(7)),
        input,
    };
    let told = |input| ToOwner::Input {
        request: None,
        input,
    };
    let mut all = vec![ToOwner::Hello, ToOwner::Bye];
    all.extend([
        told(Input::Timer),
        asked(subscribe()),
        told(Input::MarkReached {
            framework: framework(),
            session: "stream".into(),
            mark: 3,
        }),
        told(Input::Excused(Excused::Everyone)),
        told(Input::Excused(Excused::Agents(vec!["agent-1".into()]))),
        asked(Input::Submit {
            request: RequestId(7),
            tenant: "acme".into(),
            tasks: vec![task_request()],
        }),
        asked(Input::Withdraw {
            request: RequestId(7),
            tenant: "acme".into(),
            task: "web.1".into(),
            grace: Some(Span::from_secs(3)),
        }),
        asked(Input::DiscardHeld {
            request: RequestId(7),
            agent: "agent-1".into(),
        }),
        asked(Input::SetRole {
            request: RequestId(7),
            role: "acme/web".into(),
            weight: 1_500,
            limit: BTreeMap::from([("cpus".into(), 8_000)]),
        }),
    ]);
    for cause in [Cause::ByPeer, Cause::ByUs] {
        all.push(told(Input::FrameworkDisconnected {
            framework: framework(),
            session: "stream".into(),
            cause,
        }));
        all.push(told(Input::AgentDisconnected {
            agent: "agent-1".into(),
            session: "nonce".into(),
            cause,
        }));
    }
    all.extend(from_agent().into_iter().map(|message| {
        told(Input::Agent {
            agent: "agent-1".into(),
            session: "nonce".into(),
            message,
        })
    }));
    all.extend(calls().into_iter().map(|call| {
        asked(Input::Call {
            request: RequestId(7),
            framework: framework(),
            session: "stream".into(),
            call,
            trace: trace(),
        })
    }));
    all
}

/// Every variant of [`ToGateway`].
pub(super) fn to_gateway() -> Vec<ToGateway> {
    let mut all = vec![
        ToGateway::Welcome {
            marks: vec![("replica.3".into(), 41)],
        },
        ToGateway::Serving {
            partition: PartitionId(63),
            epoch: Epoch(0x19a),
            replica: "replica".into(),
        },
        ToGateway::Unavailable {
            request: RequestId(7),
            uncertain: true,
            reason: Some("the cell is quarantined".into()),
        },
        ToGateway::Given {
            partition: PartitionId(63),
            epoch: Epoch(0x19a),
        },
        ToGateway::Close { peer: agent_peer() },
        ToGateway::Close {
            peer: framework_peer(),
        },
        ToGateway::Applied { seq: 1 << 40 },
        ToGateway::Reset,
    ];
    all.extend(to_agent().into_iter().map(|message| ToGateway::Message {
        peer: agent_peer(),
        message: Message::ToAgent(message),
    }));
    all.extend(
        to_framework()
            .into_iter()
            .map(|message| ToGateway::Message {
                peer: framework_peer(),
                message: Message::ToFramework(message),
            }),
    );
    all.extend(outcomes().into_iter().map(|outcome| ToGateway::Reply {
        request: RequestId(7),
        outcome,
    }));
    all
}

fn framework() -> FrameworkKey {
    FrameworkKey {
        tenant: "acme".into(),
        framework: "marathon".into(),
    }
}

fn agent_peer() -> Peer {
    Peer::Agent {
        agent: "agent-1".into(),
        session: "nonce".into(),
    }
}

fn framework_peer() -> Peer {
    Peer::Framework {
        framework: framework(),
        session: "stream".into(),
    }
}

fn trace() -> TraceContext {
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    TraceContext::parse(traceparent, "vendor=1")
}

fn launch_id() -> LaunchId {
    LaunchId {
        epoch: Epoch(0x19a),
        number: 42,
    }
}

fn offer_id() -> OfferId {
    OfferId {
        epoch: Epoch(0x19a),
        tag: 0xfeed,
    }
}

fn uuid() -> UpdateUuid {
    UpdateUuid(uuid::Uuid::from_bytes([9; 16]))
}

fn resources() -> insula_types::Resources {
    "cpus:0.5;mem:64;ports:[31000-31005]"
        .parse()
        .expect("a literal of the right form")
}

fn bytes() -> Bytes {
    Bytes::from_static(&[0, 1, 0x7f, 0x80, 0xff])
}

fn status() -> TaskStatus {
    TaskStatus {
        reason: Some(Reason::ALL[0]),
        message: "Command exited with status 1".into(),
        agent: Some("agent-1".into()),
        executor: Some("executor".into()),
        uuid: Some(uuid()),
        exit: Some(Exit::Code(1)),
        unreachable_since: Some(Time(5)),
        data: bytes(),
        extra: bytes(),
        ..TaskStatus::new(
            "web.1".into(),
            TaskState::Failed,
            Source::ALL[0],
            Time(1_700_000_000_000_000),
        )
    }
}

fn subscribe() -> Input {
    Input::Subscribe(Box::new(Subscribe {
        request: RequestId(7),
        tenant: "acme".into(),
        framework: Some("marathon".into()),
        fresh: "fresh".into(),
        session: "stream".into(),
        info: FrameworkInfo {
            name: "Marathon".into(),
            user: "root".into(),
            roles: vec!["*".into(), "web".into()],
            capabilities: Capabilities {
                multi_role: true,
                ..Capabilities::default()
            },
            failover_timeout: Span::from_secs(60),
            checkpoint: true,
            principal: "p".into(),
            hostname: "host".into(),
            webui_url: "http://host".into(),
            payload: bytes(),
        },
        suppressed: vec!["web".into()],
    }))
}

fn task_request() -> TaskRequest {
    TaskRequest {
        task: "web.1".into(),
        name: "web".into(),
        kind: TaskKind::Wasm,
        resources: resources(),
        constraints: vec![("rack".into(), "a7".into())],
        retries: 3,
        payload: bytes(),
        trace: trace(),
    }
}

fn calls() -> Vec<Call> {
    let filters = Filters {
        refuse: Span::from_secs(5),
    };
    vec![
        Call::Teardown,
        Call::Accept {
            offers: vec![
                NamedOffer {
                    text: offer_id().to_string(),
                    id: Some(offer_id()),
                },
                NamedOffer {
                    text: "of another master".into(),
                    id: None,
                },
            ],
            launches: vec![LaunchTask {
                task: "web.1".into(),
                name: "web".into(),
                agent: "agent-1".into(),
                kind: TaskKind::Native,
                resources: resources(),
                user: "nobody".into(),
                executor: Some("executor".into()),
                payload: bytes(),
                invalid: Some("Task has no resources".into()),
                trace: trace(),
            }],
            filters,
        },
        Call::Decline {
            offers: vec![offer_id()],
            filters,
        },
        Call::Revive(vec!["web".into()]),
        Call::Suppress(Vec::new()),
        Call::Kill {
            task: "web.1".into(),
            agent: Some("agent-1".into()),
            grace: None,
        },
        Call::Acknowledge {
            agent: "agent-1".into(),
            task: "web.1".into(),
            uuid: uuid(),
        },
        Call::Reconcile(vec![
            ("web.1".into(), Some("agent-1".into())),
            ("web.2".into(), None),
        ]),
        Call::Message {
            agent: "agent-1".into(),
            executor: "executor".into(),
            data: bytes(),
        },
        Call::Request,
    ]
}

fn agent_info() -> AgentInfo {
    AgentInfo {
        hostname: "host".into(),
        resources: resources(),
        attributes: vec![("rack".into(), "a7".into())],
        capabilities: AgentCapabilities {
            native: true,
            wasm: false,
            wasm_missing: Some("no sandbox".into()),
            limits: BTreeMap::from([("cpus".into(), Enforcement { missing: None })]),
        },
        version: "0.1.0".into(),
    }
}

fn watermark() -> Watermark {
    Watermark {
        epoch: Epoch(0x19a),
        seq: 12,
    }
}

fn from_agent() -> Vec<FromAgent> {
    vec![
        FromAgent::Register(Box::new(Registration {
            checkpoint: "checkpoint".into(),
            info: agent_info(),
            watermark: watermark(),
            tasks: vec![TaskReport {
                launch: launch_id(),
                framework: framework(),
                task: "web.1".into(),
                state: TaskState::Running,
                pending: Some(uuid()),
                last: None,
            }],
            clock: Time(99),
            settled: None,
            protocol: 0,
        })),
        FromAgent::Register(Box::new(Registration {
            checkpoint: "checkpoint".into(),
            info: agent_info(),
            watermark: watermark(),
            tasks: vec![TaskReport {
                launch: launch_id(),
                framework: framework(),
                task: "web.1".into(),
                state: TaskState::Finished,
                pending: Some(uuid()),
                last: Some(uuid()),
            }],
            clock: Time(99),
            settled: Some(TasksDigest([7; 32])),
            protocol: AGENT_PROTOCOL,
        })),
        FromAgent::Update {
            launch: launch_id(),
            status: Box::new(status()),
            trace: trace(),
        },
        FromAgent::Message {
            framework: framework(),
            executor: "executor".into(),
            data: bytes(),
        },
        FromAgent::Alive {
            watermark: watermark(),
            clock: Time(99),
        },
    ]
}

fn to_agent() -> Vec<ToAgent> {
    let command = |body| {
        ToAgent::Command(Command {
            seq: 12,
            agent_clock: Time(99),
            body,
        })
    };
    vec![
        ToAgent::Registered {
            unreachable_after: Span::from_secs(75),
        },
        ToAgent::Resync,
        ToAgent::ReportAll,
        ToAgent::Discard {
            launch: launch_id(),
        },
        command(CommandBody::Launch(Box::new(Launch {
            launch: launch_id(),
            framework: framework(),
            task: "web.1".into(),
            kind: TaskKind::Native,
            resources: resources(),
            user: "nobody".into(),
            payload: bytes(),
            trace: trace(),
        }))),
        command(CommandBody::Kill {
            launch: launch_id(),
            grace: Some(Span::from_secs(3)),
        }),
        command(CommandBody::AcknowledgeTerminal {
            launch: launch_id(),
            uuid: uuid(),
        }),
        command(CommandBody::Noop),
        ToAgent::Acknowledge {
            launch: launch_id(),
            uuid: uuid(),
        },
        ToAgent::Disconnect {
            reason: "another session".into(),
        },
    ]
}

fn to_framework() -> Vec<ToFramework> {
    vec![
        ToFramework::Subscribed {
            framework: "marathon".into(),
        },
        ToFramework::Offers(vec![Offer {
            id: offer_id(),
            agent: "agent-1".into(),
            hostname: "host".into(),
            role: "web".into(),
            resources: resources(),
            attributes: vec![("rack".into(), "a7".into())],
        }]),
        ToFramework::Rescind(offer_id()),
        ToFramework::Update(Box::new(status())),
        ToFramework::Message {
            agent: "agent-1".into(),
            executor: "executor".into(),
            data: bytes(),
        },
        ToFramework::Failure {
            agent: "agent-1".into(),
            executor: Some("executor".into()),
            status: Some(-9),
        },
        ToFramework::Mark(3),
        ToFramework::Error("Framework has been removed".into()),
        ToFramework::Close,
    ]
}

fn outcomes() -> Vec<Outcome> {
    let mut all = vec![
        Outcome::Accepted,
        Outcome::Subscribed("marathon".into()),
        Outcome::Submitted(vec!["web.1".into()]),
    ];
    all.extend(rejections().into_iter().map(Outcome::Refused));
    all
}

fn rejections() -> Vec<Rejection> {
    vec![
        Rejection::FrameworkUnknown,
        Rejection::FrameworkNotSubscribed,
        Rejection::WrongStream {
            given: "stream".into(),
            framework: "marathon".into(),
        },
        Rejection::FrameworkRemoved,
        Rejection::Subscription("no roles".into()),
        Rejection::AgentSession {
            agent: "agent-1".into(),
            session: "nonce".into(),
        },
        Rejection::ForeignCheckpoint("agent-1".into()),
        Rejection::Flapping("agent-1".into()),
        Rejection::Watermark {
            agent: "agent-1".into(),
            seq: u64::MAX,
        },
        Rejection::Discard {
            agent: "agent-1".into(),
            why: "it is not connected".into(),
        },
        Rejection::TaskExists("web.1".into()),
        Rejection::TaskUnknown("web.1".into()),
        Rejection::TooMany {
            what: "tasks".into(),
            limit: 3,
        },
        Rejection::Role("no such role".into()),
    ]
}
