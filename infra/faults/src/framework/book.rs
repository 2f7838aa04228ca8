//! What a framework knows, and the log of how it came to know it.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Wanted, micros};
use crate::history::{Answer, Entry, Seen, State};

/// Tasks shown when a test fails.
const SHOWN: usize = 16;

/// Offers kept; more than this framework can use at once.
const OFFERS_MAX: usize = 64;

/// An offer in hand.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) id: String,
    pub(super) agent: String,
    /// In thousandths of a core.
    pub(super) cpu_millis: u64,
}

/// Who one is on a stream of events.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) framework: String,
    pub(super) stream: String,
}

/// A task that was launched, or may have been.
#[derive(Debug, Clone)]
struct Task {
    agent: String,
    endless: bool,
    sent_us: u64,
    heard_us: u64,
    running_us: Option<u64>,
    state: Option<State>,
    /// The updates that are to be acknowledged.
    unacknowledged: Vec<String>,
    /// Whether nothing more can be heard of it.
    is_settled: bool,
}

#[derive(Debug)]
pub(super) struct Book {
    name: String,
    began: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: Option<String>,
    session: Option<Session>,
    offers: VecDeque<Offer>,
    /// One of a session that is over, to be used all the same.
    stale: Option<Offer>,
    tasks: BTreeMap<String, Task>,
    numbered: u64,
    entries: Vec<Entry>,
    log: File,
}

impl Book {
    pub(super) fn new(wanted: &Wanted) -> Self {
        let path = wanted
            .starts
            .with_file_name(format!("{}.jsonl", wanted.name));
        let log = File::options().create(true).append(true).open(&path);
        let log = log.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        Self {
            name: wanted.name.clone(),
            began: wanted.began,
            inner: Mutex::new(Inner {
                id: None,
                session: None,
                offers: VecDeque::new(),
                stale: None,
                tasks: BTreeMap::new(),
                numbered: 0,
                entries: Vec::new(),
                log,
            }),
        }
    }

    /// Nothing panics while it holds the lock, so it is whole even after a panic elsewhere.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now_us(&self) -> u64 {
        micros(self.began.elapsed())
    }

    /// Writes down what was seen, and draws the conclusions.
    pub(super) fn note(&self, what: Seen) {
        let at_us = self.now_us();
        let mut inner = self.lock();
        inner.conclude(&what, at_us);
        let entry = Entry {
            at_us,
            framework: self.name.clone(),
            what,
        };
        if let Ok(line) = serde_json::to_string(&entry) {
            // The log is for people; what is judged is kept in memory.
            let _ = writeln!(inner.log, "{line}");
        }
        inner.entries.push(entry);
    }

    pub(super) fn open_session(&self, session: Session) {
        let id = session.framework.clone();
        {
            let mut inner = self.lock();
            inner.id = Some(id.clone());
            inner.session = Some(session);
        }
        self.note(Seen::Subscribed { id });
    }

    pub(super) fn close_session(&self, why: String) {
        {
            let mut inner = self.lock();
            inner.session = None;
            inner.stale = inner.offers.pop_back();
            inner.offers.clear();
        }
        self.note(Seen::StreamEnded { why });
    }

    pub(super) fn session(&self) -> Option<Session> {
        self.lock().session.clone()
    }

    pub(super) fn id(&self) -> Option<String> {
        self.lock().id.clone()
    }

    pub(super) fn offered(&self, offer: Offer) {
        let seen = Seen::Offered {
            offer: offer.id.clone(),
            agent: offer.agent.clone(),
        };
        {
            let mut inner = self.lock();
            inner.offers.push_back(offer);
            if inner.offers.len() > OFFERS_MAX {
                inner.offers.pop_front();
            }
        }
        self.note(seen);
    }

    /// The oldest offer in hand, which is no longer in hand then.
    pub(super) fn take_offer(&self) -> Option<Offer> {
        self.lock().offers.pop_front()
    }

    pub(super) fn take_stale(&self) -> Option<Offer> {
        self.lock().stale.take()
    }

    /// Names for new tasks, which are used once.
    pub(super) fn names(&self, count: usize) -> Vec<String> {
        let mut inner = self.lock();
        let first = inner.numbered + 1;
        inner.numbered += u64::try_from(count).unwrap_or(0);
        let numbers = first..=inner.numbered;
        numbers
            .map(|number| format!("{}-{number}", self.name))
            .collect()
    }

    /// Notes that a launch is about to be sent, so that an update which overtakes the answer finds
    /// its task.
    pub(super) fn launching(&self, agent: &str, tasks: &[String], endless: bool) {
        let sent_us = self.now_us();
        let mut inner = self.lock();
        for id in tasks {
            let task = Task {
                agent: agent.to_owned(),
                endless,
                sent_us,
                heard_us: sent_us,
                running_us: None,
                state: None,
                unacknowledged: Vec::new(),
                is_settled: false,
            };
            inner.tasks.insert(id.clone(), task);
        }
    }

    /// Endless tasks that run or may come to run.
    pub(super) fn endless(&self) -> Vec<String> {
        let inner = self.lock();
        let alive = inner
            .tasks
            .iter()
            .filter(|(_, task)| task.endless && !task.is_gone());
        alive.map(|(id, _)| id.clone()).collect()
    }

    /// Tasks that are open and have not been heard of since, with their agents.
    pub(super) fn silent_since(&self, since_us: u64) -> Vec<(String, String)> {
        let inner = self.lock();
        let silent = inner
            .tasks
            .iter()
            .filter(|(_, task)| !task.is_gone() && task.heard_us <= since_us);
        silent
            .map(|(id, task)| (id.clone(), task.agent.clone()))
            .collect()
    }

    /// Where a task was launched.
    pub(super) fn agent_of(&self, task: &str) -> Option<String> {
        let inner = self.lock();
        inner.tasks.get(task).map(|task| task.agent.clone())
    }

    /// Tasks whose end is not known or not acknowledged.
    pub(super) fn open(&self) -> Vec<String> {
        let inner = self.lock();
        let open = inner
            .tasks
            .iter()
            .filter(|(_, task)| !task.is_gone() || !task.unacknowledged.is_empty());
        open.map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn endless_running(&self) -> usize {
        let inner = self.lock();
        inner
            .tasks
            .values()
            .filter(|task| task.endless && task.is_running())
            .count()
    }

    pub(super) fn finished(&self) -> usize {
        let inner = self.lock();
        let finished = |task: &&Task| task.state.as_ref().is_some_and(State::is_finished);
        inner.tasks.values().filter(finished).count()
    }

    pub(super) fn state(&self, task: &str) -> Option<State> {
        self.lock().tasks.get(task)?.state.clone()
    }

    pub(super) fn subscriptions(&self) -> usize {
        let inner = self.lock();
        let subscribed = |entry: &&Entry| matches!(entry.what, Seen::Subscribed { .. });
        inner.entries.iter().filter(subscribed).count()
    }

    pub(super) fn first_running_of_those_launched_after(&self, since_us: u64) -> Option<u64> {
        let inner = self.lock();
        let later = inner.tasks.values().filter(|task| task.sent_us >= since_us);
        later.filter_map(|task| task.running_us).min()
    }

    pub(super) fn latencies(&self, span: Range<u64>) -> Vec<Duration> {
        let inner = self.lock();
        let tasks = inner
            .tasks
            .values()
            .filter(|task| !task.endless && span.contains(&task.sent_us));
        let micros = tasks.filter_map(|task| Some(task.running_us? - task.sent_us));
        micros.map(Duration::from_micros).collect()
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// Tells a failed test what is left undone.
    #[allow(
        clippy::print_stderr,
        reason = "a failed test is told what was left undone"
    )]
    pub(super) fn complain(&self) {
        let inner = self.lock();
        let open = inner
            .tasks
            .iter()
            .filter(|(_, task)| !task.is_gone() || !task.unacknowledged.is_empty());
        for (id, task) in open.take(SHOWN) {
            eprintln!("framework {}: {id} is open: {task:?}", self.name);
        }
        for entry in inner.entries.iter().rev().take(SHOWN / 4) {
            eprintln!("framework {}: {entry:?}", self.name);
        }
    }
}

impl Task {
    fn is_gone(&self) -> bool {
        self.is_settled || self.state.as_ref().is_some_and(State::is_gone)
    }

    fn is_running(&self) -> bool {
        !self.is_gone() && self.state.as_ref().is_some_and(State::is_running)
    }
}

impl Inner {
    fn conclude(&mut self, what: &Seen, at_us: u64) {
        match what {
            Seen::Rescinded { offer } => self.offers.retain(|held| held.id != *offer),
            Seen::Accepted { tasks, answer, .. } if answer.is_refusal() => {
                for task in tasks {
                    self.settle(task);
                }
            }
            Seen::Updated {
                task, state, uuid, ..
            } => {
                let Some(task) = self.tasks.get_mut(task) else {
                    return;
                };
                task.heard_us = at_us;
                // An answer to a question that was asked before the end was known.
                let is_late = task.is_gone() && !state.is_over();
                if !is_late {
                    task.state = Some(state.clone());
                }
                if state.is_running() {
                    task.running_us.get_or_insert(at_us);
                }
                if let Some(uuid) = uuid
                    && !task.unacknowledged.contains(uuid)
                {
                    task.unacknowledged.push(uuid.clone());
                }
            }
            Seen::Acknowledged {
                task,
                uuid,
                answer: Answer::Taken,
            } => {
                if let Some(task) = self.tasks.get_mut(task) {
                    task.unacknowledged.retain(|open| open != uuid);
                }
            }
            Seen::Accepted { .. }
            | Seen::Acknowledged { .. }
            | Seen::Killed { .. }
            | Seen::Offered { .. }
            | Seen::Reconciled { .. }
            | Seen::StreamEnded { .. }
            | Seen::Subscribed { .. } => {}
        }
    }

    fn settle(&mut self, task: &str) {
        if let Some(task) = self.tasks.get_mut(task) {
            task.is_settled = true;
        }
    }
}
