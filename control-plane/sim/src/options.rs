//! What may go wrong in a run, how often, and how large everything is.
//!
//! Each seed draws its own: a random subset of the faults is enabled ("swarm testing"), since a run in
//! which everything goes wrong at once never gets far enough for some faults to matter.
//!
//! Source: Groce, Zhang, Eide, Chen, Regehr: "Swarm Testing", ISSTA 2012.

use insula_agent_core::Config as AgentConfig;
use insula_kernel::Config as KernelConfig;
use insula_types::Span;

use crate::rng::Rng;

/// A run's options. Chances are in thousandths, times in milliseconds; zero means never.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// How many control-plane processes there are.
    pub(crate) replicas: u32,
    /// How many partitions there are.
    pub(crate) partitions: u16,
    /// How many cells share them; their clients are dealt out in turn.
    pub(crate) cells: usize,
    /// How many machines there are.
    pub(crate) machines: usize,
    /// How many frameworks there are.
    pub(crate) frameworks: usize,
    /// How many people submit tasks to their tenant's built-in framework.
    pub(crate) submitters: usize,
    /// How many tenants there are.
    pub(crate) tenants: usize,
    /// The longest that a task runs.
    pub(crate) run_max: u64,
    /// The kernel's durations and bounds.
    pub(crate) kernel: KernelConfig,
    /// The agents' durations and bounds.
    pub(crate) agent: AgentConfig,
    /// Whether the store is shared by replicas, with a fence for every batch; else it is locked by
    /// one process, as SQLite is (rule R8).
    pub(crate) shared_store: bool,
    /// Most effects that may wait for their commit.
    pub(crate) effects_max: usize,
    /// Chance that an input is handed over twice by a sender that numbers its inputs.
    pub(crate) repeated_input: u32,
    /// The mean time between two faults.
    pub(crate) fault_every: u64,
    /// Weights by which a fault is chosen.
    pub(crate) weights: Weights,
    /// Chance that the messages of a connection take up to two seconds each.
    pub(crate) slow_connection: u32,
    /// The longest time in which an end learns that its connection broke.
    pub(crate) notice_max: u64,
    /// The longest that one step of a transaction takes.
    pub(crate) commit_max: u64,
    /// Chance that a commit fails before anything happened.
    pub(crate) commit_fails: u32,
    /// Chance that a commit's outcome is lost, whether it happened or not.
    pub(crate) commit_unknown: u32,
    /// The longest that an agent's journal takes to sync.
    pub(crate) sync_max: u64,
    /// Chance that what a cell says is refused by the database, until the cell is alone with it.
    pub(crate) commit_refused: u32,
    /// The longest that a message takes through the broker.
    pub(crate) broker_latency: u64,
    /// Chance that the broker has a message twice.
    pub(crate) repeated_post: u32,
    /// Chance that an agent crashes while its journal is being synced.
    pub(crate) crash_in_sync: u32,
    /// Chance that a process cannot be started.
    pub(crate) start_fails: u32,
    /// The most that a clock is off, in seconds.
    pub(crate) clock_skew: u64,
}

/// How likely each fault is among the others; zero disables it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weights {
    /// A connection breaks.
    pub(crate) break_connection: u32,
    /// A connection goes silent without either end noticing for long.
    pub(crate) half_open: u32,
    /// A client can reach nobody for a while.
    pub(crate) partition: u32,
    /// A control-plane process dies.
    pub(crate) replica_crash: u32,
    /// A control-plane process is paused, for longer than its leases or not.
    pub(crate) replica_pause: u32,
    /// A replica cannot renew its leases, and works on.
    pub(crate) keeper_stuck: u32,
    /// A replica gives everything away and ends.
    pub(crate) drain: u32,
    /// The broker is away for a while.
    pub(crate) broker_away: u32,
    /// The broker comes back empty.
    pub(crate) broker_emptied: u32,
    /// The broker loses what was written last, and nobody is told.
    pub(crate) broker_loses_last: u32,
    /// The database is away for a while.
    pub(crate) store_down: u32,
    /// The database's clock jumps.
    pub(crate) clock_jump: u32,
    /// An agent's process dies; its tasks go on.
    pub(crate) agent_crash: u32,
    /// A machine is started anew.
    pub(crate) reboot: u32,
    /// A machine is off for longer than the unreachable timeout.
    pub(crate) vanish: u32,
    /// An agent does nothing for a while.
    pub(crate) agent_pause: u32,
    /// An executor dies, and its tasks with it.
    pub(crate) process_lost: u32,
    /// A framework's connection is cut or its process dies.
    pub(crate) framework_cut: u32,
    /// An agent gives its connection up and dials again, while what it said is still on its way.
    pub(crate) hang_up: u32,
    /// An operator sets a weight or a quota limit.
    pub(crate) set_role: u32,
}

impl Weights {
    fn draw(rng: &mut Rng) -> Self {
        let mut weight = |most: u64| {
            let enabled = rng.chance(600);
            let weight = u32::try_from(rng.between(1, most)).unwrap_or(1);
            if enabled { weight } else { 0 }
        };
        Self {
            break_connection: weight(30),
            half_open: weight(20),
            partition: weight(10),
            replica_crash: weight(10),
            replica_pause: weight(15),
            keeper_stuck: weight(10),
            drain: weight(5),
            broker_away: weight(5),
            broker_emptied: weight(5),
            broker_loses_last: weight(10),
            store_down: weight(5),
            clock_jump: weight(5),
            agent_crash: weight(20),
            reboot: weight(8),
            vanish: weight(6),
            agent_pause: weight(10),
            process_lost: weight(10),
            framework_cut: weight(20),
            hang_up: weight(20),
            set_role: weight(10),
        }
    }
}

impl Options {
    /// Draws the options of a seed; so many replicas, if that is asked for.
    pub(crate) fn draw(rng: &mut Rng, replicas: Option<u32>) -> Self {
        let drawn = if rng.chance(500) { 3 } else { 1 };
        let replicas = replicas.unwrap_or(drawn).max(1);
        let shared_store = rng.chance(500) || replicas > 1;
        let cells = if replicas > 1 {
            rng.count(2, 3)
        } else {
            rng.count(1, 3)
        };
        let unreachable = rng.between(10, 75);
        let small = rng.chance(300);
        Self {
            replicas,
            partitions: u16::try_from(cells.min(2)).unwrap_or(1),
            cells,
            machines: rng.count(cells, 6),
            frameworks: rng.count(cells, 5),
            submitters: rng.count(0, 2),
            tenants: rng.count(1, 3),
            run_max: rng.between(100, 60_000),
            kernel: kernel_config(rng, unreachable, small),
            agent: agent_config(rng, unreachable),
            shared_store,
            effects_max: if small { rng.count(1, 20) } else { 10_000 },
            repeated_input: maybe(rng, 100),
            fault_every: 150 << rng.below(8),
            weights: Weights::draw(rng),
            slow_connection: maybe(rng, 300),
            notice_max: rng.between(1, 30_000),
            commit_max: rng.between(1, 200),
            commit_fails: maybe(rng, 20),
            commit_unknown: maybe(rng, 30),
            commit_refused: maybe(rng, 10),
            broker_latency: rng.between(1, 50),
            repeated_post: maybe(rng, 50),
            sync_max: rng.between(1, 100),
            crash_in_sync: maybe(rng, 20),
            start_fails: maybe(rng, 50),
            clock_skew: rng.between(0, 600),
        }
    }
}

fn maybe(rng: &mut Rng, most: u64) -> u32 {
    let enabled = rng.chance(500);
    let chance = u32::try_from(rng.between(1, most)).unwrap_or(1);
    if enabled { chance } else { 0 }
}

/// Short leases and small slices, so that what takes more than one step in a large cell does so in
/// this one.
fn kernel_config(rng: &mut Rng, unreachable: u64, small: bool) -> KernelConfig {
    let contended = rng.between(1, 5);
    KernelConfig {
        allocation_batch: rng.millis(0, 20),
        offer_lease: Span::from_secs(contended + rng.between(0, 55)),
        offer_lease_contended: Span::from_secs(contended),
        unreachable_after: Span::from_secs(unreachable),
        outage_grace: Span::from_secs(rng.between(20, 60)),
        unreachable_per_second: rng.count(1, 20),
        // To be put aside is an alarm, and none is to be raised here.
        sessions_per_minute: usize::MAX,
        held_retention: Span::from_secs(7 * 24 * 3600),
        requests_max: if small { rng.count(3, 10) } else { 1_000 },
        tasks_max: if small { rng.count(5, 20) } else { 1_000 },
        window: if rng.chance(500) {
            rng.count(1, 8)
        } else {
            1_000
        },
        slice: if rng.chance(500) {
            rng.count(1, 4)
        } else {
            1_000
        },
    }
}

/// The heartbeat fits several times into the unreachable timeout, as in production.
fn agent_config(rng: &mut Rng, unreachable: u64) -> AgentConfig {
    let retry_min = rng.between(1, 10);
    AgentConfig {
        heartbeat: Span::from_millis(unreachable * 1_000 / 10),
        confirm_within: rng.millis(0, 100),
        retry_min: Span::from_secs(retry_min),
        retry_max: Span::from_secs(retry_min * rng.between(1, 16)),
        launch_margin: Span::from_secs((unreachable / 5).max(1)),
        slice: if rng.chance(300) {
            rng.count(1, 4)
        } else {
            1_000
        },
    }
}
