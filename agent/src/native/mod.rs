//! Native tasks: from descriptions to the shepherd's words, and back.

mod report;
mod spec;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use insula_agent_core::{Absence, Input};
use insula_types::message::Launch;
use insula_types::{LaunchId, Span, TraceContext};

use insula_isolation::process;
use tokio::time::{Instant, sleep, sleep_until};

use crate::shepherd::{Client, Error, Event, Request, StartSpec, Stdin, TaskState, Welcome};
use crate::task::{Sandbox, Stdins, description, unsupported};
use crate::work_dir::WorkDir;

pub(crate) use spec::{bytes_of_mebibytes, group_name};

/// A shepherd that cannot be had is not asked for more often than this.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// A shepherd that was told to go kills all it keeps and then goes.
const GONE_WITHIN: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The agent's native tasks, as the shepherd keeps them.
///
/// What was asked of the shepherd and not answered yet is kept here and asked again on every new
/// connection, so the driver may forget it once it is asked.
#[derive(Debug)]
pub(crate) struct Native {
    client: Client,
    dir: WorkDir,
    stdins: Stdins,
    starting: BTreeMap<String, StartSpec>,
    killing: BTreeMap<String, (u64, TraceContext)>,
    /// Processes that the shepherd should have: it said so, or an earlier agent did.
    expected: BTreeSet<String>,
    /// The shepherd of the latest connection.
    shepherd: Option<process::Identity>,
    /// After an error, when to try again.
    quiet_until: Option<Instant>,
}

/// What the shepherd said.
#[derive(Debug)]
pub(crate) enum News {
    /// A new connection; every task that the shepherd has is in it.
    Welcome(Box<Welcome>),
    /// One process changed.
    Changed(TaskState),
}

impl Native {
    pub(crate) fn new(client: Client, dir: WorkDir, stdins: Stdins) -> Self {
        Self {
            client,
            dir,
            stdins,
            starting: BTreeMap::new(),
            killing: BTreeMap::new(),
            expected: BTreeSet::new(),
            shepherd: None,
            quiet_until: None,
        }
    }

    /// The next news. Cancelling it loses nothing.
    ///
    /// # Errors
    /// If no shepherd can be had; calling again tries again, after a while.
    pub(crate) async fn next(&mut self) -> Result<News, Error> {
        if let Some(until) = self.quiet_until {
            sleep_until(until).await;
            self.quiet_until = None;
        }
        let news = self.next_news().await;
        if news.is_err() {
            self.quiet_until = Some(Instant::now() + TRY_AGAIN);
        }
        news
    }

    async fn next_news(&mut self) -> Result<News, Error> {
        loop {
            match self.client.next().await? {
                Event::Welcome(welcome) => {
                    self.shepherd = Some(welcome.shepherd.clone());
                    self.ask_again(&welcome);
                    return Ok(News::Welcome(Box::new(welcome)));
                }
                Event::Task(state) => {
                    self.answered(&state);
                    return Ok(News::Changed(state));
                }
                Event::Unknown { id, .. } => {
                    self.killing.remove(&id);
                }
                Event::Refused { because, trace } => {
                    let trace_id = trace.trace_id_text();
                    tracing::error!(because, trace_id, "the shepherd refused a request");
                }
            }
        }
    }

    /// Asks for the start of a task.
    ///
    /// # Errors
    /// A sentence saying why it can never start.
    pub(crate) fn start(&mut self, launch: &Launch) -> Result<(), String> {
        let info = description(launch)?;
        if let Some(sentence) = unsupported(&info) {
            return Err(sentence);
        }
        let sandbox = Sandbox::create(self.dir.sandbox(launch.launch), &launch.user)?;
        let mut spec = spec::start_spec(launch, &info, &sandbox)?;
        if info.stdin() {
            let fifo = sandbox.stdin()?;
            self.stdins.open(launch.launch, &fifo)?;
            spec.stdin = Stdin::Fifo(fifo);
        }
        self.start_process(spec);
        Ok(())
    }

    /// Asks for the start of any process.
    pub(crate) fn start_process(&mut self, spec: StartSpec) {
        let request = Request::Start(Box::new(spec.clone()));
        self.starting.insert(spec.id.clone(), spec);
        self.ask(&request);
    }

    pub(crate) fn kill(&mut self, id: String, grace: Span, trace: TraceContext) {
        let grace_ms = grace.as_millis();
        self.killing.insert(id.clone(), (grace_ms, trace.clone()));
        self.ask(&Request::Kill {
            id,
            grace_ms,
            trace,
        });
    }

    /// A lost one is asked again when the end is reported again.
    pub(crate) fn forget(&mut self, id: String, trace: TraceContext) {
        self.ask(&Request::Forget { id, trace });
    }

    /// Ends the shepherd and all that it keeps; returns when it is gone, or does not go in time.
    pub(crate) async fn shut_down(mut self) {
        if let Err(error) = self.client.send_leave() {
            tracing::debug!(%error, "the shepherd is not told to end");
        }
        let Some(shepherd) = self.shepherd.take() else {
            return;
        };
        let deadline = Instant::now() + GONE_WITHIN;
        while shepherd.is_alive().unwrap_or(false) && Instant::now() < deadline {
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Launches that an earlier agent had started, or was about to.
    pub(crate) fn expect(&mut self, launches: impl IntoIterator<Item = LaunchId>) {
        self.expected
            .extend(launches.into_iter().map(|launch| launch.to_string()));
    }

    /// What a new connection tells: each task that the shepherd has, and each that it should have
    /// and has not.
    pub(crate) fn compare(&mut self, welcome: Welcome, absence: Absence) -> Vec<Input> {
        let known: BTreeSet<&str> = welcome.tasks.iter().map(TaskState::id).collect();
        let absent = self
            .expected
            .iter()
            .filter(|id| !known.contains(id.as_str()));
        let absent: Vec<Input> = absent
            .filter_map(|id| id.parse().ok())
            .map(|launch| Input::Absent { launch, absence })
            .collect();
        self.expected.retain(|id| known.contains(id.as_str()));
        welcome
            .tasks
            .into_iter()
            .filter_map(report::input)
            .chain(absent)
            .collect()
    }

    /// What the core is to know of a change; nothing if it is not about a task.
    pub(crate) fn input(state: TaskState) -> Option<Input> {
        report::input(state)
    }

    fn ask(&mut self, request: &Request) {
        // While there is no connection, the next one brings it up again.
        if let Err(error) = self.client.send(request) {
            tracing::debug!(%error, "a request waits for the shepherd");
        }
    }

    fn ask_again(&mut self, welcome: &Welcome) {
        for state in &welcome.tasks {
            self.answered(state);
        }
        let starts: Vec<StartSpec> = self.starting.values().cloned().collect();
        for spec in starts {
            self.ask(&Request::Start(Box::new(spec)));
        }
        for (id, (grace_ms, trace)) in self.killing.clone() {
            self.ask(&Request::Kill {
                id,
                grace_ms,
                trace,
            });
        }
    }

    fn answered(&mut self, state: &TaskState) {
        let id = state.id();
        self.starting.remove(id);
        if matches!(state, TaskState::Started(_)) {
            self.expected.insert(id.to_owned());
        } else {
            self.killing.remove(id);
            self.expected.remove(id);
        }
    }
}
