//! A customer's machine: a disk, processes, and the agent's process around its real core.

mod life;
mod perform;
mod process;
pub(crate) mod shepherd;

use std::collections::VecDeque;

use insula_agent_core::{Core, Effect, Identity};
use insula_types::agent::{AgentCapabilities, AgentInfo};
use insula_types::{AgentId, CellId, Resources, Time};

use crate::disk::{Disk, Position};
use crate::history::START;
use crate::network::ConnectionId;
use crate::rng::Rng;
use shepherd::Shepherd;

/// See the module.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) id: AgentId,
    pub(crate) cell: CellId,
    identity: Identity,
    disk: Disk,
    pub(crate) shepherd: Shepherd,
    pub(crate) agent: Option<Agent>,
    /// Counts the agent's processes: what was meant for an earlier one does not reach this one.
    life: u64,
    /// Counts the machine's starts, likewise.
    boot: u64,
    /// Whether the machine was started anew since an agent last looked for its processes.
    rebooted: bool,
    /// How far the agent's clock is off, in microseconds; changes only between its lives, since it
    /// is monotonic within one.
    clock_offset: i64,
    /// Whether the agent's process is paused.
    pub(crate) paused: bool,
    /// When it went on after its last pause.
    pub(crate) runs_since: Time,
}

/// The agent's process.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) core: Core,
    /// Effects in their order, with the places at which they wait for the disk.
    undone: VecDeque<Undone>,
    pub(crate) connection: Option<ConnectionId>,
    sessions: u64,
    timer_at: Option<Time>,
}

#[derive(Debug)]
enum Undone {
    /// Wait until the journal is durable up to here.
    Durable(Position),
    Do(Effect),
}

impl Machine {
    pub(crate) fn new(number: usize, cell: CellId, rng: &mut Rng) -> Self {
        let id = AgentId::from(format!("agent-{number}"));
        let info = draw_info(number, rng);
        Self {
            identity: Identity {
                checkpoint: format!("checkpoint-{number}").into(),
                info,
            },
            id,
            cell,
            disk: Disk::default(),
            shepherd: Shepherd::default(),
            agent: None,
            life: 0,
            boot: 0,
            rebooted: false,
            clock_offset: 0,
            paused: false,
            runs_since: START,
        }
    }

    pub(crate) fn info(&self) -> &AgentInfo {
        &self.identity.info
    }

    /// The life whose process is alive.
    pub(crate) fn is_alive(&self, life: u64) -> bool {
        self.agent.is_some() && self.life == life
    }

    /// What the agent's clock shows.
    fn clock(&self, now: Time) -> Time {
        Time(now.0.saturating_add_signed(self.clock_offset))
    }

    /// When the agent's clock shows that time.
    fn world_time(&self, clock: Time) -> Time {
        Time(
            clock
                .0
                .saturating_add_signed(self.clock_offset.saturating_neg()),
        )
    }
}

fn draw_info(number: usize, rng: &mut Rng) -> AgentInfo {
    let mut resources = Resources::of(rng.between(1, 8) * 1_000, rng.between(1, 16) * 256_000);
    if rng.chance(300) {
        resources.add_scalar("disk", 1_000_000);
    }
    AgentInfo {
        hostname: format!("host-{number}"),
        resources,
        attributes: vec![("rack".to_owned(), format!("r{}", number % 2))],
        capabilities: AgentCapabilities {
            native: true,
            wasm: rng.chance(700),
            ..AgentCapabilities::default()
        },
        version: "simulated".to_owned(),
    }
}
