//! Agents that were silent for too long.

use insula_types::event::EventKind;
use insula_types::message::{ToAgent, ToFramework};
use insula_types::record::{AgentState, Record};
use insula_types::{LaunchId, Reason, Span, TaskState, Time};

use crate::Kernel;
use crate::allocator::AgentKey;
use crate::out::Out;
use crate::task::status::about;
use crate::work::Work;

/// Most agents that one step makes unreachable: every connected framework hears of each, and a
/// thousand frameworks times ten agents is what a step can emit without a noticeable pause.
const AGENTS_PER_STEP: usize = 10;

/// How much longer agents may be silent while so many are that the fault is rather ours (rule R24).
const MASS_DELAY: Span = Span::from_secs(300);

/// From so many silent agents on, and if they are more than one in five, the fault is rather ours.
const MASS_MIN: usize = 5;

/// How many agents were made unreachable lately.
#[derive(Debug, Default)]
pub(crate) struct LossPace {
    /// When the second began that is counted.
    second: Time,
    /// How many in it.
    lost: usize,
}

impl LossPace {
    const SECOND: Span = Span::from_secs(1);

    /// From when on another one may be.
    fn free_from(&self, most: usize) -> Time {
        if self.lost < most {
            self.second
        } else {
            self.second + Self::SECOND
        }
    }

    fn count(&mut self, now: Time) {
        if now >= self.second + Self::SECOND {
            *self = Self {
                second: now,
                lost: 0,
            };
        }
        self.lost += 1;
    }
}

impl Kernel {
    /// When somebody must look at the agents' silence next.
    pub(crate) fn next_silence_check(&self) -> Option<Time> {
        let (at, _) = self.agents.next_check()?;
        Some(at.max(self.loss_pace.free_from(self.config.unreachable_per_second)))
    }

    /// Looks at the agents whose time has come; at most some of them, the others at the next timer.
    pub(crate) fn check_silence(&mut self, out: &mut Out) {
        let mut mass = None;
        let mut lost = 0;
        for _ in 0..self.config.slice {
            if lost == AGENTS_PER_STEP || self.next_silence_check().is_none_or(|at| at > self.now) {
                return;
            }
            let Some((_, key)) = self.agents.next_check() else {
                return;
            };
            let due = self.silent_from(key);
            if self.now < due {
                self.agents.check_at(key, due);
                continue;
            }
            let latest = due + MASS_DELAY;
            let mass = *mass.get_or_insert_with(|| self.many_are_silent());
            if mass && self.now < latest {
                let soon = self.now + Span(self.config.unreachable_after.0 / 5);
                self.agents.check_at(key, soon.min(latest));
                continue;
            }
            self.loss_pace.count(self.now);
            self.make_unreachable(key, out);
            lost += 1;
        }
    }

    /// Whether more than a fifth, and at least [`MASS_MIN`], of the agents that should be there fell
    /// silent within one window of [`crate::Config::unreachable_after`]: what made them so is then
    /// rather an outage of ours. Those that were given up within that window count with the others,
    /// so that a fault that spreads over seconds is seen as one.
    fn many_are_silent(&self) -> bool {
        let window = self.config.unreachable_after;
        let patience = Span(window.0 / 5 * 4);
        let (mut known, mut silent) = (0, 0);
        for agent in self.agents.iter() {
            let is_silent = match agent.unreachable_since() {
                Some(since) if self.now.since(since) > window => continue,
                Some(_) => true,
                None => self.now.since(agent.heard) >= patience,
            };
            known += 1;
            silent += usize::from(is_silent);
        }
        silent >= MASS_MIN && silent * 5 > known
    }

    fn make_unreachable(&mut self, key: AgentKey, out: &mut Out) {
        self.agents.check_at(key, Time::NEVER);
        let since = self.now;
        let agent = self.agents.get_mut(key);
        if let Some(peer) = agent.peer() {
            let reason = "the agent was silent for too long".to_owned();
            out.tell_agent(peer, ToAgent::Disconnect { reason });
        }
        agent.connected = false;
        agent.session_is_over = true;
        agent.row.state = AgentState::Unreachable { since };
        out.persist(Record::Agent(Box::new(agent.row.clone())));
        let id = agent.row.agent.clone();
        self.refresh_agent(key, out);
        self.announce(EventKind::AgentUnreachable { agent: id.clone() }, out);
        for peer in self
            .frameworks
            .iter()
            .filter_map(|framework| framework.peer())
        {
            let failure = ToFramework::Failure {
                agent: id.clone(),
                executor: None,
                status: None,
            };
            out.tell_framework(peer, failure);
        }
        self.mark_tasks_unreachable(key, out);
    }

    /// Makes a slice of an unreachable agent's tasks unreachable; with the last of them its resources
    /// leave the cell.
    pub(crate) fn mark_tasks_unreachable(&mut self, key: AgentKey, out: &mut Out) {
        let Some(since) = self.agents.get(key).unreachable_since() else {
            return;
        };
        let some: Vec<LaunchId> = self.holding(key).take(self.config.slice).collect();
        for launch in &some {
            self.mark_unreachable(*launch, since, out);
        }
        if self.holding(key).next().is_some() {
            self.work.push(Work::MarkUnreachable { agent: key });
            return;
        }
        let agent = self.agents.get_mut(key);
        if std::mem::take(&mut agent.listed) {
            self.allocator.remove_agent(key);
        }
    }

    /// The agent's tasks that hold resources.
    pub(crate) fn holding(&self, key: AgentKey) -> impl Iterator<Item = LaunchId> + '_ {
        let tasks = self.agents.get(key).tasks.iter().copied();
        tasks.filter(|launch| {
            self.tasks
                .get(*launch)
                .is_some_and(|task| task.row.status.state.holds_resources())
        })
    }

    fn mark_unreachable(&mut self, launch: LaunchId, since: Time, out: &mut Out) {
        let Some(task) = self.tasks.get_mut(launch) else {
            return;
        };
        // An update that was not acknowledged in time comes again as news when the agent returns.
        task.row.last_uuid = None;
        let mut status = about(
            &task.row,
            TaskState::Unreachable,
            Reason::AgentRemoved,
            "Agent is unreachable",
            self.now,
        );
        status.unreachable_since = Some(since);
        self.set_status(launch, status, out);
        self.persist_task(launch, out);
        self.deliver(launch, out);
    }
}
