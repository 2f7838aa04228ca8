//! ACCEPT: offers become tasks, and what is left of them is declined.

use std::collections::BTreeSet;
use std::sync::Arc;

use insula_types::event::{Event, EventKind};
use insula_types::{
    AgentId, LaunchId, Reason, Resources, TaskId, TaskState, TaskStatus, TraceContext,
};

use crate::allocator::{AgentKey, FrameworkIdx};
use crate::framework::launch::Start;
use crate::input::{Filters, LaunchTask, NamedOffer};
use crate::offer::{Offer, Tag};
use crate::out::Out;
use crate::task::status::{by_master, reconciled};
use crate::{Kernel, Rejection};

/// What an accept has to spend.
struct Purse {
    framework: FrameworkIdx,
    agent: AgentKey,
    role: Arc<str>,
    left: Resources,
}

/// Why a task of an accept is not started.
enum Refusal {
    /// It lives already: that is answered with its state and never with a terminal update (rule R4).
    Lives(LaunchId),
    /// The description is wrong.
    Invalid(String),
}

impl Kernel {
    /// Starts the tasks on the offers' resources. If any offer is not valid, none of the tasks is
    /// started and the valid offers are taken back, as Mesos does.
    pub(crate) fn accept(
        &mut self,
        idx: FrameworkIdx,
        named: &[NamedOffer],
        launches: Vec<LaunchTask>,
        filters: Filters,
        trace: &TraceContext,
        out: &mut Out,
    ) -> Result<(), Rejection> {
        if self.tasks.len() + launches.len() > self.config.tasks_max {
            return Err(Rejection::TooMany {
                what: "tasks of the cell".into(),
                limit: self.config.tasks_max,
            });
        }
        let valid = self.check_offers(idx, named);
        let offers = self.take_offers(idx, named);
        self.counters.accepts += 1;
        self.counters.offers_accepted += offers.len() as u64;
        if let Err(error) = valid {
            for offer in &offers {
                self.release_offer(offer);
            }
            self.counters.accepts_refused += 1;
            if launches.is_empty() {
                self.announce_refused(idx, None, error.clone(), trace, out);
            }
            self.refuse_launches(idx, launches, &error, trace, out);
            return Ok(());
        }
        let Some(first) = offers.first() else {
            return Ok(());
        };
        let mut purse = Purse {
            framework: idx,
            agent: first.agent,
            role: Arc::clone(&first.role),
            left: Resources::sum(offers.iter().map(|offer| &offer.resources)),
        };
        for launch in launches {
            self.launch_or_refuse(&mut purse, launch, trace, out);
        }
        if !purse.left.is_empty() {
            self.allocator
                .release(idx, &purse.role, purse.agent, &purse.left);
            self.keep_away(idx, &purse.role, purse.agent, &purse.left, filters);
        }
        self.send_commands(purse.agent, out);
        Ok(())
    }

    /// Checks that all offers are the framework's own, of one agent and for one role. The sentences
    /// are those of Mesos; another tenant's offer is not told apart from one that never was (R19).
    fn check_offers(&self, idx: FrameworkIdx, named: &[NamedOffer]) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        let mut first: Option<&Offer> = None;
        for name in named {
            let text = &name.text;
            let offer = self
                .own_offer(idx, name)
                .ok_or_else(|| format!("Offer {text} is no longer valid"))?;
            if !seen.insert(offer.tag) {
                return Err(format!("Duplicate offer {text} in offer list"));
            }
            let one = *first.get_or_insert(offer);
            if one.agent != offer.agent {
                return Err(format!(
                    "Aggregated offers must belong to one single agent. Offer {text} uses agent {} and agent {}",
                    self.agents.get(one.agent).row.agent,
                    self.agents.get(offer.agent).row.agent,
                ));
            }
            if one.role != offer.role {
                return Err(format!(
                    "Aggregated offers must be allocated to the same role. Offer {text} uses role {} but another is using role {}",
                    offer.role, one.role,
                ));
            }
        }
        first
            .map(|_| ())
            .ok_or_else(|| "No offers specified".to_owned())
    }

    fn own_offer(&self, idx: FrameworkIdx, named: &NamedOffer) -> Option<&Offer> {
        let tag = self.offers.tag_of(named.id?)?;
        self.offers.get(tag).filter(|offer| offer.framework == idx)
    }

    /// Takes the framework's own offers among the named ones out of the cell, still charged to it.
    fn take_offers(&mut self, idx: FrameworkIdx, named: &[NamedOffer]) -> Vec<Offer> {
        let own: Vec<Tag> = named
            .iter()
            .filter_map(|name| self.own_offer(idx, name))
            .map(|offer| offer.tag)
            .collect();
        own.into_iter()
            .filter_map(|tag| self.take_offer(tag))
            .collect()
    }

    fn launch_or_refuse(
        &mut self,
        purse: &mut Purse,
        launch: LaunchTask,
        trace: &TraceContext,
        out: &mut Out,
    ) {
        match self.check_launch(purse, &launch) {
            Ok(()) => {
                purse.left.subtract(&launch.resources);
                let start = Start::of(launch, trace);
                self.start_task(purse.framework, purse.agent, &purse.role, start, out);
            }
            Err(Refusal::Lives(live)) => {
                let of_task = launch.trace.or(trace);
                self.announce_lives(purse.framework, launch.task, live, &of_task, out);
                self.answer_with_state(purse.framework, live, out);
            }
            Err(Refusal::Invalid(sentence)) => {
                let of_task = launch.trace.or(trace);
                let task = Some(launch.task.clone());
                self.announce_refused(purse.framework, task, sentence.clone(), &of_task, out);
                let agent = launch.agent;
                let status = TaskStatus {
                    agent: Some(agent),
                    executor: launch.executor,
                    ..by_master(
                        launch.task,
                        TaskState::Error,
                        Reason::TaskInvalid,
                        sentence,
                        self.now,
                    )
                };
                self.send_status(purse.framework, &of_task, status, out);
            }
        }
    }

    fn check_launch(&self, purse: &Purse, launch: &LaunchTask) -> Result<(), Refusal> {
        if let Some(live) = self.tasks.named(purse.framework, &launch.task) {
            return Err(Refusal::Lives(live));
        }
        if let Some(sentence) = &launch.invalid {
            return Err(Refusal::Invalid(sentence.clone()));
        }
        let agent = &self.agents.get(purse.agent).row;
        check_agent(&launch.agent, &agent.agent).map_err(Refusal::Invalid)?;
        let capabilities = &agent.info.capabilities;
        crate::framework::launch::check_kind(launch.kind, capabilities)
            .map_err(Refusal::Invalid)?;
        check_resources(&launch.resources, &purse.left).map_err(Refusal::Invalid)
    }

    /// Tells that none of the tasks was started, as the offers were not valid.
    fn refuse_launches(
        &self,
        idx: FrameworkIdx,
        launches: Vec<LaunchTask>,
        error: &str,
        trace: &TraceContext,
        out: &mut Out,
    ) {
        for launch in launches {
            let of_task = launch.trace.or(trace);
            let task = Some(launch.task.clone());
            self.announce_refused(idx, task, error.to_owned(), &of_task, out);
            if let Some(live) = self.tasks.named(idx, &launch.task) {
                self.answer_with_state(idx, live, out);
                continue;
            }
            let status = TaskStatus {
                agent: Some(launch.agent),
                executor: launch.executor,
                ..by_master(
                    launch.task,
                    TaskState::Dropped,
                    Reason::InvalidOffers,
                    format!("Task launched with invalid offers: {error}"),
                    self.now,
                )
            };
            self.send_status(idx, &of_task, status, out);
        }
    }

    fn announce_lives(
        &self,
        idx: FrameworkIdx,
        task: TaskId,
        live: LaunchId,
        trace: &TraceContext,
        out: &mut Out,
    ) {
        let sentence = format!("the task lives already, as launch {live}");
        self.announce_refused(idx, Some(task), sentence, trace, out);
    }

    /// Tells whoever watches that an accept, or one task of it, came to nothing.
    fn announce_refused(
        &self,
        idx: FrameworkIdx,
        task: Option<TaskId>,
        sentence: String,
        trace: &TraceContext,
        out: &mut Out,
    ) {
        out.publish(Event {
            at: self.now,
            trace: trace.clone(),
            kind: EventKind::CallRefused {
                framework: self.frameworks.get(idx).key.clone(),
                call: "accept",
                task,
                sentence,
            },
        });
    }

    fn answer_with_state(&self, idx: FrameworkIdx, launch: LaunchId, out: &mut Out) {
        if let Some(task) = self.tasks.get(launch) {
            let status = reconciled(&task.row, self.now);
            self.send_status(idx, &task.row.trace, status, out);
        }
    }
}

fn check_agent(given: &AgentId, expected: &AgentId) -> Result<(), String> {
    if given == expected {
        return Ok(());
    }
    Err(format!(
        "Task uses invalid agent {given} while agent {expected} is expected"
    ))
}

fn check_resources(wanted: &Resources, left: &Resources) -> Result<(), String> {
    if wanted.is_empty() {
        return Err("Task uses no resources".to_owned());
    }
    if !left.contains(wanted) {
        return Err(format!(
            "Total resources {wanted} required by task and its executor is more than available {left}"
        ));
    }
    Ok(())
}
