//! The kernel's part in one session, played by the test.

use std::time::Duration;

use insula_proto::convert::agent::{
    Addressed, AgentMessage, Output, OutputRequest, Said, ServiceMessage, Start,
    from_agent_from_wire, to_agent_to_wire,
};
use insula_proto::decode_json;
use insula_proto::mesos::v1::TaskInfo;
use insula_types::message::{
    Command, CommandBody, FromAgent, Launch, Registration, ToAgent, Watermark,
};
use insula_types::{
    Epoch, FrameworkKey, LaunchId, SessionId, Span, TaskKind, TaskStatus, Time, TraceContext,
};
use prost::Message as _;
use tokio::time::timeout;

use crate::service::{Opened, Running};

const EPOCH: Epoch = Epoch(1);
/// Generous: only a failing test waits this long.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Session {
    opened: Opened,
    session: SessionId,
    /// The session's, as the agent began it.
    pub(crate) trace: TraceContext,
    clock: Time,
    next_seq: u64,
    pub(crate) registration: Registration,
}

pub(crate) fn launch_id(number: u64) -> LaunchId {
    LaunchId {
        epoch: EPOCH,
        number,
    }
}

/// The context that the task of a launch has.
pub(crate) fn trace_of(number: u64) -> TraceContext {
    let traceparent = TraceContext::start(7, number, number % 2 == 1).traceparent();
    TraceContext::parse(&traceparent, "insula=p:00f067aa0ba902b7,vendor=1")
}

/// Waits for the agent's next session and commits it.
pub(crate) async fn session(service: &mut Running) -> Session {
    let mut opened = timeout(SOON, service.sessions.recv())
        .await
        .unwrap()
        .unwrap();
    let hello = heard(&mut opened).await;
    let AgentMessage::Hello { session } = hello.message else {
        panic!("the first message is no hello");
    };
    let register = heard(&mut opened).await;
    assert_eq!(register.trace, hello.trace, "both are the session's");
    let AgentMessage::Kernel(FromAgent::Register(registration)) = register.message else {
        panic!("the second message is no registration");
    };
    let mut session = Session {
        opened,
        session,
        trace: hello.trace,
        clock: registration.clock,
        next_seq: registration.watermark.seq + 1,
        registration: *registration,
    };
    session
        .say(ToAgent::Registered {
            unreachable_after: Span::from_secs(75),
        })
        .await;
    session
}

async fn heard(opened: &mut Opened) -> Said {
    let message = timeout(SOON, opened.from_agent.recv()).await.unwrap();
    let said = from_agent_from_wire(message.expect("the session is open")).unwrap();
    assert!(!said.trace.is_empty(), "{said:?} has no trace");
    said
}

/// Waits for a condition that nobody announces.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, waiting).await.unwrap();
}

impl Session {
    pub(crate) async fn say(&mut self, message: ToAgent) {
        self.send(ServiceMessage::Kernel(message)).await;
    }

    pub(crate) async fn send(&mut self, message: ServiceMessage) {
        self.send_in(self.trace.clone(), message).await;
    }

    /// Sends a message that belongs to that trace.
    pub(crate) async fn send_in(&mut self, trace: TraceContext, message: ServiceMessage) {
        let addressed = Addressed {
            epoch: EPOCH,
            session: self.session.clone(),
            message,
            trace,
        };
        self.opened
            .to_agent
            .send(Ok(to_agent_to_wire(addressed)))
            .await
            .unwrap();
    }

    pub(crate) async fn command(&mut self, body: CommandBody) {
        let trace = match &body {
            CommandBody::Launch(launch) => launch.trace.clone(),
            CommandBody::Kill { launch, .. } | CommandBody::AcknowledgeTerminal { launch, .. } => {
                trace_of(launch.number)
            }
            CommandBody::Noop => self.trace.clone(),
        };
        let command = Command {
            seq: self.next_seq,
            agent_clock: self.clock,
            body,
        };
        self.next_seq += 1;
        let message = ServiceMessage::Kernel(ToAgent::Command(command));
        self.send_in(trace, message).await;
    }

    /// Launches a task; `what` goes into its description.
    pub(crate) async fn launch(&mut self, number: u64, kind: TaskKind, what: &str) {
        let json = format!(
            r#"{{"name":"n","task_id":{{"value":"t{number}"}},"agent_id":{{"value":"agent-1"}},{what}}}"#
        );
        let info: TaskInfo = decode_json(json.as_bytes()).unwrap();
        let launch = Launch {
            launch: launch_id(number),
            framework: FrameworkKey {
                tenant: "default".into(),
                framework: "f".into(),
            },
            task: format!("t{number}").into(),
            kind,
            resources: "cpus:0.1;mem:32".parse().unwrap(),
            user: String::new(),
            payload: info.encode_to_vec().into(),
            trace: trace_of(number),
        };
        self.command(CommandBody::Launch(Box::new(launch))).await;
    }

    /// Launches a shell command; `more` goes into its description.
    pub(crate) async fn run_with(&mut self, number: u64, script: &str, more: &str) {
        let script = script.replace('"', "\\\"");
        let command = format!(r#""command":{{"value":"{script}"}}{more}"#);
        self.launch(number, TaskKind::Native, &command).await;
    }

    pub(crate) async fn run(&mut self, number: u64, script: &str) {
        self.run_with(number, script, "").await;
    }

    pub(crate) async fn next(&mut self) -> AgentMessage {
        self.next_said().await.message
    }

    /// The next message, which belongs to its task's trace if it is about one, else to the session's.
    pub(crate) async fn next_said(&mut self) -> Said {
        let said = heard(&mut self.opened).await;
        match &said.message {
            AgentMessage::Kernel(FromAgent::Update { launch, .. }) => {
                assert_eq!(said.trace, trace_of(launch.number));
            }
            AgentMessage::RequestFailed { .. } => {}
            _ => assert_eq!(said.trace, self.trace),
        }
        said
    }

    /// The next status update; heartbeats are passed over.
    pub(crate) async fn update(&mut self) -> (LaunchId, TaskStatus) {
        loop {
            match self.next().await {
                AgentMessage::Kernel(FromAgent::Update { launch, status, .. }) => {
                    return (launch, *status);
                }
                AgentMessage::Kernel(FromAgent::Alive { clock, .. }) => self.clock = clock,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Waits until the agent confirms everything that it was told.
    pub(crate) async fn confirmed(&mut self) -> Watermark {
        loop {
            if let AgentMessage::Kernel(FromAgent::Alive { watermark, .. }) = self.next().await
                && watermark.seq + 1 == self.next_seq
            {
                return watermark;
            }
        }
    }

    pub(crate) async fn acknowledge(&mut self, launch: LaunchId, status: &TaskStatus) {
        let uuid = status.uuid.unwrap();
        if status.state.is_terminal() {
            self.command(CommandBody::AcknowledgeTerminal { launch, uuid })
                .await;
        } else {
            let acknowledge = ServiceMessage::Kernel(ToAgent::Acknowledge { launch, uuid });
            self.send_in(trace_of(launch.number), acknowledge).await;
        }
    }

    /// Takes and acknowledges updates of this launch until it has ended.
    pub(crate) async fn end(&mut self, number: u64) -> TaskStatus {
        loop {
            let (launch, status) = self.update().await;
            assert_eq!(launch, launch_id(number));
            self.acknowledge(launch, &status).await;
            if status.state.is_terminal() {
                return status;
            }
        }
    }

    /// Takes and acknowledges the update that says it runs.
    pub(crate) async fn running(&mut self, number: u64) {
        let (launch, status) = self.update().await;
        assert_eq!(launch, launch_id(number));
        assert!(!status.state.is_terminal(), "{status:?}");
        self.acknowledge(launch, &status).await;
    }

    pub(crate) async fn read(&mut self, request: &str, number: u64, output: Output, follow: bool) {
        self.send(ServiceMessage::ReadOutput(OutputRequest {
            request: request.to_owned(),
            launch: launch_id(number),
            output,
            start: Start::Offset(0),
            follow,
        }))
        .await;
    }
}
