//! What is said of a task is said in its trace (rule R31), as the rows of all commits so far tell.

use std::collections::{BTreeMap, BTreeSet};

use insula_types::message::{ToAgent, ToFramework};
use insula_types::record::TaskRow;
use insula_types::{CellId, FrameworkKey, LaunchId, Reason, TaskKey, TraceContext};

use super::{Violation, must};

const RULE: &str = "what is said of a task is said in its trace";
const NO_TASK: &str = "what is about no task has no trace of one";

/// The traces of all tasks that were ever committed.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    of_launch: BTreeMap<(CellId, LaunchId), TraceContext>,
    /// As text, which has an order.
    of_task: BTreeMap<(CellId, TaskKey), BTreeSet<String>>,
    /// Which attempt at which task each one is of.
    attempts: BTreeMap<(CellId, String), (TaskKey, u32)>,
}

impl Traces {
    /// Remembers what a commit made durable. Whoever did not hear what became of a request asks again,
    /// in the same words: two starts of one task may be the same attempt.
    pub(crate) fn each_start_has_one_of_its_own(
        &mut self,
        cell: &CellId,
        row: &TaskRow,
    ) -> Result<(), Violation> {
        let launch = (cell.clone(), row.launch);
        let text = row.trace.traceparent();
        match self.of_launch.get(&launch) {
            Some(known) => must(
                *known == row.trace,
                "a start keeps the trace that it has",
                || format!("{} was in {known} and is in {text}", row.launch),
            ),
            None => {
                self.of_launch.insert(launch, row.trace.clone());
                let key = (cell.clone(), row.key.clone());
                self.of_task.entry(key).or_default().insert(text.clone());
                let is_traced = !text.is_empty();
                let attempt = (row.key.clone(), row.attempt);
                let first = self.attempts.entry((cell.clone(), text));
                let first = first.or_insert_with(|| attempt.clone());
                must(
                    is_traced && *first == attempt,
                    "each start of a task has a trace of its own",
                    || format!("{} of {attempt:?} is in that of {first:?}", row.launch),
                )
            }
        }
    }

    pub(crate) fn what_an_agent_is_told_is_in_its_tasks_trace(
        &self,
        cell: &CellId,
        trace: &TraceContext,
        said: &ToAgent,
    ) -> Result<(), Violation> {
        let Some(launch) = said.launch() else {
            return must(trace.is_empty(), NO_TASK, || format!("{said:?} in {trace}"));
        };
        let known = self.of_launch.get(&(cell.clone(), launch));
        must(known == Some(trace), RULE, || {
            format!("{said:?} in {trace}, its task is in {known:?}")
        })
    }

    /// A task of a framework is known to it by a name, and every start of it has its own trace. What
    /// was never started has the trace that it was asked for in, and what nobody knows has none.
    pub(crate) fn what_a_framework_is_told_is_in_its_tasks_trace(
        &self,
        cell: &CellId,
        framework: &FrameworkKey,
        trace: &TraceContext,
        said: &ToFramework,
    ) -> Result<(), Violation> {
        let ToFramework::Update(status) = said else {
            return must(trace.is_empty(), NO_TASK, || format!("{said:?} in {trace}"));
        };
        let key = TaskKey {
            framework: framework.clone(),
            task: status.task.clone(),
        };
        let starts = self.of_task.get(&(cell.clone(), key));
        let is_of_one = starts.is_some_and(|starts| starts.contains(&trace.traceparent()));
        let is_unknown = status.reason == Some(Reason::Reconciliation);
        let was_never_started = status.uuid.is_none() && trace.is_empty() == is_unknown;
        must(is_of_one || was_never_started, RULE, || {
            format!("{status:?} in {trace}, its starts are in {starts:?}")
        })
    }
}
