//! The table of launches, pure: what is known of each, and what the agent is still to be told.

use std::collections::{HashMap, VecDeque};

use insula_proto::insula::wasm::v1::{TaskState, Trace, Update};

use crate::protocol;
use crate::run::Stop;

/// All launches this executor holds.
///
/// A launch is held from its arrival until its end is acknowledged, and starts at most once in that
/// time. The latest state of each is kept for the next connection; `outbox` is what the present one
/// has not been told, each update with the trace of its launch.
pub(super) struct Tasks {
    held: HashMap<String, Held>,
    max: usize,
    live: usize,
    outbox: VecDeque<(Update, Option<Trace>)>,
}

struct Held {
    latest: Update,
    trace: Option<Trace>,
    stop: Stop,
}

impl Tasks {
    /// An empty table for at most `max` launches.
    pub(super) fn new(max: usize) -> Self {
        Self {
            held: HashMap::new(),
            max,
            live: 0,
            outbox: VecDeque::new(),
        }
    }

    /// Takes a launch in, if it is new and there is room; the caller starts it then. One that is
    /// held answers with its state. One that does not fit is refused and not remembered: it never
    /// started, so that forgetting it breaks no promise.
    pub(super) fn launch(&mut self, launch_id: &str, trace: Option<Trace>) -> Option<Stop> {
        if let Some(held) = self.held.get(launch_id) {
            self.outbox.push_back(held.told());
            return None;
        }
        if self.held.len() >= self.max {
            let message = format!(
                "the executor already holds {} launches, as many as it may; launch the task again later",
                self.max
            );
            self.outbox
                .push_back((protocol::refused(launch_id, message), trace));
            return None;
        }
        let held = Held {
            latest: protocol::queued(launch_id),
            trace,
            stop: Stop::default(),
        };
        let stop = held.stop.clone();
        self.held.insert(launch_id.to_owned(), held);
        self.live += 1;
        Some(stop)
    }

    /// Notes a launch's new state. What comes after a terminal state is not a state of that launch
    /// and is dropped.
    pub(super) fn report(&mut self, update: Update) {
        let Some(held) = self.held.get_mut(&update.launch_id) else {
            return;
        };
        if is_terminal(&held.latest) {
            return;
        }
        if is_terminal(&update) {
            self.live -= 1;
        }
        held.latest = update;
        self.outbox.push_back(held.told());
    }

    /// Stops a launch; one that has ended answers with its end, one that is not held with that, in
    /// the trace of the kill.
    pub(super) fn kill(&mut self, launch_id: &str, trace: Option<Trace>) {
        match self.held.get(launch_id) {
            Some(held) if is_terminal(&held.latest) => self.outbox.push_back(held.told()),
            Some(held) => held.stop.request(),
            None => self.outbox.push_back((protocol::unknown(launch_id), trace)),
        }
    }

    /// Stops every launch.
    pub(super) fn kill_all(&mut self) {
        for held in self.held.values() {
            held.stop.request();
        }
    }

    /// Forgets a launch that has ended.
    pub(super) fn acknowledge(&mut self, launch_id: &str) {
        if self
            .held
            .get(launch_id)
            .is_some_and(|held| is_terminal(&held.latest))
        {
            self.held.remove(launch_id);
        }
    }

    /// Begins a new connection: the latest state of every launch, in the order of their ids.
    pub(super) fn resync(&mut self) -> Vec<Update> {
        self.outbox.clear();
        let mut all: Vec<_> = self.held.values().map(|held| held.latest.clone()).collect();
        all.sort_unstable_by(|a, b| a.launch_id.cmp(&b.launch_id));
        all
    }

    /// The next thing the agent is to be told, and its trace.
    pub(super) fn next(&mut self) -> Option<(Update, Option<Trace>)> {
        self.outbox.pop_front()
    }

    /// How much the agent is still to be told.
    pub(super) fn untold(&self) -> usize {
        self.outbox.len()
    }

    /// Launches that have not ended.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// Whether no launch is held.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

impl Held {
    fn told(&self) -> (Update, Option<Trace>) {
        (self.latest.clone(), self.trace.clone())
    }
}

fn is_terminal(update: &Update) -> bool {
    match update.state() {
        TaskState::Finished | TaskState::Failed | TaskState::Killed => true,
        TaskState::Unspecified | TaskState::Queued | TaskState::Running => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use insula_proto::insula::wasm::v1::{Reason, TaskState, Trace, Update};

    use super::Tasks;
    use crate::protocol;
    use crate::run::{End, Ended};

    fn finished(launch_id: &str) -> Update {
        let ended = Ended::before_start(End::Exit(0), String::new());
        protocol::ended(launch_id, ended, Duration::ZERO)
    }

    fn states(tasks: &mut Tasks) -> Vec<TaskState> {
        std::iter::from_fn(|| tasks.next())
            .map(|(update, told)| {
                assert_eq!(told, trace(&update.launch_id));
                update.state()
            })
            .collect()
    }

    fn trace(launch_id: &str) -> Option<Trace> {
        Some(Trace {
            traceparent: launch_id.to_owned(),
            tracestate: String::new(),
        })
    }

    #[test]
    fn a_repeated_launch_answers_with_its_state_and_starts_nothing() {
        let mut tasks = Tasks::new(10);
        assert!(tasks.launch("a", trace("a")).is_some());
        assert!(tasks.launch("a", trace("a")).is_none());
        tasks.report(protocol::running("a"));
        assert!(tasks.launch("a", trace("a")).is_none());
        tasks.report(finished("a"));
        assert!(tasks.launch("a", trace("a")).is_none());
        use TaskState::{Finished, Queued, Running};
        assert_eq!(
            states(&mut tasks),
            [Queued, Running, Running, Finished, Finished]
        );
    }

    #[test]
    fn an_end_is_kept_until_it_is_acknowledged_and_never_changes() {
        let mut tasks = Tasks::new(10);
        tasks.launch("a", trace("a"));
        tasks.acknowledge("a");
        tasks.report(finished("a"));
        tasks.report(protocol::running("a"));
        assert_eq!(tasks.live(), 0);
        assert_eq!(
            tasks.resync().iter().map(Update::state).collect::<Vec<_>>(),
            [TaskState::Finished]
        );
        tasks.acknowledge("a");
        assert!(tasks.is_empty());
    }

    #[test]
    fn a_full_table_refuses_and_forgets() {
        let mut tasks = Tasks::new(1);
        tasks.launch("a", trace("a"));
        assert!(tasks.launch("b", trace("b")).is_none());
        let (refused, told) = tasks.next().unwrap();
        assert_eq!(told, trace("b"));
        assert_eq!(
            (refused.launch_id.as_str(), refused.reason()),
            ("b", Reason::StartFailed)
        );
        tasks.report(finished("a"));
        tasks.acknowledge("a");
        assert!(tasks.launch("b", trace("b")).is_some());
    }

    #[test]
    fn a_kill_stops_what_runs_and_answers_for_what_does_not() {
        let mut tasks = Tasks::new(10);
        let stop = tasks.launch("a", trace("a")).unwrap();
        tasks.kill("a", trace("a"));
        assert!(stop.requested());
        assert_eq!(tasks.untold(), 0);
        tasks.kill("b", trace("b"));
        let (unknown, told) = tasks.next().unwrap();
        assert_eq!(
            (unknown.reason(), told),
            (Reason::UnknownLaunch, trace("b"))
        );
        tasks.report(finished("a"));
        tasks.kill("a", trace("a"));
        assert_eq!(
            states(&mut tasks),
            [TaskState::Finished, TaskState::Finished]
        );
    }

    #[test]
    fn a_new_connection_is_told_each_state_once() {
        let mut tasks = Tasks::new(10);
        tasks.launch("b", trace("b"));
        tasks.launch("a", trace("a"));
        tasks.report(protocol::running("a"));
        let told: Vec<_> = tasks
            .resync()
            .into_iter()
            .map(|update| (update.launch_id.clone(), update.state()))
            .collect();
        assert_eq!(
            told,
            [
                ("a".to_owned(), TaskState::Running),
                ("b".to_owned(), TaskState::Queued)
            ]
        );
        assert_eq!(tasks.untold(), 0);
    }
}
