//! A cell with a clock that the test owns: named agents and frameworks, a model of the store, and all
//! invariants checked after every step.

#![allow(dead_code, reason = "each test binary uses a part of the harness")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod client;
pub(crate) mod machine;
pub(crate) mod store;
pub(crate) mod traces;

use std::collections::BTreeMap;

use bytes::Bytes;
use insula_kernel::input::{LaunchTask, NamedOffer};
use insula_kernel::{Config, Effect, Effects, Input, Kernel, Outcome, Rejection, invariant};
use insula_types::event::EventKind;
use insula_types::message::{Message, Peer, ToAgent, ToFramework};
use insula_types::request::TaskRequest;
use insula_types::{
    Epoch, OfferId, RequestId, Resources, SessionId, Span, TaskId, TaskKind, TenantId, Time,
    UpdateUuid,
};

use self::machine::Machine;
use self::store::Store;
use self::traces::trace_of;

pub(crate) const TENANT: &str = "ml";

pub(crate) use self::client::Client;

pub(crate) struct Cell {
    pub(crate) kernel: Kernel,
    pub(crate) store: Store,
    pub(crate) now: Time,
    pub(crate) events: Vec<EventKind>,
    pub(crate) machines: BTreeMap<String, Machine>,
    inbox: BTreeMap<SessionId, Vec<ToFramework>>,
    replies: BTreeMap<RequestId, Outcome>,
    requests: u64,
    sessions: u64,
    uuids: u128,
    config: Config,
}

impl Cell {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let store = Store::new();
        let now = Time(1_000_000_000);
        let kernel = Kernel::load(config.clone(), Epoch(100), now, store.rows());
        Self {
            kernel,
            store,
            now,
            events: Vec::new(),
            machines: BTreeMap::new(),
            inbox: BTreeMap::new(),
            replies: BTreeMap::new(),
            requests: 0,
            sessions: 0,
            uuids: 0,
            config,
        }
    }

    /// The owner dies and another one loads the rows under the next epoch; all sessions are gone.
    pub(crate) fn restart(&mut self) {
        let epoch = Epoch(self.kernel.epoch().0 + 1);
        self.kernel = Kernel::load(self.config.clone(), epoch, self.now, self.store.rows());
        self.inbox.clear();
        for machine in self.machines.values_mut() {
            machine.session = None;
            machine.received.clear();
        }
        invariant::check(&self.kernel).unwrap();
    }

    /// Steps one input and checks everything that can be checked.
    pub(crate) fn step(&mut self, input: Input) -> Result<(), Rejection> {
        let mut effects = Effects::new();
        let before = self.store.rows();
        let result = self.kernel.step(self.now, input, &mut effects);
        if result.is_err() {
            assert_eq!(effects, [], "a refused step has no effects");
            assert_eq!(self.kernel.rows(), before, "a refused step changes nothing");
        }
        let records = effects
            .iter()
            .take_while(|effect| matches!(effect, Effect::Persist(_)))
            .count();
        for effect in &effects[records..] {
            let late = matches!(effect, Effect::Persist(_));
            assert!(!late, "INV-1: a record follows what depends on it");
        }
        for effect in effects {
            self.take(effect);
        }
        invariant::check(&self.kernel).unwrap();
        invariant::check_reload(&self.kernel).unwrap();
        assert_eq!(self.kernel.rows(), self.store.rows(), "rule R7");
        result
    }

    fn take(&mut self, effect: Effect) {
        if let Effect::Send(peer, trace, message) = &effect {
            traces::check(&self.store, peer, trace, message);
        }
        match effect {
            Effect::Persist(record) => self.store.apply(record),
            Effect::Publish(event) => self.events.push(event.kind),
            Effect::Reply(request, outcome) => {
                let earlier = self.replies.insert(request, outcome);
                assert_eq!(earlier, None, "one answer per question");
            }
            Effect::Send(Peer::Framework { session, .. }, _, Message::ToFramework(message)) => {
                self.inbox.entry(session).or_default().push(message);
            }
            Effect::Send(Peer::Agent { agent, session }, _, Message::ToAgent(message)) => {
                if let Some(machine) = self.machines.get_mut(agent.as_str()) {
                    machine.receive(&session, message);
                }
            }
            Effect::Send(peer, _, message) => panic!("{message:?} cannot go to {peer:?}"),
        }
    }

    /// Fires timers until nothing is due at the present time.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1_000 {
            match self.kernel.next_timeout() {
                Some(at) if at <= self.now => self.step(Input::Timer).unwrap(),
                _ => return,
            }
        }
        panic!("the kernel never comes to rest");
    }

    /// Lets time pass, firing each timer when it is due. Agents with a session give signs of life.
    pub(crate) fn pass(&mut self, span: Span) {
        let end = self.now + span;
        let beat = Span::from_secs(5);
        while self.now < end {
            let next = self.kernel.next_timeout().unwrap_or(end);
            self.now = next.max(self.now).min(self.now + beat).min(end);
            self.beat();
            self.settle();
        }
    }

    /// Lets an allocation happen.
    pub(crate) fn allocate(&mut self) {
        self.pass(self.config.allocation_batch);
    }

    pub(crate) fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    pub(crate) fn new_session(&mut self) -> SessionId {
        self.sessions += 1;
        format!("session-{}", self.sessions).into()
    }

    pub(crate) fn new_uuid(&mut self) -> UpdateUuid {
        self.uuids += 1;
        UpdateUuid::from_slice(&self.uuids.to_be_bytes()).unwrap()
    }

    pub(crate) fn reply(&self, request: RequestId) -> Option<&Outcome> {
        self.replies.get(&request)
    }

    pub(crate) fn submit(&mut self, tasks: Vec<TaskRequest>) -> Result<(), Rejection> {
        let request = self.request();
        self.step(Input::Submit {
            request,
            tenant: TENANT.into(),
            tasks,
        })
    }

    pub(crate) fn withdraw(&mut self, task: &str) -> Result<(), Rejection> {
        let request = self.request();
        self.step(Input::Withdraw {
            request,
            tenant: TENANT.into(),
            task: task.into(),
            grace: None,
        })
    }

    pub(crate) fn alarms(&self) -> Vec<&str> {
        let alarms = self.events.iter().filter_map(|event| match event {
            EventKind::Alarm { sentence } => Some(sentence.as_str()),
            _ => None,
        });
        alarms.collect()
    }
}

pub(crate) fn tenant() -> TenantId {
    TENANT.into()
}

pub(crate) fn task_id(task: &str) -> TaskId {
    task.into()
}

pub(crate) fn resources(text: &str) -> Resources {
    text.parse().unwrap()
}

pub(crate) fn named(id: OfferId) -> NamedOffer {
    NamedOffer {
        text: id.to_string(),
        id: Some(id),
    }
}

pub(crate) fn launch(task: &str, agent: &str, resources: &str) -> LaunchTask {
    LaunchTask {
        task: task.into(),
        name: task.to_owned(),
        agent: agent.into(),
        kind: TaskKind::Native,
        resources: resources.parse().unwrap(),
        user: String::new(),
        executor: None,
        payload: Bytes::from_static(b"task info"),
        invalid: None,
        trace: trace_of(task),
    }
}

pub(crate) fn wanted(task: &str, resources: &str) -> TaskRequest {
    TaskRequest {
        task: task.into(),
        name: task.to_owned(),
        kind: TaskKind::Native,
        resources: resources.parse().unwrap(),
        constraints: Vec::new(),
        retries: 0,
        payload: Bytes::from_static(b"task info"),
        trace: trace_of(task),
    }
}

/// Whether a message is a non-terminal acknowledgement.
pub(crate) fn is_acknowledge(message: &ToAgent) -> bool {
    matches!(message, ToAgent::Acknowledge { .. })
}
