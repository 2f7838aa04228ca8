//! What there is in the cells that are owned here.

use super::super::definition::{Definition, Unit};
use super::super::label::Label;
use super::super::labels::{AgentStage, FrameworkStage, LiveState, Share};

const CELL: Label = Label::bounded(
    "cell",
    "the first 200 cells that this process met; `other` for the rest together",
);
const TENANT: Label = Label::bounded(
    "tenant",
    "the first 100 tenants that this process met; `other` for the rest together",
);

/// Agents.
pub const AGENTS: Definition = Definition::gauge(
    "insula.agents",
    Unit::Of("{agent}"),
    &[CELL, Label::of::<AgentStage>()],
)
.means("Agents of a cell.")
.when_bad("`disconnected` or `unreachable` in numbers: machines or their network are down, or the agent is; look at their logs. Tasks on unreachable agents are not started elsewhere unless their framework does that.");

/// Frameworks.
pub const FRAMEWORKS: Definition = Definition::gauge(
    "insula.frameworks",
    Unit::Of("{framework}"),
    &[CELL, Label::of::<FrameworkStage>()],
)
.means("Frameworks of a cell, without the built-in ones.")
.when_bad("`disconnected`: a framework that does not come back within its `failover_timeout` is removed, and its tasks are killed.");

/// Tasks.
pub const TASKS: Definition = Definition::gauge(
    "insula.tasks",
    Unit::Of("{task}"),
    &[CELL, Label::of::<LiveState>()],
)
.means("Tasks of a cell that are not over and acknowledged.")
.when_bad("`staging` that does not fall: agents do not answer. `unacknowledged` that rises: a framework does not acknowledge updates. `unreachable`: see `insula_agents`.");

/// Requests that wait.
pub const REQUESTS_WAITING: Definition =
    Definition::gauge("insula.requests.waiting", Unit::Of("{task}"), &[CELL])
        .means("Submitted tasks that are not started yet.")
        .when_bad("Rising: nothing fits. `insula why TASK` says what is missing.");

/// Offers.
pub const OFFERS_OUTSTANDING: Definition =
    Definition::gauge("insula.offers.outstanding", Unit::Of("{offer}"), &[CELL])
        .means("Offers that frameworks hold.")
        .when_bad("Many for long while others wait: see `insula_offers_total{event=\"expired\"}`.");

/// Processors.
pub const CPUS: Definition = Definition::gauge(
    "insula.cell.cpus",
    Unit::Of("{cpu}"),
    &[CELL, Label::of::<Share>()],
)
.means("Processors of a cell's agents that are not unreachable.")
.when_bad("`used` near `all` while requests wait: add agents.");

/// Memory.
pub const MEMORY: Definition = Definition::gauge(
    "insula.cell.memory",
    Unit::Bytes,
    &[CELL, Label::of::<Share>()],
)
.means("Memory of a cell's agents that are not unreachable.")
.when_bad("As for processors.");

/// Disk.
pub const DISK: Definition = Definition::gauge(
    "insula.cell.disk",
    Unit::Bytes,
    &[CELL, Label::of::<Share>()],
)
.means("Disk of a cell's agents that are not unreachable.")
.when_bad("As for processors.");

/// Graphics processors.
pub const GPUS: Definition = Definition::gauge(
    "insula.cell.gpus",
    Unit::Of("{gpu}"),
    &[CELL, Label::of::<Share>()],
)
.means("Graphics processors of a cell's agents that are not unreachable.")
.when_bad("As for processors.");

/// Tasks of a tenant.
pub const TENANT_TASKS: Definition =
    Definition::gauge("insula.tenant.tasks", Unit::Of("{task}"), &[TENANT])
        .means("A tenant's tasks that hold resources.");

/// Processors of a tenant.
pub const TENANT_CPUS: Definition =
    Definition::gauge("insula.tenant.cpus", Unit::Of("{cpu}"), &[TENANT])
        .means("Processors that a tenant's tasks hold.")
        .when_bad("Far above its share while others wait: set weights or limits of roles.");

/// Memory of a tenant.
pub const TENANT_MEMORY: Definition =
    Definition::gauge("insula.tenant.memory", Unit::Bytes, &[TENANT])
        .means("Memory that a tenant's tasks hold.")
        .when_bad("As for processors.");

/// Waiting requests of a tenant.
pub const TENANT_WAITING: Definition = Definition::gauge(
    "insula.tenant.requests.waiting",
    Unit::Of("{task}"),
    &[TENANT],
)
.means("A tenant's submitted tasks that are not started yet.")
.when_bad("As `insula_requests_waiting`.");

/// How old the figures are.
pub const FIGURES_AGE: Definition = Definition::gauge("insula.figures.age", Unit::Seconds, &[])
    .means("Age of the oldest figures of a cell in this answer: a scheduler that is behind is not waited for.")
    .when_bad("Above a minute: the scheduler of a partition hangs or is far behind; see `insula_queue_depth{queue=\"cell_inputs\"}`.");
