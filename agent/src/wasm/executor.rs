//! The executor of one framework, as the agent knows it: what it was given and what it said.

use std::collections::{BTreeMap, BTreeSet};

use insula_agent_core::{Absence, Input};
use insula_proto::insula::wasm::v1;
use insula_proto::insula::wasm::v1::event::Event;
use insula_types::{FrameworkKey, LaunchId, TraceContext};
use tokio::time::Instant;

use super::job::Job;
use super::link::{Link, LinkId};
use super::{Left, report, spans};

/// Processes in a row that may end without ever connecting. Then something is wrong with this
/// machine, and what waits is told so.
const FAILURES_MAX: u32 = 3;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Executor {
    /// The id of its process, from the moment that it is asked for until it ends.
    pub(super) process: Option<String>,
    /// While it is connected and accepted.
    link: Option<(LinkId, Link)>,
    /// By when it is to connect, while it is not.
    pub(super) expected_by: Option<Instant>,
    /// Launches that it has named in a subscription that is not complete yet.
    named: BTreeSet<LaunchId>,
    /// Launches that no process was given yet.
    waiting: Vec<Job>,
    given: BTreeMap<LaunchId, Given>,
    /// Processes that ended unconnected since one was connected.
    failures: u32,
    /// Since when it has nothing to do.
    idle_since: Option<Instant>,
}

/// A launch that the process was given.
#[derive(Debug)]
struct Given {
    /// To be given once more if it did not arrive; nothing once the process has spoken of it.
    job: Option<Job>,
    killed: bool,
    framework: FrameworkKey,
    trace: TraceContext,
    /// Whether the spans of its guest were made.
    is_told: bool,
}

impl Given {
    const fn new(job: Option<Job>, framework: FrameworkKey, trace: TraceContext) -> Self {
        Self {
            job,
            killed: false,
            framework,
            trace,
            is_told: false,
        }
    }
}

impl Executor {
    /// Gives it a launch, or keeps that until it is connected.
    pub(super) fn place(&mut self, job: Job) {
        self.idle_since = None;
        match &self.link {
            Some((_, link)) => {
                link.send(Event::Launch(job.order.clone()), &job.trace);
                let (framework, trace) = (job.framework.clone(), job.trace.clone());
                let launch = job.launch;
                self.given
                    .insert(launch, Given::new(Some(job), framework, trace));
            }
            None => self.waiting.push(job),
        }
    }

    /// Takes over a launch of an earlier agent, which this executor may have.
    pub(super) fn adopt(&mut self, left: Left) {
        self.given
            .entry(left.launch)
            .or_insert_with(|| Given::new(None, left.framework, left.trace));
    }

    pub(super) const fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    pub(super) const fn needs_process(&self) -> bool {
        self.process.is_none() && !self.waiting.is_empty()
    }

    /// The trace of the launch that waits for a process.
    pub(super) fn cause(&self) -> TraceContext {
        let first = self.waiting.first();
        first.map(|job| job.trace.clone()).unwrap_or_default()
    }

    pub(super) fn kill(&mut self, launch: LaunchId, trace: &TraceContext) -> Option<Input> {
        if let Some(index) = self.waiting.iter().position(|job| job.launch == launch) {
            self.waiting.remove(index);
            return Some(withdrawn(launch));
        }
        if let Some(given) = self.given.get_mut(&launch) {
            given.killed = true;
        }
        self.send(kill(launch), trace);
        None
    }

    pub(super) fn forget(&mut self, launch: LaunchId, trace: &TraceContext) {
        self.given.remove(&launch);
        let acknowledge = v1::Acknowledge {
            launch_id: launch.to_string(),
        };
        self.send(Event::Acknowledge(acknowledge), trace);
    }

    /// A process begins to subscribe, or goes on with it; `trace` is that of its call.
    ///
    /// The answer is what the core learns from it. When the subscription is complete, launches that
    /// did not arrive are given again, and those that it lost are absent.
    pub(super) fn subscribe(
        &mut self,
        link: LinkId,
        sender: &Link,
        trace: &TraceContext,
        tasks: Vec<v1::Update>,
        more: bool,
    ) -> Vec<Input> {
        if self
            .link
            .as_ref()
            .is_none_or(|(current, _)| *current != link)
        {
            self.link = None;
        }
        let mut inputs = self.updates(tasks);
        if more {
            return inputs;
        }
        sender.send(Event::Subscribed(v1::Subscribed {}), trace);
        self.link = Some((link, sender.clone()));
        (self.failures, self.expected_by) = (0, None);
        let named = std::mem::take(&mut self.named);
        let lost: Vec<LaunchId> = self
            .given
            .keys()
            .copied()
            .filter(|launch| !named.contains(launch))
            .collect();
        for launch in lost {
            if let Some(Given { job: Some(job), .. }) = self.given.get(&launch) {
                sender.send(Event::Launch(job.order.clone()), &job.trace);
            } else {
                self.given.remove(&launch);
                inputs.push(Input::Absent {
                    launch,
                    absence: Absence::ExecutorEnded,
                });
            }
        }
        for (launch, given) in self.given.iter().filter(|(_, given)| given.killed) {
            sender.send(kill(*launch), &given.trace);
        }
        for job in std::mem::take(&mut self.waiting) {
            self.place(job);
        }
        inputs
    }

    /// What the core learns from updates.
    pub(super) fn updates(&mut self, updates: Vec<v1::Update>) -> Vec<Input> {
        updates
            .into_iter()
            .filter_map(|update| self.update(update))
            .collect()
    }

    fn update(&mut self, update: v1::Update) -> Option<Input> {
        let launch: LaunchId = update.launch_id.parse().ok()?;
        self.named.insert(launch);
        if let Some(given) = self.given.get_mut(&launch) {
            given.job = None;
            if !given.is_told {
                given.is_told = spans::of_guest(&update, &given.framework, &given.trace);
            }
        }
        report::input(launch, update)
    }

    /// The connection ended; the process goes on and will connect again.
    pub(super) fn disconnected(&mut self, link: LinkId, expected_by: Instant) {
        if self
            .link
            .as_ref()
            .is_some_and(|(current, _)| *current == link)
        {
            self.link = None;
            self.named.clear();
            self.expected_by = Some(expected_by);
        }
    }

    /// The process ended, with all that it ran. What waits for a process waits for the next one,
    /// unless processes end again and again.
    pub(super) fn ended(&mut self, sentence: &str) -> Vec<Input> {
        let was_connected = self.link.take().is_some();
        self.process = None;
        self.expected_by = None;
        self.named.clear();
        let absence = Absence::ExecutorEnded;
        let given = std::mem::take(&mut self.given);
        let mut inputs: Vec<Input> = given
            .into_keys()
            .map(|launch| Input::Absent { launch, absence })
            .collect();
        self.failures = if was_connected { 0 } else { self.failures + 1 };
        if self.failures >= FAILURES_MAX {
            self.failures = 0;
            let failed = |job: Job| Input::StartFailed {
                launch: job.launch,
                sentence: format!("the wasm executor cannot be started: {sentence}"),
            };
            inputs.extend(std::mem::take(&mut self.waiting).into_iter().map(failed));
        }
        inputs
    }

    /// Sends the process home if it is connected and has had nothing to do since `before`.
    pub(super) fn dismiss_if_idle(&mut self, now: Instant, before: Instant, trace: &TraceContext) {
        if !self.given.is_empty() || !self.waiting.is_empty() || !self.is_connected() {
            self.idle_since = None;
            return;
        }
        if *self.idle_since.get_or_insert(now) <= before {
            self.send(Event::Shutdown(v1::Shutdown {}), trace);
            self.idle_since = None;
        }
    }

    /// Whether nothing is known of it that matters.
    pub(super) fn is_nothing(&self) -> bool {
        self.process.is_none() && self.given.is_empty() && self.waiting.is_empty()
    }

    fn send(&self, event: Event, trace: &TraceContext) {
        if let Some((_, link)) = &self.link {
            link.send(event, trace);
        }
    }
}

fn kill(launch: LaunchId) -> Event {
    Event::Kill(v1::Kill {
        launch_id: launch.to_string(),
    })
}

/// A launch was killed before any executor was given it.
pub(super) fn withdrawn(launch: LaunchId) -> Input {
    Input::StartFailed {
        launch,
        sentence: "the launch was withdrawn".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::link::recorded;
    use super::*;
    use insula_types::Epoch;
    use std::time::Duration;

    fn launch(number: u64) -> LaunchId {
        LaunchId {
            epoch: Epoch(1),
            number,
        }
    }

    fn trace(number: u64) -> TraceContext {
        TraceContext::start(7, number, true)
    }

    fn left(number: u64) -> Left {
        let Job {
            launch,
            framework,
            trace,
            ..
        } = job(number);
        Left {
            launch,
            framework,
            trace,
        }
    }

    fn job(number: u64) -> Job {
        let order = v1::Launch {
            launch_id: launch(number).to_string(),
            ..v1::Launch::default()
        };
        Job {
            launch: launch(number),
            framework: FrameworkKey {
                tenant: "t".into(),
                framework: "f".into(),
            },
            trace: trace(number),
            digest: String::new(),
            order,
        }
    }

    fn update(number: u64, state: v1::TaskState) -> v1::Update {
        v1::Update {
            launch_id: launch(number).to_string(),
            state: state.into(),
            ..v1::Update::default()
        }
    }

    /// What the executor is told, shortly.
    fn told(events: &mut tokio::sync::mpsc::UnboundedReceiver<v1::Event>) -> Vec<String> {
        let mut told = Vec::new();
        while let Ok(event) = events.try_recv() {
            told.push(match event.event {
                Some(Event::Subscribed(_)) => "subscribed".to_owned(),
                Some(Event::Launch(launch)) => format!("launch {}", launch.launch_id),
                Some(Event::Kill(kill)) => format!("kill {}", kill.launch_id),
                Some(Event::Acknowledge(forget)) => format!("forget {}", forget.launch_id),
                Some(Event::Shutdown(_)) => "shutdown".to_owned(),
                None => "nothing".to_owned(),
            });
        }
        told
    }

    #[test]
    fn what_waits_is_given_when_the_process_connects() {
        let mut executor = Executor::default();
        executor.place(job(1));
        executor.place(job(2));
        assert!(executor.needs_process());
        assert!(matches!(
            executor.kill(launch(2), &trace(2)),
            Some(Input::StartFailed { .. })
        ));
        let (link, mut events) = recorded();
        assert!(
            executor
                .subscribe(LinkId(1), &link, &trace(0), Vec::new(), false)
                .is_empty()
        );
        assert_eq!(told(&mut events), ["subscribed", "launch 1.1"]);
    }

    #[test]
    fn a_launch_that_did_not_arrive_is_given_again_and_one_that_was_lost_is_absent() {
        let mut executor = Executor::default();
        let (link, mut events) = recorded();
        executor.subscribe(LinkId(1), &link, &trace(0), Vec::new(), false);
        executor.place(job(1));
        executor.place(job(2));
        executor.place(job(3));
        executor.updates(vec![update(2, v1::TaskState::Running)]);
        executor.kill(launch(3), &trace(3));
        executor.disconnected(LinkId(1), Instant::now());
        told(&mut events);

        let (again, mut events) = recorded();
        let inputs = executor.subscribe(LinkId(2), &again, &trace(0), Vec::new(), false);
        let absence = Absence::ExecutorEnded;
        assert_eq!(
            inputs,
            [Input::Absent {
                launch: launch(2),
                absence
            }]
        );
        assert_eq!(
            told(&mut events),
            ["subscribed", "launch 1.1", "launch 1.3", "kill 1.3"]
        );
    }

    #[test]
    fn a_launch_of_an_earlier_agent_is_found_in_a_subscription_of_several_parts() {
        let mut executor = Executor::default();
        executor.adopt(left(1));
        executor.adopt(left(2));
        let (link, mut events) = recorded();
        let running = |number| vec![update(number, v1::TaskState::Running)];
        let first = executor.subscribe(LinkId(1), &link, &trace(0), running(1), true);
        assert_eq!(
            first,
            [Input::Started {
                launch: launch(1),
                at: None
            }]
        );
        assert!(told(&mut events).is_empty(), "nothing before the last part");
        let last = executor.subscribe(LinkId(1), &link, &trace(0), running(2), false);
        assert_eq!(
            last,
            [Input::Started {
                launch: launch(2),
                at: None
            }]
        );
        assert_eq!(told(&mut events), ["subscribed"]);
    }

    #[test]
    fn processes_that_never_connect_are_given_up() {
        let mut executor = Executor::default();
        executor.place(job(1));
        for _ in 1..FAILURES_MAX {
            assert!(executor.ended("it exited").is_empty());
            assert!(executor.needs_process());
        }
        let inputs = executor.ended("it exited");
        assert!(
            matches!(&inputs[..], [Input::StartFailed { sentence, .. }] if sentence.contains("it exited"))
        );
        assert!(executor.is_nothing());
    }

    #[test]
    fn an_idle_process_is_sent_home() {
        let mut executor = Executor::default();
        let (link, mut events) = recorded();
        executor.subscribe(LinkId(1), &link, &trace(0), Vec::new(), false);
        executor.place(job(1));
        let start = Instant::now();
        let idle = Duration::from_secs(10);
        executor.dismiss_if_idle(start, start, &trace(0));
        executor.updates(vec![update(1, v1::TaskState::Finished)]);
        executor.forget(launch(1), &trace(1));
        told(&mut events);
        executor.dismiss_if_idle(start + idle, start, &trace(0));
        assert!(told(&mut events).is_empty(), "it has only just become idle");
        executor.dismiss_if_idle(start + 2 * idle, start + idle, &trace(0));
        assert_eq!(told(&mut events), ["shutdown"]);
    }
}
