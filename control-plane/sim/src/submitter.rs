//! People who submit tasks to their tenant's built-in framework, withdraw them, and set roles; they
//! ask again when they do not hear what became of a question.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use insula_types::request::TaskRequest;
use insula_types::{CellId, Resources, Span, TaskId, TaskKind, TenantId};

use crate::event::Event;
use crate::network::{Client, ConnectionId, Side};
use crate::rng::Rng;
use crate::wire::{Question, Wire};
use crate::world::World;

/// Whoever sees that so many of the tenant's requests wait already submits no more.
const WAITING_MAX: usize = 10;

/// Roles whose settings are changed, below a tenant.
const ROLES: [&str; 4] = ["", "/.", "/batch", "/web"];

/// A person with a client that tries again.
#[derive(Debug)]
pub(crate) struct Submitter {
    number: usize,
    pub(crate) tenant: TenantId,
    pub(crate) cell: CellId,
    connection: Option<ConnectionId>,
    /// The question without an answer, with its number.
    open: Option<(u64, Question)>,
    submitted: Vec<TaskId>,
    /// Roles that it has set and that are not yet as they were.
    roles: BTreeSet<String>,
    questions: u64,
    tasks: u64,
}

impl Submitter {
    pub(crate) fn new(number: usize, tenant: TenantId, cell: CellId) -> Self {
        Self {
            number,
            tenant,
            cell,
            connection: None,
            open: None,
            submitted: Vec::new(),
            roles: BTreeSet::new(),
            questions: 0,
            tasks: 0,
        }
    }

    pub(crate) fn is_content(&self) -> bool {
        self.open.is_none() && self.roles.is_empty()
    }

    fn draw_question(&mut self, rng: &mut Rng, sets_roles: bool, waiting: usize) -> Question {
        match rng.below(10) {
            0..=5 if waiting < WAITING_MAX => {
                let count = rng.between(1, 3);
                let tasks: Vec<_> = (0..count).map(|_| self.draw_request(rng)).collect();
                self.submitted
                    .extend(tasks.iter().map(|request| request.task.clone()));
                Question::Submit(tasks)
            }
            6 | 7 if sets_roles => self.draw_role(rng),
            _ => match rng.pick(&self.submitted).cloned() {
                Some(task) => Question::Withdraw(task, rng.chance(500).then_some(Span::ZERO)),
                None => Question::Withdraw("never-submitted".into(), None),
            },
        }
    }

    fn draw_request(&mut self, rng: &mut Rng) -> TaskRequest {
        self.tasks += 1;
        let task = TaskId::from(format!("r{}-{}", self.number, self.tasks));
        let too_large = rng.chance(30);
        let cpus = if too_large {
            1_000_000
        } else {
            rng.between(1, 20) * 100
        };
        TaskRequest {
            name: task.to_string(),
            kind: if rng.chance(300) {
                TaskKind::Wasm
            } else {
                TaskKind::Native
            },
            resources: Resources::of(cpus, rng.between(1, 4) * 64_000),
            constraints: if rng.chance(150) {
                vec![("rack".to_owned(), "r0".to_owned())]
            } else {
                Vec::new()
            },
            retries: u32::try_from(rng.below(3)).unwrap_or(0),
            payload: Bytes::from(task.to_string()),
            trace: rng.trace(),
            task,
        }
    }

    fn draw_role(&mut self, rng: &mut Rng) -> Question {
        let below = rng.pick(&ROLES).copied().unwrap_or("");
        let role = format!("{}{below}", self.tenant);
        let mut limit = BTreeMap::new();
        if rng.chance(700) {
            limit.insert("cpus".to_owned(), rng.between(0, 60) * 100);
        }
        if rng.chance(300) {
            limit.insert("mem".to_owned(), rng.between(0, 20) * 128_000);
        }
        self.roles.insert(role.clone());
        Question::SetRole(role, rng.between(1, 10) * 1_000, limit)
    }
}

impl World {
    pub(crate) fn submitter_acts(&mut self, number: usize) {
        self.ctx.within(50, 4_000, Event::SubmitterActs(number));
        if self.submitters[number].connection.is_none() {
            return self.submitter_dials(number);
        }
        let waiting = self.waiting_requests(number);
        let calm = self.ctx.calm;
        let sets_roles = self.ctx.options.weights.set_role > 0;
        let person = &mut self.submitters[number];
        if person.open.is_some() {
            return;
        }
        let question = if calm {
            // What it has limited would otherwise keep requests waiting for ever.
            let Some(role) = person.roles.pop_first() else {
                return;
            };
            Question::SetRole(role, 1_000, BTreeMap::new())
        } else {
            person.draw_question(&mut self.ctx.rng, sets_roles, waiting)
        };
        person.questions += 1;
        person.open = Some((person.questions, question));
        self.ask_open_question(number);
    }

    fn waiting_requests(&self, number: usize) -> usize {
        let tenant = &self.submitters[number].tenant;
        let kernel = self.kernel_of(&self.submitters[number].cell);
        let views = kernel.map(|kernel| kernel.frameworks_view());
        views
            .into_iter()
            .flatten()
            .filter(|view| view.built_in && view.framework.tenant == *tenant)
            .map(|view| view.waiting)
            .sum()
    }

    fn submitter_dials(&mut self, number: usize) {
        let client = Client::Submitter(number);
        if let Some(replica) = self.reachable_replica(client) {
            let connection = self.network.open(&mut self.ctx, client, replica);
            self.submitters[number].connection = Some(connection);
            self.ask_open_question(number);
        }
    }

    fn ask_open_question(&mut self, number: usize) {
        let person = &self.submitters[number];
        if let (Some(connection), Some((number, question))) =
            (person.connection, person.open.clone())
        {
            let wire = Wire::Ask { number, question };
            self.network
                .send(&mut self.ctx, connection, Side::Replica, wire);
        }
    }

    /// Whatever the answer is, the question is settled: an id that exists already is its own.
    pub(crate) fn submitter_hears(&mut self, number: usize, wire: &Wire) {
        let person = &mut self.submitters[number];
        if let Wire::Answer { number, .. } = wire {
            person.open.take_if(|(open, _)| open == number);
        }
    }

    pub(crate) fn submitter_is_cut(&mut self, number: usize) {
        self.submitters[number].connection = None;
    }
}
