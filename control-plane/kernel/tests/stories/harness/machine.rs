//! An agent as a test moves it: it applies commands in order and reports what the test says.

use std::collections::BTreeMap;

use insula_kernel::input::Cause;
use insula_kernel::{Input, Rejection};
use insula_types::agent::{AgentCapabilities, AgentInfo};
use insula_types::message::{
    AGENT_PROTOCOL, Command, CommandBody, FromAgent, Registration, TaskReport, ToAgent, Watermark,
};
use insula_types::{
    Epoch, FrameworkKey, LaunchId, SessionId, Source, TaskId, TaskState, TaskStatus, TasksDigest,
    Time, TraceContext, UpdateUuid,
};

use super::Cell;

/// A task that a machine holds.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) framework: FrameworkKey,
    pub(crate) task: TaskId,
    pub(crate) state: TaskState,
    pub(crate) pending: Option<UpdateUuid>,
    pub(crate) last: Option<UpdateUuid>,
}

#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) id: String,
    pub(crate) info: AgentInfo,
    pub(crate) session: Option<SessionId>,
    pub(crate) checkpoint: String,
    pub(crate) watermark: Watermark,
    pub(crate) held: BTreeMap<LaunchId, Held>,
    pub(crate) received: Vec<ToAgent>,
    /// Launches that were started, to see that none is twice.
    pub(crate) started: Vec<LaunchId>,
    pub(crate) killed: Vec<LaunchId>,
    /// How often it was asked for all its tasks.
    pub(crate) reported_all: usize,
    /// Which messages it understands.
    pub(crate) protocol: u32,
    epoch: Epoch,
}

impl Machine {
    pub(crate) fn receive(&mut self, session: &SessionId, message: ToAgent) {
        if self.session.as_ref() == Some(session) {
            self.received.push(message);
        }
    }

    fn apply(&mut self, command: Command) {
        if command.seq <= self.watermark.seq {
            return;
        }
        assert_eq!(
            command.seq,
            self.watermark.seq + 1,
            "commands come without gaps"
        );
        self.watermark = Watermark {
            epoch: self.epoch,
            seq: command.seq,
        };
        match command.body {
            CommandBody::Launch(launch) => {
                assert!(
                    !self.started.contains(&launch.launch),
                    "R23: a launch starts once"
                );
                assert_eq!(&launch.payload[..], b"task info");
                self.started.push(launch.launch);
                let held = Held {
                    framework: launch.framework,
                    task: launch.task,
                    state: TaskState::Staging,
                    pending: None,
                    last: None,
                };
                self.held.insert(launch.launch, held);
            }
            CommandBody::Kill { launch, .. } => self.killed.push(launch),
            CommandBody::AcknowledgeTerminal { launch, .. } => {
                self.held.remove(&launch);
            }
            CommandBody::Noop => {}
        }
    }

    fn discard(&mut self, launch: LaunchId) {
        match self.held.get(&launch) {
            Some(held) if held.state.is_terminal() => {
                self.held.remove(&launch);
            }
            Some(_) => self.killed.push(launch),
            None => {}
        }
    }

    /// By digest, as long as it can and is not asked for all.
    fn registration(&self, clock: Time, all: bool) -> Registration {
        let report = |(launch, held): (&LaunchId, &Held)| TaskReport {
            launch: *launch,
            framework: held.framework.clone(),
            task: held.task.clone(),
            state: held.state,
            pending: held.pending,
            last: held.last,
        };
        let all = all || self.protocol == 0;
        let is_settled = |held: &Held| held.pending.is_none() && !held.state.is_terminal();
        let settled = self.held.iter().filter(|(_, held)| is_settled(held));
        let digest = TasksDigest::of(settled.map(|(launch, held)| (*launch, held.last)));
        let listed = self
            .held
            .iter()
            .filter(|(_, held)| all || !is_settled(held));
        Registration {
            checkpoint: self.checkpoint.as_str().into(),
            info: self.info.clone(),
            watermark: self.watermark,
            tasks: listed.map(report).collect(),
            clock,
            settled: (!all).then_some(digest),
            protocol: self.protocol,
        }
    }
}

pub(crate) fn machine_info(id: &str, resources: &str) -> AgentInfo {
    AgentInfo {
        hostname: format!("{id}.example"),
        resources: resources.parse().unwrap(),
        attributes: Vec::new(),
        capabilities: AgentCapabilities {
            native: true,
            ..AgentCapabilities::default()
        },
        version: "1".to_owned(),
    }
}

impl Cell {
    /// A new machine registers.
    pub(crate) fn agent(&mut self, id: &str, resources: &str) {
        self.unregistered(id, resources);
        self.register(id).unwrap();
    }

    pub(crate) fn unregistered(&mut self, id: &str, resources: &str) {
        let machine = Machine {
            id: id.to_owned(),
            info: machine_info(id, resources),
            session: None,
            checkpoint: format!("{id}-disk"),
            watermark: Watermark::default(),
            held: BTreeMap::new(),
            received: Vec::new(),
            started: Vec::new(),
            killed: Vec::new(),
            reported_all: 0,
            protocol: AGENT_PROTOCOL,
            epoch: Epoch(0),
        };
        self.machines.insert(id.to_owned(), machine);
    }

    pub(crate) fn machine(&mut self, id: &str) -> &mut Machine {
        self.machines.get_mut(id).unwrap()
    }

    /// The machine opens a new session.
    pub(crate) fn register(&mut self, id: &str) -> Result<(), Rejection> {
        let session = self.new_session();
        self.machine(id).session = Some(session);
        self.register_again(id)
    }

    /// The machine registers in the session that it has.
    pub(crate) fn register_again(&mut self, id: &str) -> Result<(), Rejection> {
        let (epoch, now) = (self.kernel.epoch(), self.now);
        let machine = self.machine(id);
        let session = machine.session.clone().unwrap();
        machine.received.clear();
        machine.epoch = epoch;
        self.say_registration(id, session.clone(), now, false)?;
        let machine = self.machine(id);
        let before = machine.received.len();
        machine
            .received
            .retain(|message| *message != ToAgent::ReportAll);
        if machine.received.len() == before {
            return Ok(());
        }
        machine.reported_all += 1;
        self.say_registration(id, session, now, true)
    }

    /// The machine registers, and is not asked again.
    pub(crate) fn say_registration(
        &mut self,
        id: &str,
        session: SessionId,
        now: Time,
        all: bool,
    ) -> Result<(), Rejection> {
        let registration = self.machine(id).registration(now, all);
        self.step(Input::Agent {
            agent: id.into(),
            session,
            message: FromAgent::Register(Box::new(registration)),
        })
    }

    /// The machine's connection ends; what was sent and not received is lost.
    pub(crate) fn cut(&mut self, id: &str) {
        let machine = self.machine(id);
        machine.received.clear();
        let session = machine.session.take().unwrap();
        self.step(Input::AgentDisconnected {
            agent: id.into(),
            session,
            cause: Cause::ByPeer,
        })
        .unwrap();
    }

    /// Our path to the machine breaks; its connection stands, and what was sent is lost.
    pub(crate) fn lose_path(&mut self, id: &str) {
        let machine = self.machine(id);
        machine.received.clear();
        let session = machine.session.clone().unwrap();
        self.step(Input::AgentDisconnected {
            agent: id.into(),
            session,
            cause: Cause::ByUs,
        })
        .unwrap();
    }

    /// The machine takes what it received, in order, and confirms it.
    pub(crate) fn obey(&mut self, id: &str) {
        let machine = self.machine(id);
        for message in std::mem::take(&mut machine.received) {
            match message {
                ToAgent::Command(command) => machine.apply(command),
                ToAgent::Acknowledge { launch, uuid } => {
                    if let Some(held) = machine.held.get_mut(&launch)
                        && held.pending == Some(uuid)
                    {
                        held.pending = None;
                    }
                }
                ToAgent::Disconnect { .. } => machine.session = None,
                ToAgent::Discard { launch } => machine.discard(launch),
                ToAgent::Registered { .. } | ToAgent::Resync | ToAgent::ReportAll => {}
            }
        }
        self.alive(id);
    }

    pub(crate) fn alive(&mut self, id: &str) {
        let now = self.now;
        let machine = self.machine(id);
        let Some(session) = machine.session.clone() else {
            return;
        };
        let watermark = machine.watermark;
        self.step(Input::Agent {
            agent: id.into(),
            session,
            message: FromAgent::Alive {
                watermark,
                clock: now,
            },
        })
        .unwrap();
    }

    /// Every machine with a session gives a sign of life.
    pub(crate) fn beat(&mut self) {
        let ids: Vec<String> = self.machines.keys().cloned().collect();
        for id in ids {
            self.alive(&id);
        }
    }

    /// A task on the machine is in a new state: it reports that, with a new uuid.
    pub(crate) fn report(&mut self, id: &str, launch: LaunchId, state: TaskState) -> UpdateUuid {
        let uuid = self.new_uuid();
        let held = self.machine(id).held.get_mut(&launch).unwrap();
        held.state = state;
        held.pending = Some(uuid);
        held.last = Some(uuid);
        self.resend(id, launch);
        uuid
    }

    /// The machine sends a task's pending update, again if need be.
    pub(crate) fn resend(&mut self, id: &str, launch: LaunchId) {
        let at = self.now;
        let machine = self.machine(id);
        let Some(session) = machine.session.clone() else {
            return;
        };
        let held = &machine.held[&launch];
        let status = TaskStatus {
            uuid: held.pending,
            agent: Some(id.into()),
            ..TaskStatus::new(held.task.clone(), held.state, Source::Executor, at)
        };
        self.step(Input::Agent {
            agent: id.into(),
            session,
            message: FromAgent::Update {
                launch,
                status: Box::new(status),
                trace: TraceContext::default(),
            },
        })
        .unwrap();
    }
}
