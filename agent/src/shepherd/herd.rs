//! All tasks that a shepherd keeps, and what may happen to them.
//!
//! It is driven: requests, ends of processes and the passing of time come in with the time as a value, and what the
//! agent must be told comes out of [`Herd::take_news`]. It waits for nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use insula_isolation::cgroup::{Parent, Usage};
use insula_isolation::process::{self, Exit, Identity, Reaped, Signal};
use insula_types::TraceContext;
use tokio::time::Instant;

use super::error::sentence;
use super::hold::Hold;
use super::journal::{Entry, Intention, Journal};
use super::protocol::{Event, Exited, StartFailed, StartSpec, Started, Status, TaskState};
use super::start;

/// Tasks that run or are not forgotten yet. A machine with more than this has other worries, and with it a welcome
/// stays below the longest line.
pub(super) const TASKS_MAX: usize = 8192;
/// Launch ids are far shorter; this only bounds what a confused agent can make the shepherd remember.
const ID_BYTES_MAX: usize = 256;
/// Sentences can name paths, which are as long as their maker likes.
const ERROR_BYTES_MAX: usize = 2048;
/// A killed process that does not end is waiting for a disk or a network that does not answer.
const KILL_AGAIN: Duration = Duration::from_secs(1);
/// The first wait for the rest of a tree; each next one is twice as long, up to the second.
const CLEAR_AGAIN: Duration = Duration::from_millis(1);
const CLEAR_AGAIN_MAX: Duration = Duration::from_millis(50);
/// After this the end is told although something of the task cannot be killed.
const CLEAR_MAX: Duration = Duration::from_secs(10);

pub(super) struct Herd {
    own: Identity,
    parent: Option<Parent>,
    journal: Journal,
    tasks: BTreeMap<String, Task>,
    by_pid: HashMap<u32, String>,
    /// When to look at a task again. An entry may be out of date: looking does no harm.
    due: BTreeSet<(Instant, String)>,
    news: Vec<Event>,
}

enum Task {
    /// Its main process runs.
    Running(Running),
    /// Its main process ended; the rest is being killed.
    Clearing(Clearing),
    /// Nothing of it is left.
    Ended(TaskState),
}

struct Running {
    intention: Intention,
    started: Started,
    hold: Hold,
    kill_at: Option<Instant>,
}

struct Clearing {
    running: Running,
    end: Reaped,
    since: Instant,
    wait: Duration,
}

impl Herd {
    /// A herd of tasks that have all ended.
    pub(super) fn new(
        own: Identity,
        parent: Option<Parent>,
        journal: Journal,
        ended: Vec<TaskState>,
    ) -> Herd {
        let tasks = ended
            .into_iter()
            .map(|state| (state.id().to_owned(), Task::Ended(state)));
        Herd {
            own,
            parent,
            journal,
            tasks: tasks.collect(),
            by_pid: HashMap::new(),
            due: BTreeSet::new(),
            news: Vec::new(),
        }
    }

    /// Every task's state.
    pub(super) fn states(&self) -> Vec<TaskState> {
        self.tasks.values().map(Task::state).collect()
    }

    /// Whether nothing runs.
    pub(super) fn is_quiet(&self) -> bool {
        self.tasks
            .values()
            .all(|task| matches!(task, Task::Ended(_)))
    }

    /// What happened since the last call.
    pub(super) fn take_news(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.news)
    }

    /// When [`Herd::on_time`] must be called.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Gives the parent group back, at the end.
    pub(super) fn into_parent(self) -> Option<Parent> {
        self.parent
    }

    /// Starts a task, unless its id is known.
    pub(super) fn start(&mut self, spec: &StartSpec) {
        if let Some(task) = self.tasks.get(&spec.id) {
            self.news.push(Event::Task(task.state()));
            return;
        }
        if let Err(error) = self.admit(spec) {
            // Nothing was done and nothing is remembered, so asking again is not starting twice.
            self.news.push(Event::Task(failed(spec, error)));
            return;
        }
        let intention = self.intention(spec);
        if let Err(error) = self.journal.starting(&spec.id, &intention) {
            let error = format!("the shepherd cannot write its log: {error}");
            self.news.push(Event::Task(failed(spec, error)));
            return;
        }
        match start::start(spec, &intention, self.parent.as_ref()) {
            Ok(start::Running { process, hold }) => {
                let started = Started {
                    id: spec.id.clone(),
                    kind: spec.kind,
                    process,
                    at_us: now_us(),
                    trace: spec.trace.clone(),
                };
                self.by_pid.insert(started.process.pid, spec.id.clone());
                self.tell(TaskState::Started(started.clone()));
                let running = Running {
                    intention,
                    started,
                    hold,
                    kill_at: None,
                };
                self.tasks.insert(spec.id.clone(), Task::Running(running));
            }
            Err(error) => self.end(failed(spec, error)),
        }
    }

    fn admit(&self, spec: &StartSpec) -> Result<(), String> {
        if self.tasks.len() >= TASKS_MAX {
            return Err(format!("the shepherd already keeps {TASKS_MAX} tasks"));
        }
        if spec.id.is_empty() || spec.id.len() > ID_BYTES_MAX {
            return Err(format!("the launch id must have 1 to {ID_BYTES_MAX} bytes"));
        }
        Ok(())
    }

    /// The mark names the shepherd too: two agents of one machine may have the same launch ids.
    fn intention(&self, spec: &StartSpec) -> Intention {
        let mark = || {
            format!(
                "INSULA_TREE={}-{}-{}",
                self.own.pid, self.own.start_time, spec.id
            )
        };
        let variable = self.parent.is_none().then(mark);
        Intention {
            kind: spec.kind,
            cgroup: spec.cgroup.clone(),
            variable,
            trace: spec.trace.clone(),
        }
    }

    /// Ends a task: politely first if there is a grace. `trace` is that of the request.
    pub(super) fn kill(&mut self, id: &str, grace: Duration, now: Instant, trace: TraceContext) {
        match self.tasks.get_mut(id) {
            None => self.news.push(Event::Unknown {
                id: id.to_owned(),
                trace,
            }),
            Some(Task::Ended(state)) => self.news.push(Event::Task(state.clone())),
            // All of it is being killed already; the end follows.
            Some(Task::Clearing(_)) => {}
            Some(Task::Running(running)) => {
                if running.kill_at.is_none() && !grace.is_zero() {
                    terminate(&running.started);
                }
                let at = running
                    .kill_at
                    .map_or(now + grace, |at| at.min(now + grace));
                running.kill_at = Some(at);
                self.due.insert((at, id.to_owned()));
                self.on_time(now);
            }
        }
    }

    /// [`Herd::kill`] for everything that runs.
    pub(super) fn kill_all(&mut self, grace: Duration, now: Instant) {
        let running = self
            .tasks
            .iter()
            .filter(|(_, task)| matches!(task, Task::Running(_)));
        let ids: Vec<String> = running.map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.kill(&id, grace, now, TraceContext::default());
        }
    }

    /// Drops the memory of a task that ended.
    pub(super) fn forget(&mut self, id: &str) {
        if !matches!(self.tasks.get(id), Some(Task::Ended(_))) {
            return;
        }
        self.tasks.remove(id);
        let logged = if self.tasks.is_empty() {
            self.journal.clear()
        } else {
            self.journal.forgotten(id)
        };
        warn_unless_logged(&logged);
    }

    /// A child ended, or an orphan that came to this process.
    pub(super) fn reaped(&mut self, end: Reaped, now: Instant) {
        let Some(id) = self.by_pid.remove(&end.pid) else {
            return;
        };
        match self.tasks.remove(&id) {
            Some(Task::Running(running)) => {
                let clearing = Clearing {
                    running,
                    end,
                    since: now,
                    wait: CLEAR_AGAIN,
                };
                self.clear(id, clearing, now);
            }
            Some(other) => {
                self.tasks.insert(id, other);
            }
            None => {}
        }
    }

    /// Does what has become due.
    pub(super) fn on_time(&mut self, now: Instant) {
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, id)) = self.due.pop_first() else {
                return;
            };
            match self.tasks.remove(&id) {
                Some(Task::Running(running)) => {
                    if running.kill_at.is_some_and(|at| at <= now) {
                        running.hold.kill();
                        self.due.insert((now + KILL_AGAIN, id.clone()));
                    }
                    self.tasks.insert(id, Task::Running(running));
                }
                Some(Task::Clearing(clearing)) => self.clear(id, clearing, now),
                Some(Task::Ended(state)) => {
                    self.tasks.insert(id, Task::Ended(state));
                }
                None => {}
            }
        }
    }

    /// One round of killing the rest of a task; the end, or another round later.
    fn clear(&mut self, id: String, mut clearing: Clearing, now: Instant) {
        match clearing.running.hold.clear() {
            Some(usage) => self.end(exited(clearing, usage)),
            None if now.duration_since(clearing.since) >= CLEAR_MAX => {
                tracing::warn!(
                    id,
                    trace_id = clearing.running.started.trace.trace_id_text(),
                    "something of a task cannot be killed; it is told as ended"
                );
                self.end(exited(clearing, Usage::default()));
            }
            None => {
                self.due.insert((now + clearing.wait, id.clone()));
                clearing.wait = (clearing.wait * 2).min(CLEAR_AGAIN_MAX);
                self.tasks.insert(id, Task::Clearing(clearing));
            }
        }
    }

    fn end(&mut self, state: TaskState) {
        self.tasks
            .insert(state.id().to_owned(), Task::Ended(state.clone()));
        self.tell(state);
    }

    /// Logs a state, then tells it. An end that cannot be logged is told nevertheless: it is in memory, and the worst
    /// is that it becomes "lost" if the shepherd dies too.
    fn tell(&mut self, state: TaskState) {
        warn_unless_logged(&self.journal.state(&state));
        self.news.push(Event::Task(state));
        if self.journal.is_overgrown() {
            let tasks = self
                .tasks
                .iter()
                .map(|(id, task)| (id.clone(), task.entry()));
            warn_unless_logged(&self.journal.compact(tasks));
        }
    }
}

impl Task {
    fn state(&self) -> TaskState {
        match self {
            Task::Running(running) | Task::Clearing(Clearing { running, .. }) => {
                TaskState::Started(running.started.clone())
            }
            Task::Ended(state) => state.clone(),
        }
    }

    fn entry(&self) -> Entry {
        let intention = match self {
            Task::Running(running) | Task::Clearing(Clearing { running, .. }) => {
                Some(running.intention.clone())
            }
            Task::Ended(_) => None,
        };
        Entry {
            intention,
            state: Some(self.state()),
        }
    }
}

/// To the process group: a shell's children are asked too, but not a daemon that left it on purpose; whatever stays
/// is killed when the main process has ended.
fn terminate(started: &Started) {
    if let Err(error) = process::signal_group(started.process.pid, Signal::Term) {
        tracing::warn!(
            id = started.id,
            trace_id = started.trace.trace_id_text(),
            error = sentence(&error),
            "SIGTERM was not sent"
        );
    }
}

fn exited(clearing: Clearing, usage: Usage) -> TaskState {
    let Clearing {
        running: Running { started, .. },
        end,
        ..
    } = clearing;
    TaskState::Exited(Exited {
        id: started.id,
        kind: started.kind,
        status: match end.exit {
            Exit::Code(code) => Status::Code(code),
            Exit::Signal(signal) => Status::Signal(signal),
        },
        oom_killed: usage.oom_kills > 0,
        pids_limit_hit: usage.pids_refusals > 0,
        cpu_us: usage.cpu_us.unwrap_or(end.cpu_us),
        memory_peak_bytes: usage.memory_peak_bytes.unwrap_or(end.memory_peak_bytes),
        at_us: now_us(),
        trace: started.trace,
    })
}

fn failed(spec: &StartSpec, mut error: String) -> TaskState {
    error.truncate(error.floor_char_boundary(ERROR_BYTES_MAX));
    let id = spec.id.chars().take(ID_BYTES_MAX).collect();
    TaskState::StartFailed(StartFailed {
        id,
        kind: spec.kind,
        error,
        trace: spec.trace.clone(),
    })
}

/// Microseconds since 1970; 0 on a machine whose clock stands before.
pub(super) fn now_us() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn warn_unless_logged(outcome: &io::Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "the log was not written");
    }
}
