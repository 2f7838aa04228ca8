//! One agent core with a journal and a clock that the test owns.

#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test file uses a part of this"
)]

use bytes::Bytes;
use insula_agent_core::{
    Config, Core, Effect, Effects, End, EndCause, Identity, Input, LaunchPlan, Record, Refusal,
    invariant,
};
use insula_types::agent::AgentInfo;
use insula_types::message::{Command, CommandBody, FromAgent, Launch, Registration, ToAgent};
use insula_types::task::Exit;
use insula_types::{
    Epoch, FrameworkKey, LaunchId, Resources, SessionId, Span, TaskKind, TaskStatus, Time,
    TraceContext, UpdateUuid,
};

pub const EPOCH: Epoch = Epoch(7);
pub const UNREACHABLE_AFTER: Span = Span::from_secs(75);

pub fn launch_id(number: u64) -> LaunchId {
    LaunchId {
        epoch: EPOCH,
        number,
    }
}

pub fn launch(number: u64) -> CommandBody {
    CommandBody::Launch(Box::new(Launch {
        launch: launch_id(number),
        framework: FrameworkKey {
            tenant: "default".into(),
            framework: "f".into(),
        },
        task: format!("t{number}").into(),
        kind: TaskKind::Native,
        resources: Resources::of(1000, 64_000),
        user: String::new(),
        payload: Bytes::from_static(b"described elsewhere"),
        trace: TraceContext::start(1, number, true),
    }))
}

pub fn exit(how: Exit, at: Time) -> End {
    End {
        exit: Some(how),
        cause: EndCause::Exit,
        message: String::new(),
        at,
    }
}

pub struct Agent {
    pub core: Core,
    pub now: Time,
    pub journal: Vec<Record>,
    pub effects: Effects,
    pub plan: LaunchPlan,
    /// The agent's clock as it told it last.
    told: Time,
    lives: u128,
    sessions: u32,
    next_seq: u64,
}

impl Agent {
    pub fn new() -> Self {
        Self {
            core: load(0, Vec::new()),
            now: Time(1_000_000_000),
            journal: Vec::new(),
            effects: Vec::new(),
            plan: LaunchPlan::default(),
            told: Time::default(),
            lives: 0,
            sessions: 0,
            next_seq: 1,
        }
    }

    /// An agent whose first session is registered; what that took is not among the effects.
    pub fn registered() -> Self {
        let mut agent = Self::new();
        agent.connect();
        agent.register(EPOCH);
        agent.effects.clear();
        agent
    }

    pub fn try_step(&mut self, input: Input) -> Result<(), Refusal> {
        let before = self.effects.len();
        let result = self.core.step(self.now, input, &mut self.effects);
        for effect in &self.effects[before..] {
            match effect {
                Effect::Journal(record) => self.journal.push(record.clone()),
                Effect::Send {
                    message: FromAgent::Register(registration),
                    ..
                } => self.told = registration.clock,
                _ => {}
            }
        }
        if result.is_err() {
            assert_eq!(self.effects.len(), before, "a refusal has no effects");
        }
        invariant::check(&self.core).unwrap();
        let replayed = load(0, self.journal.clone());
        assert_eq!(
            replayed.records(),
            self.core.records(),
            "the journal is the durable part"
        );
        result
    }

    pub fn step(&mut self, input: Input) {
        self.try_step(input).unwrap();
    }

    pub fn connect(&mut self) {
        self.sessions += 1;
        self.step(Input::Connected {
            session: format!("s{}", self.sessions).as_str().into(),
        });
    }

    pub fn session(&self) -> SessionId {
        self.core.session().unwrap().clone()
    }

    pub fn try_hear(&mut self, epoch: Epoch, message: ToAgent) -> Result<(), Refusal> {
        let (session, plan) = (self.session(), self.plan);
        self.try_step(Input::Message {
            epoch,
            session,
            message,
            plan,
        })
    }

    pub fn hear(&mut self, message: ToAgent) {
        self.try_hear(EPOCH, message).unwrap();
    }

    pub fn register(&mut self, epoch: Epoch) {
        let registered = ToAgent::Registered {
            unreachable_after: UNREACHABLE_AFTER,
        };
        self.try_hear(epoch, registered).unwrap();
    }

    pub fn numbered(&self, seq: u64, body: CommandBody) -> ToAgent {
        ToAgent::Command(Command {
            seq,
            agent_clock: self.now.max(self.told),
            body,
        })
    }

    /// The next command in order.
    pub fn command(&mut self, body: CommandBody) {
        let message = self.numbered(self.next_seq, body);
        self.next_seq += 1;
        self.hear(message);
    }

    pub fn start(&mut self, number: u64) {
        self.command(launch(number));
        self.step(Input::Started {
            launch: launch_id(number),
            at: None,
        });
    }

    pub fn end(&mut self, number: u64, how: Exit) {
        let end = exit(how, self.now);
        self.step(Input::Ended {
            launch: launch_id(number),
            end,
        });
    }

    pub fn wait(&mut self, span: Span) {
        self.now = self.now + span;
        self.step(Input::Timer);
    }

    /// The process dies and comes back with what the journal holds.
    pub fn restart(&mut self) {
        self.lives += 1;
        self.core = load(self.lives << 64, self.journal.clone());
        self.effects.clear();
    }

    pub fn take(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    /// The status updates sent since they were last taken.
    pub fn updates(&mut self) -> Vec<TaskStatus> {
        let is_update = |effect| match effect {
            Effect::Send {
                message: FromAgent::Update { status, .. },
                ..
            } => Some(*status),
            _ => None,
        };
        self.take().into_iter().filter_map(is_update).collect()
    }

    pub fn only_update(&mut self) -> TaskStatus {
        let updates = self.updates();
        assert_eq!(updates.len(), 1, "{updates:?}");
        updates.into_iter().next().unwrap()
    }

    pub fn registration(&mut self) -> Registration {
        let is_registration = |effect| match effect {
            Effect::Send {
                message: FromAgent::Register(registration),
                ..
            } => Some(*registration),
            _ => None,
        };
        self.take().into_iter().find_map(is_registration).unwrap()
    }

    pub fn acknowledge(&mut self, number: u64, uuid: Option<UpdateUuid>) {
        self.hear(ToAgent::Acknowledge {
            launch: launch_id(number),
            uuid: uuid.unwrap(),
        });
    }

    pub fn acknowledge_terminal(&mut self, number: u64, uuid: Option<UpdateUuid>) {
        let (launch, uuid) = (launch_id(number), uuid.unwrap());
        self.command(CommandBody::AcknowledgeTerminal { launch, uuid });
    }
}

pub fn load(nonce: u128, records: Vec<Record>) -> Core {
    let identity = Identity {
        checkpoint: "checkpoint".into(),
        info: AgentInfo::default(),
    };
    Core::load(Config::default(), identity, nonce, records).unwrap()
}
