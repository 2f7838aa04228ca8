#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use insula_types::agent::{AgentCapabilities, AgentInfo, Enforcement};
use insula_types::message::{
    AGENT_PROTOCOL, Command, CommandBody, FromAgent, Launch, Registration, TaskReport, ToAgent,
    Watermark,
};
use insula_types::task::{AgentTimes, Exit};
use insula_types::{
    Epoch, FrameworkKey, LaunchId, Reason, Source, Span, TaskKind, TaskState, TaskStatus,
    TasksDigest, Time, TraceContext, UpdateUuid,
};
use prost::Message as _;

use super::{
    Addressed, AgentMessage, AgentProtocolError, Output, OutputRequest, Said, ServiceMessage,
    Start, from_agent_from_wire, from_agent_to_wire, to_agent_from_wire, to_agent_to_wire,
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

fn untraced(message: AgentMessage) -> Said {
    let trace = TraceContext::default();
    Said { message, trace }
}

fn registration() -> Registration {
    let limits =
        [("cpus", None), ("mem", Some("there is no memory group"))].map(|(name, missing)| {
            (
                name.to_owned(),
                Enforcement {
                    missing: missing.map(str::to_owned),
                },
            )
        });
    Registration {
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
            last: Some(uuid()),
        }],
        clock: Time(11),
        settled: None,
        protocol: 0,
    }
}

/// One of each that an agent can say.
pub(super) fn agents_messages() -> Vec<AgentMessage> {
    let mut status = TaskStatus::new("task".into(), TaskState::Failed, Source::Executor, Time(5));
    status.reason = Some(Reason::ContainerLimitationMemory);
    status.message = "why".to_owned();
    status.uuid = Some(uuid());
    status.exit = Some(Exit::Signal(9));
    status.on_agent = AgentTimes {
        received: Some(Time(3)),
        started: None,
        ended: Some(Time(0)),
    };
    let registration = registration();
    let by_digest = Registration {
        settled: Some(TasksDigest([3; 32])),
        protocol: AGENT_PROTOCOL,
        ..registration.clone()
    };
    vec![
        AgentMessage::Hello {
            session: "s".into(),
        },
        AgentMessage::Kernel(FromAgent::Register(Box::new(registration))),
        AgentMessage::Kernel(FromAgent::Register(Box::new(by_digest))),
        AgentMessage::Kernel(FromAgent::Update {
            launch: LAUNCH,
            status: Box::new(status),
            trace: TraceContext::start(1, 2, true),
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
    ]
}

#[test]
fn what_agents_say_arrives_unchanged() {
    for message in agents_messages() {
        let said = Said {
            message,
            trace: TraceContext::start(1, 2, true),
        };
        assert_eq!(
            from_agent_from_wire(from_agent_to_wire(said.clone())).unwrap(),
            said
        );
    }
}

/// One of each that an agent can be told.
pub(super) fn services_messages() -> Vec<ServiceMessage> {
    let launch = Launch {
        launch: LAUNCH,
        framework: framework(),
        task: "task".into(),
        kind: TaskKind::Wasm,
        resources: "cpus:1;mem:64".parse().unwrap(),
        user: "nobody".to_owned(),
        payload: Bytes::from_static(b"info"),
        trace: TraceContext::start(1, 2, true),
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
        ToAgent::ReportAll,
        ToAgent::Discard { launch: LAUNCH },
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
    let kernel = kernel.map(ServiceMessage::Kernel).into_iter();
    kernel.chain(requests).chain([feed]).collect()
}

#[test]
fn what_agents_hear_arrives_unchanged() {
    for message in services_messages() {
        let addressed = Addressed {
            epoch: Epoch(7),
            session: "s".into(),
            message,
            trace: TraceContext::start(1, 2, true),
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
        trace: None,
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
        trace: None,
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
        trace: None,
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

/// The bytes of a registration by an agent with so many tasks that run.
fn registration_bytes(count: u64, by_digest: bool) -> usize {
    let launches = (1..=count).map(|number| LaunchId {
        epoch: Epoch(1_700_000_000_000),
        number: 1_000_000 + number,
    });
    let report = |launch: LaunchId| TaskReport {
        launch,
        task: format!("service-{}.instance-{}", launch.number, launch.number)
            .as_str()
            .into(),
        framework: FrameworkKey {
            tenant: "team".into(),
            framework: "5f1c1d0e-52ba-4a9d-8f5a-7d2f7c3e9b11".into(),
        },
        state: TaskState::Running,
        pending: None,
        last: Some(uuid()),
    };
    let full = Registration {
        tasks: launches.clone().map(report).collect(),
        protocol: AGENT_PROTOCOL,
        ..registration()
    };
    let sent = if by_digest {
        Registration {
            tasks: Vec::new(),
            settled: Some(TasksDigest::of(
                launches.map(|launch| (launch, Some(uuid()))),
            )),
            ..full
        }
    } else {
        full
    };
    let message = AgentMessage::Kernel(FromAgent::Register(Box::new(sent)));
    from_agent_to_wire(untraced(message)).encoded_len()
}

#[test]
fn a_registration_by_digest_is_small_however_many_tasks_there_are() {
    for tasks in [1, 10, 1_000] {
        let (full, digest) = (
            registration_bytes(tasks, false),
            registration_bytes(tasks, true),
        );
        eprintln!("{tasks} tasks: {full} bytes with all of them, {digest} with a digest");
    }
    assert_eq!(
        registration_bytes(10, true),
        registration_bytes(1_000, true)
    );
    let saved = registration_bytes(10, false) - registration_bytes(10, true);
    assert!(
        saved > 1_000,
        "a takeover with 10 tasks on each agent saves {saved} bytes an agent"
    );
}

/// What a control plane that has never heard of digests reads of an agent's message.
#[derive(Clone, PartialEq, prost::Message)]
struct FormerFromAgent {
    #[prost(message, optional, tag = "3")]
    register: Option<v1::Register>,
}

#[test]
fn a_former_control_plane_does_not_take_a_digest_for_a_list_of_all_tasks() {
    let former = |registration| {
        let message = AgentMessage::Kernel(FromAgent::Register(Box::new(registration)));
        let bytes = from_agent_to_wire(untraced(message)).encode_to_vec();
        FormerFromAgent::decode(&bytes[..]).unwrap().register
    };
    assert!(former(registration()).is_some());
    let by_digest = Registration {
        settled: Some(TasksDigest([0; 32])),
        ..registration()
    };
    assert_eq!(
        former(by_digest),
        None,
        "it refuses a message without content"
    );
}

#[test]
fn a_former_agent_reports_every_task() {
    let register = v1::Register {
        checkpoint_id: "checkpoint".to_owned(),
        tasks: vec![v1::TaskReport {
            launch: Some(v1::LaunchId::default()),
            framework: Some(v1::FrameworkKey {
                tenant: "t".to_owned(),
                framework: "f".to_owned(),
            }),
            task_id: "task".to_owned(),
            state: TaskState::Running.number(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let wire = v1::FromAgent {
        format_version: 1,
        message: Some(v1::from_agent::Message::Register(register)),
        trace: None,
    };
    let read = from_agent_from_wire(wire).unwrap().message;
    let AgentMessage::Kernel(FromAgent::Register(read)) = read else {
        panic!("it is a registration");
    };
    assert_eq!((read.settled, read.protocol), (None, 0));
    assert_eq!(read.tasks[0].last, None);
}
