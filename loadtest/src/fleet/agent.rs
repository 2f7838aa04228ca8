//! One agent of the fleet: the real core, a session, and an executor that pretends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use insula_agent_core::{
    Config, Core, Effect, Effects, End, EndCause, Identity as CoreIdentity, Input, LaunchPlan,
};
use insula_proto::convert::agent::{
    Addressed, AgentMessage, Said, ServiceMessage, from_agent_to_wire, to_agent_from_wire,
};
use insula_proto::insula::agent::v1;
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_types::agent::{AgentCapabilities, AgentInfo};
use insula_types::message::{CommandBody, FromAgent, ToAgent};
use insula_types::task::Exit;
use insula_types::{Epoch, LaunchId, Resources, SessionId, TaskId, Time, TraceContext, UpdateUuid};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use uuid::Uuid;

use super::enroll::Identity;
use super::tally::Tally;
use super::{channel, doors::Doors, trust};
use crate::error::Error;

/// Messages that wait for the connection; every update of every task that fits on such an agent.
const OUTBOUND_MAX: usize = 65_536;
/// How long to wait before a lost session is opened again.
const RETRY: Duration = Duration::from_millis(500);
/// How long to wait when nothing is due.
const IDLE: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Agent {
    identity: Identity,
    core: Core,
    doors: Doors,
    run: Duration,
    tally: Arc<Tally>,
    began: Instant,
    wall: Duration,
    outbound: Option<mpsc::Sender<v1::FromAgent>>,
    /// Pretended processes by the time at which they end.
    running: BTreeSet<(Instant, LaunchId)>,
    /// Updates that were sent and not acknowledged yet.
    sent: BTreeMap<UpdateUuid, Sent>,
    /// The ownership that last registered it.
    epoch: Epoch,
    /// The ownership under which it counts as registered.
    registered: Option<Epoch>,
    /// What it says of itself belongs to this trace, which nobody records.
    trace: TraceContext,
}

/// An update on its way.
struct Sent {
    at: Instant,
    task: TaskId,
    is_the_end: bool,
}

impl Agent {
    /// An agent that has never run.
    ///
    /// # Errors
    /// [`Error::Core`], which cannot happen without a journal.
    pub(super) fn new(
        identity: Identity,
        doors: Doors,
        resources: Resources,
        attributes: Vec<(String, String)>,
        run: Duration,
        tally: Arc<Tally>,
    ) -> Result<Self, Error> {
        let info = AgentInfo {
            hostname: identity.hostname.clone(),
            resources,
            attributes,
            capabilities: AgentCapabilities {
                native: true,
                wasm: true,
                ..AgentCapabilities::default()
            },
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let known = CoreIdentity {
            checkpoint: identity.checkpoint.clone(),
            info,
        };
        let nonce = Uuid::new_v4().as_u128();
        let core = Core::load(Config::default(), known, nonce, Vec::new())
            .map_err(|error| Error::Core(Box::new(error)))?;
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Ok(Self {
            identity,
            core,
            doors,
            run,
            tally,
            began: Instant::now(),
            wall: wall.unwrap_or_default(),
            outbound: None,
            running: BTreeSet::new(),
            sent: BTreeMap::new(),
            epoch: Epoch::default(),
            registered: None,
            trace: TraceContext::start(Uuid::new_v4().as_u128(), 1, false),
        })
    }

    /// Opens session after session, until the task that runs this is ended.
    pub(super) async fn serve(mut self) {
        loop {
            // What went wrong shows in the count of lost sessions, and at last in the deadline.
            let _ended = self.hold_session().await;
            self.outbound = None;
            self.step(Input::Disconnected);
            self.note_registration();
            self.tally.cut();
            tokio::time::sleep(RETRY).await;
            self.doors.next();
        }
    }

    async fn hold_session(&mut self) -> Result<(), Error> {
        let channel = self.dial().await?;
        let session = SessionId::from(Uuid::new_v4().to_string());
        let (outbound, waiting) = mpsc::channel(OUTBOUND_MAX);
        self.outbound = Some(outbound);
        self.say(AgentMessage::Hello {
            session: session.clone(),
        });
        self.step(Input::Connected { session });
        let mut inbound = AgentServiceClient::new(channel)
            .session(ReceiverStream::new(waiting))
            .await
            .map_err(|status| Error::Refused(status.message().to_owned()))?
            .into_inner();
        while self.outbound.is_some() {
            tokio::select! {
                message = inbound.message() => {
                    let message = message.map_err(|status| Error::Refused(status.message().to_owned()))?;
                    let Some(message) = message else {
                        return Ok(());
                    };
                    self.hear(message)?;
                }
                () = tokio::time::sleep(self.until_due()) => self.do_what_is_due(),
            }
        }
        Ok(())
    }

    async fn dial(&self) -> Result<Channel, Error> {
        let _turn = self.doors.turn().await;
        let identity = &self.identity;
        let tls = trust::tls(identity.fingerprint, Some(&identity.certified))?;
        channel::open(self.doors.current(), tls).await
    }

    fn hear(&mut self, message: v1::ToAgent) -> Result<(), Error> {
        let Addressed {
            epoch,
            session,
            message,
            ..
        } = to_agent_from_wire(message)?;
        // Nobody can read the output of a process that never was.
        let ServiceMessage::Kernel(message) = message else {
            return Ok(());
        };
        self.measure(&message);
        if matches!(message, ToAgent::Registered { .. }) {
            self.epoch = epoch;
        }
        self.step(Input::Message {
            epoch,
            session,
            message,
            plan: LaunchPlan::default(),
        });
        self.note_registration();
        Ok(())
    }

    fn note_registration(&mut self) {
        let now = self.core.is_registered().then_some(self.epoch);
        if now != self.registered {
            self.tally.registered(self.registered, now);
            self.registered = now;
        }
    }

    /// Notes how long an acknowledged update was on its way.
    fn measure(&mut self, message: &ToAgent) {
        let uuid = match message {
            ToAgent::Acknowledge { uuid, .. } => *uuid,
            ToAgent::Command(command) => match &command.body {
                CommandBody::AcknowledgeTerminal { uuid, .. } => *uuid,
                CommandBody::Launch(_) | CommandBody::Kill { .. } | CommandBody::Noop => return,
            },
            ToAgent::Registered { .. }
            | ToAgent::Resync
            | ToAgent::ReportAll
            | ToAgent::Discard { .. }
            | ToAgent::Disconnect { .. } => return,
        };
        if let Some(sent) = self.sent.remove(&uuid) {
            let took = sent.at.elapsed();
            self.tally.acknowledged(&sent.task, took, sent.is_the_end);
        }
    }

    /// Steps the core, and with what that makes the executor say, until there is nothing left.
    fn step(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut effects = Effects::new();
            // What the core refuses has changed nothing.
            let _refused = self.core.step(self.clock(), input, &mut effects);
            for effect in effects {
                self.perform(effect, &mut inputs);
            }
        }
    }

    fn perform(&mut self, effect: Effect, inputs: &mut VecDeque<Input>) {
        match effect {
            // The fleet's agents have one life, so nobody will ever read a journal.
            Effect::Journal(_) | Effect::Forget { .. } => {}
            Effect::Start(launch) => {
                self.tally.started(&launch.task);
                let launch = launch.launch;
                inputs.push_back(Input::Started { launch, at: None });
                if self.run.is_zero() {
                    inputs.push_back(self.ended(launch, Exit::Code(0), EndCause::Exit));
                } else {
                    self.running.insert((Instant::now() + self.run, launch));
                }
            }
            Effect::Kill { launch, .. } => {
                let before = self.running.len();
                self.running.retain(|(_, running)| *running != launch);
                if self.running.len() < before {
                    inputs.push_back(self.ended(launch, Exit::Signal(15), EndCause::Killed));
                }
            }
            Effect::Send { message, .. } => {
                if let FromAgent::Update { status, .. } = &message
                    && let Some(uuid) = status.uuid
                {
                    self.sent.entry(uuid).or_insert_with(|| Sent {
                        at: Instant::now(),
                        task: status.task.clone(),
                        is_the_end: status.state.is_terminal(),
                    });
                }
                self.say(AgentMessage::Kernel(message));
            }
        }
    }

    /// Sends a message; a session that falls behind its bound is cut and begins anew.
    fn say(&mut self, message: AgentMessage) {
        let trace = match &message {
            AgentMessage::Kernel(FromAgent::Update { trace, .. }) => trace.clone(),
            _ => self.trace.clone(),
        };
        let said = from_agent_to_wire(Said { message, trace });
        let full = self
            .outbound
            .as_ref()
            .is_some_and(|outbound| outbound.try_send(said).is_err());
        if full {
            self.outbound = None;
        }
    }

    fn do_what_is_due(&mut self) {
        let now = Instant::now();
        while let Some((at, launch)) = self.running.first().copied()
            && at <= now
        {
            self.running.pop_first();
            let ended = self.ended(launch, Exit::Code(0), EndCause::Exit);
            self.step(ended);
        }
        if self
            .core
            .next_timeout()
            .is_some_and(|at| at <= self.clock())
        {
            self.step(Input::Timer);
        }
    }

    fn until_due(&self) -> Duration {
        let timer = self.core.next_timeout().map(|at| at.since(self.clock()));
        let timer = timer.map_or(IDLE, Duration::from);
        let first = self.running.first();
        let end = first.map_or(IDLE, |(at, _)| at.saturating_duration_since(Instant::now()));
        timer.min(end)
    }

    fn ended(&self, launch: LaunchId, exit: Exit, cause: EndCause) -> Input {
        let end = End {
            exit: Some(exit),
            cause,
            message: String::new(),
            at: self.clock(),
        };
        Input::Ended { launch, end }
    }

    /// The wall clock at the start and the time that has passed since, as the core asks for.
    fn clock(&self) -> Time {
        let micros = (self.wall + self.began.elapsed()).as_micros();
        Time(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}
