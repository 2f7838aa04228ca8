#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use insula_types::agent::{AgentCapabilities, AgentInfo, Enforcement};
use insula_types::message::{
    Command, CommandBody, FromAgent, Launch, Registration, TaskReport, ToAgent, Watermark,
};
use insula_types::task::Exit;
use insula_types::{
    Epoch, FrameworkKey, LaunchId, Reason, Source, Span, TaskKind, TaskState, TaskStatus, Time,
    TraceContext, UpdateUuid,
};

use super::{
    Addressed, AgentMessage, AgentProtocolError, Output, OutputRequest, ServiceMessage, Start,
    from_agent_from_wire, from_agent_to_wire, to_agent_from_wire, to_agent_to_wire,
};
use crate::insula::agent::v1;

const LAUNCH: LaunchId = LaunchId {
    epoch: Epoch(7),
    number: 3,
};

fn uuid() -> UpdateUuid {
    UpdateUuid::from_slice(&[9; 16]).unwrap()
}

fn framework() -> FrameworkKey {
    FrameworkKey {
        tenant: "t".into(),
        framework: "f".into(),
    }
}

#[test]
fn what_agents_say_arrives_unchanged() {
    let mut status = TaskStatus::new("task".into(), TaskState::Failed, Source::Executor, Time(5));
    status.reason = Some(Reason::ContainerLimitationMemory);
    status.message = "why".to_owned();
    status.uuid = Some(uuid());
    status.exit = Some(Exit::Signal(9));
    let limits =
        [("cpus", None), ("mem", Some("there is no memory group"))].map(|(name, missing)| {
            (
                name.to_owned(),
                Enforcement {
                    missing: missing.map(str::to_owned),
                },
            )
        });
    let registration = Registration {
        checkpoint: "checkpoint".into(),
        info: AgentInfo {
            hostname: "host".to_owned(),
            resources: "cpus:0.5;ports:[1-2]".parse().unwrap(),
            attributes: vec![("rack".to_owned(), "a".to_owned())],
            capabilities: AgentCapabilities {
                native: true,
                wasm: false,
                wasm_missing: Some("no engine".to_owned()),
                limits: limits.into_iter().collect(),
            },
            version: "1".to_owned(),
        },
        watermark: Watermark {
            epoch: Epoch(7),
            seq: 4,
        },
        tasks: vec![TaskReport {
            launch: LAUNCH,
            framework: framework(),
            task: "task".into(),
            state: TaskState::Running,
            pending: None,
        }],
        clock: Time(11),
    };
    for message in [
        AgentMessage::Hello {
            session: "s".into(),
        },
        AgentMessage::Kernel(FromAgent::Register(Box::new(registration))),
        AgentMessage::Kernel(FromAgent::Update {
            launch: LAUNCH,
            status: Box::new(status),
            trace: TraceContext::start(1, 2),
        }),
        AgentMessage::Kernel(FromAgent::Message {
            framework: framework(),
            executor: "e".into(),
            data: Bytes::from_static(b"x"),
        }),
        AgentMessage::Kernel(FromAgent::Alive {
            watermark: Watermark::default(),
            clock: Time(1),
        }),
        AgentMessage::RequestFailed {
            request: "r".to_owned(),
            sentence: "no".to_owned(),
            not_found: true,
        },
    ] {
        assert_eq!(
            from_agent_from_wire(from_agent_to_wire(message.clone())).unwrap(),
            message
        );
    }
}

#[test]
fn what_agents_hear_arrives_unchanged() {
    let launch = Launch {
        launch: LAUNCH,
        framework: framework(),
        task: "task".into(),
        kind: TaskKind::Wasm,
        resources: "cpus:1;mem:64".parse().unwrap(),
        user: "nobody".to_owned(),
        payload: Bytes::from_static(b"info"),
        trace: TraceContext::default(),
    };
    let command = |body| {
        ToAgent::Command(Command {
            seq: 5,
            agent_clock: Time(3),
            body,
        })
    };
    let kernel = [
        ToAgent::Registered {
            unreachable_after: Span::from_secs(75),
        },
        ToAgent::Resync,
        command(CommandBody::Launch(Box::new(launch))),
        command(CommandBody::Kill {
            launch: LAUNCH,
            grace: Some(Span::ZERO),
        }),
        command(CommandBody::Kill {
            launch: LAUNCH,
            grace: None,
        }),
        command(CommandBody::AcknowledgeTerminal {
            launch: LAUNCH,
            uuid: uuid(),
        }),
        command(CommandBody::Noop),
        ToAgent::Acknowledge {
            launch: LAUNCH,
            uuid: uuid(),
        },
        ToAgent::Disconnect {
            reason: "replaced".to_owned(),
        },
    ];
    let requests = [Start::Offset(4), Start::Tail(0)].map(|start| {
        ServiceMessage::ReadOutput(OutputRequest {
            request: "r".to_owned(),
            launch: LAUNCH,
            output: Output::Stderr,
            start,
            follow: true,
        })
    });
    let feed = ServiceMessage::FeedInput {
        request: "r".to_owned(),
        launch: LAUNCH,
    };
    for message in kernel
        .map(ServiceMessage::Kernel)
        .into_iter()
        .chain(requests)
        .chain([feed])
    {
        let addressed = Addressed {
            epoch: Epoch(7),
            session: "s".into(),
            message,
        };
        assert_eq!(
            to_agent_from_wire(to_agent_to_wire(addressed.clone())).unwrap(),
            addressed
        );
    }
}

#[test]
fn what_cannot_be_understood_says_why() {
    let newer = v1::FromAgent {
        format_version: 99,
        message: None,
    };
    assert_eq!(
        from_agent_from_wire(newer),
        Err(AgentProtocolError::Newer {
            given: 99,
            known: insula_types::FORMAT_VERSION
        })
    );
    let empty = v1::FromAgent {
        format_version: 1,
        message: None,
    };
    assert_eq!(
        from_agent_from_wire(empty),
        Err(AgentProtocolError::Absent("content"))
    );
    let hello = v1::from_agent::Message::Hello(v1::Hello {
        session: "a/b".to_owned(),
    });
    let wire = v1::FromAgent {
        format_version: 1,
        message: Some(hello),
    };
    assert_eq!(
        from_agent_from_wire(wire).unwrap_err().to_string(),
        "the message has an invalid session"
    );
    let read = v1::ReadOutput {
        launch: Some(v1::LaunchId::default()),
        ..Default::default()
    };
    let wire = v1::ToAgent {
        message: Some(v1::to_agent::Message::ReadOutput(read)),
        session: "s".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        to_agent_from_wire(wire),
        Err(AgentProtocolError::Output(String::new()))
    );
}
