//! What the schedulers do.

use super::super::definition::{Definition, Unit};
use super::super::label::Label;
use super::super::labels::{EndState, InputKind, OfferEvent, Runs};

/// Inputs.
pub const INPUTS: Definition = Definition::counter(
    "insula.inputs",
    Unit::Of("{input}"),
    &[Label::of::<InputKind>()],
)
.means("Inputs that the schedulers of this replica have stepped.");

/// The time of stepping.
pub const BUSY: Definition = Definition::counter("insula.scheduler.busy", Unit::Seconds, &[])
    .means("Time that the schedulers of this replica spent stepping; its rate is the number of busy threads.")
    .when_bad("A rate near the number of partitions that are in use, or near the number of processors: add replicas, or spread cells over more partitions.");

/// Allocation cycles.
pub const ALLOCATION_DURATION: Definition =
    Definition::histogram("insula.allocation.duration", Unit::Seconds, &[])
        .means("Time of a step that shared out free resources.")
        .when_bad("Above 100 ms: the cell is very large; nothing else of its partition is stepped meanwhile. See `insula_allocation_candidates_total`.");

/// Candidates.
pub const ALLOCATION_CANDIDATES: Definition = Definition::counter(
    "insula.allocation.candidates",
    Unit::Of("{agent}"),
    &[],
)
.means("Agents that were looked at for a role; divided by the number of allocations, the work of each.")
.when_bad("Many for each allocation while few offers are made: frameworks refuse most of what there is; longer filters (`refuse_seconds`) spare the work.");

/// Offers.
pub const OFFERS: Definition = Definition::counter(
    "insula.offers",
    Unit::Of("{offer}"),
    &[Label::of::<OfferEvent>()],
)
.means("Offers, by what happened to them; a tenant's built-in framework is offered what it uses at once.")
.when_bad("`expired`: frameworks sit on offers that others wait for; the log of the framework tells. Nearly all `declined`: they have nothing to run and should `SUPPRESS`.");

/// From a request to a running task.
pub const START_DURATION: Definition = Definition::histogram(
    "insula.task.start.duration",
    Unit::Seconds,
    &[Label::of::<Runs>()],
)
.means("Time from when a task was submitted, or accepted for a framework, to `TASK_RUNNING`.")
.when_bad("Long while resources are free: compare `insula_commit_duration_seconds` and, on agents, `insula_agent_launch_duration_seconds`; `insula trace TASK` shows where it went.");

/// Tasks that were started.
pub const TASKS_LAUNCHED: Definition =
    Definition::counter("insula.tasks.launched", Unit::Of("{task}"), &[])
        .means("Starts of tasks that were sent to an agent.");

/// Requests that were submitted.
pub const REQUESTS_SUBMITTED: Definition =
    Definition::counter("insula.requests.submitted", Unit::Of("{task}"), &[])
        .means("Tasks that were submitted to a tenant's built-in framework.");

/// Requests that were started again.
pub const REQUESTS_RETRIED: Definition =
    Definition::counter("insula.requests.retried", Unit::Of("{task}"), &[])
        .means("Submitted tasks that are started again after their last start failed or was lost.")
        .when_bad("Many: see the states in `insula_tasks_ended_total`.");

/// Tasks that ended.
pub const TASKS_ENDED: Definition = Definition::counter(
    "insula.tasks.ended",
    Unit::Of("{task}"),
    &[Label::of::<EndState>()],
)
.means("Starts of tasks that are over, by how they ended.")
.when_bad("`lost`, `dropped` or `gone`: no fault of the tasks; agents or replicas fail. `failed` of many tenants at once: something that all of them use.");
