//! An agent that does what the test tells it.

use bytes::Bytes;
use insula_proto::convert::agent::{
    AgentMessage, OutputRequest, Said as Traced, ServiceMessage, from_agent_to_wire,
    to_agent_from_wire,
};
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_proto::insula::agent::v1::{
    Chunk, FetchModuleRequest, FromAgent, OutputChunk, ReceiveInputRequest, ToAgent,
};
use insula_types::agent::{AgentCapabilities, AgentInfo};
use insula_types::message::{
    Command, CommandBody, FromAgent as Said, Launch, Registration, ToAgent as Heard, Watermark,
};
use insula_types::task::Exit;
use insula_types::{LaunchId, Source, TaskState, TaskStatus, Time, TraceContext, UpdateUuid};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use uuid::Uuid;

use super::{Identity, soon};

pub(crate) struct Agent {
    pub(crate) identity: Identity,
    pub(crate) client: AgentServiceClient<Channel>,
    session: String,
    say: mpsc::Sender<FromAgent>,
    hear: Streaming<ToAgent>,
}

impl Agent {
    /// Opens a session.
    pub(crate) async fn open(identity: &Identity) -> Result<Self, Status> {
        let mut client = identity.client().await;
        let session = Uuid::new_v4().to_string();
        let (say, said) = mpsc::channel(64);
        let hello = AgentMessage::Hello {
            session: session.as_str().into(),
        };
        say.send(wire(hello)).await.unwrap();
        let answer = soon(client.session(ReceiverStream::new(said))).await?;
        Ok(Self {
            identity: identity.clone(),
            client,
            session,
            say,
            hear: answer.into_inner(),
        })
    }

    /// Opens a session and registers, as a machine with four cores in rack `a7`.
    pub(crate) async fn register(identity: &Identity) -> Self {
        let mut agent = Self::open(identity).await.unwrap();
        agent.say(agent.registration()).await;
        assert!(matches!(agent.heard().await, Heard::Registered { .. }));
        agent
    }

    pub(crate) fn registration(&self) -> Said {
        Said::Register(Box::new(Registration {
            checkpoint: self.identity.checkpoint.as_str().into(),
            info: AgentInfo {
                hostname: "machine".to_owned(),
                resources: "cpus:4;mem:4096".parse().unwrap(),
                attributes: vec![("rack".to_owned(), "a7".to_owned())],
                capabilities: AgentCapabilities {
                    native: true,
                    wasm: true,
                    ..AgentCapabilities::default()
                },
                version: "0.1.0".to_owned(),
            },
            watermark: Watermark::default(),
            tasks: Vec::new(),
            clock: Time(1),
            settled: None,
            protocol: insula_types::message::AGENT_PROTOCOL,
        }))
    }

    pub(crate) async fn say(&self, said: Said) {
        self.send(wire(AgentMessage::Kernel(said))).await;
    }

    pub(crate) async fn send(&self, message: FromAgent) {
        self.say.send(message).await.unwrap();
    }

    /// The next message; nothing at the end of the session.
    pub(crate) async fn next(&mut self) -> Result<Option<ServiceMessage>, Status> {
        let Some(message) = soon(self.hear.message()).await? else {
            return Ok(None);
        };
        let addressed = to_agent_from_wire(message).unwrap();
        assert_eq!(addressed.session.as_str(), self.session);
        assert!(!addressed.trace.is_empty(), "{addressed:?} has no trace");
        Ok(Some(addressed.message))
    }

    /// How the session ends; what is said before is passed over.
    pub(crate) async fn end(&mut self) -> Result<(), Status> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    /// The kernel's next message.
    pub(crate) async fn heard(&mut self) -> Heard {
        loop {
            match self.next().await.unwrap() {
                Some(ServiceMessage::Kernel(heard)) => return heard,
                Some(_) => {}
                None => panic!("the session ended"),
            }
        }
    }

    /// The next command that starts or kills something.
    pub(crate) async fn commanded(&mut self) -> CommandBody {
        loop {
            if let Heard::Command(Command {
                body: body @ (CommandBody::Launch(_) | CommandBody::Kill { .. }),
                ..
            }) = self.heard().await
            {
                return body;
            }
        }
    }

    pub(crate) async fn launched(&mut self) -> Launch {
        match self.commanded().await {
            CommandBody::Launch(launch) => *launch,
            other => panic!("not a launch: {other:?}"),
        }
    }

    /// Reports what became of a launch.
    pub(crate) async fn update(&self, launch: &Launch, state: TaskState, exit: Option<Exit>) {
        let (task, at) = (launch.task.clone(), Time(2));
        let status = TaskStatus {
            uuid: Some(UpdateUuid(Uuid::new_v4())),
            exit,
            ..TaskStatus::new(task, state, Source::Executor, at)
        };
        self.say(Said::Update {
            launch: launch.launch,
            status: Box::new(status),
            trace: launch.trace.clone(),
        })
        .await;
    }

    /// Starts what it is told next.
    pub(crate) async fn runs(&mut self) -> Launch {
        let launch = self.launched().await;
        self.update(&launch, TaskState::Running, None).await;
        launch
    }

    pub(crate) async fn finishes(&mut self, launch: &Launch) {
        self.update(launch, TaskState::Finished, Some(Exit::Code(0)))
            .await;
    }

    /// The next request for output.
    pub(crate) async fn asked(&mut self) -> OutputRequest {
        loop {
            match self.next().await.unwrap() {
                Some(ServiceMessage::ReadOutput(request)) => return request,
                Some(_) => {}
                None => panic!("the session ended"),
            }
        }
    }

    /// Begins to answer a request for output; what is sent there goes to the reader. Dropping it ends
    /// the output.
    pub(crate) fn answer(&self, request: &OutputRequest) -> Answering {
        let (chunks, waiting) = mpsc::channel(4);
        let first = OutputChunk {
            request_id: request.request.clone(),
            ..OutputChunk::default()
        };
        chunks.try_send(first).unwrap();
        let mut client = self.client.clone();
        let call =
            tokio::spawn(async move { client.send_output(ReceiverStream::new(waiting)).await });
        Answering { chunks, call }
    }

    /// The next request for input, and its launch.
    pub(crate) async fn asked_to_feed(&mut self) -> (String, LaunchId) {
        loop {
            match self.next().await.unwrap() {
                Some(ServiceMessage::FeedInput { request, launch }) => return (request, launch),
                Some(_) => {}
                None => panic!("the session ended"),
            }
        }
    }

    pub(crate) async fn input(&self, request_id: String) -> Result<Streaming<Chunk>, Status> {
        let request = ReceiveInputRequest { request_id };
        let answer = soon(self.client.clone().receive_input(request)).await?;
        Ok(answer.into_inner())
    }

    /// Fetches a module, as for a task of the tenant.
    pub(crate) async fn fetch(&self, digest: &str, tenant: &str) -> Result<Vec<u8>, Status> {
        let request = FetchModuleRequest {
            digest: digest.to_owned(),
            tenant: tenant.to_owned(),
        };
        let answer = soon(self.client.clone().fetch_module(request)).await?;
        let mut chunks = answer.into_inner();
        let mut bytes = Vec::new();
        while let Some(chunk) = soon(chunks.message()).await? {
            bytes.extend_from_slice(&chunk.data);
        }
        Ok(bytes)
    }

    /// Says that it cannot answer.
    pub(crate) async fn fails(&self, request: String, sentence: &str, not_found: bool) {
        let sentence = sentence.to_owned();
        self.send(wire(AgentMessage::RequestFailed {
            request,
            sentence,
            not_found,
        }))
        .await;
    }
}

/// The message in the trace of the tests' sessions, unless it names its own.
pub(crate) fn wire(message: AgentMessage) -> FromAgent {
    let own = match &message {
        AgentMessage::Kernel(Said::Update { trace, .. }) => trace.clone(),
        _ => TraceContext::default(),
    };
    let trace = if own.is_empty() {
        TraceContext::start(11, 12, false)
    } else {
        own
    };
    from_agent_to_wire(Traced { message, trace })
}

type Ended = Result<tonic::Response<insula_proto::insula::agent::v1::SendOutputResponse>, Status>;

/// Output on its way to a reader.
pub(crate) struct Answering {
    chunks: mpsc::Sender<OutputChunk>,
    call: tokio::task::JoinHandle<Ended>,
}

impl Answering {
    pub(crate) async fn write(&self, data: &'static str) {
        let chunk = OutputChunk {
            data: Bytes::from_static(data.as_bytes()),
            ..OutputChunk::default()
        };
        soon(self.chunks.send(chunk)).await.unwrap();
    }

    /// Ends the output as it should end.
    pub(crate) async fn finish(self) {
        let last = OutputChunk {
            last: true,
            ..OutputChunk::default()
        };
        soon(self.chunks.send(last)).await.unwrap();
        soon(self.call).await.unwrap().unwrap();
    }

    /// Waits until the control plane ends the call.
    pub(crate) async fn ended(self) -> Ended {
        soon(self.call).await.unwrap()
    }

    /// Breaks off in the middle, as an agent does that ends.
    pub(crate) fn abort(self) {
        self.call.abort();
    }
}

/// The launch that a task is at.
pub(crate) fn launch_of(launch: &Launch) -> String {
    launch.launch.to_string()
}
