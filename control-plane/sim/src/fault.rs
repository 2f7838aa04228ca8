//! Things go wrong: which, when, and to whom.

use insula_types::Span;

use crate::check::Violation;
use crate::event::Event;
use crate::network::Client;
use crate::options::Weights;
use crate::world::{Party, World};

/// A kind of fault; [`Weights`] says what each one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    BreakConnection,
    HalfOpen,
    Partition,
    OwnerCrash,
    OwnerPause,
    Takeover,
    StoreDown,
    ClockJump,
    AgentCrash,
    Reboot,
    Vanish,
    AgentPause,
    ProcessLost,
    FrameworkCut,
    HangUp,
}

impl Fault {
    fn table(weights: &Weights) -> [(Self, u32); 15] {
        [
            (Self::BreakConnection, weights.break_connection),
            (Self::HalfOpen, weights.half_open),
            (Self::Partition, weights.partition),
            (Self::OwnerCrash, weights.owner_crash),
            (Self::OwnerPause, weights.owner_pause),
            (Self::Takeover, weights.takeover),
            (Self::StoreDown, weights.store_down),
            (Self::ClockJump, weights.clock_jump),
            (Self::AgentCrash, weights.agent_crash),
            (Self::Reboot, weights.reboot),
            (Self::Vanish, weights.vanish),
            (Self::AgentPause, weights.agent_pause),
            (Self::ProcessLost, weights.process_lost),
            (Self::FrameworkCut, weights.framework_cut),
            (Self::HangUp, weights.hang_up),
        ]
    }
}

/// The longest that an end of a half-open connection believes in it: the timeout of an unanswered
/// write (rule R18).
const HALF_OPEN_MAX: u64 = 40_000;

impl World {
    /// Lets something go wrong, and something else later.
    pub(crate) fn fault(&mut self) -> Result<(), Violation> {
        if self.ctx.calm {
            return Ok(());
        }
        let every = self.ctx.options.fault_every;
        self.ctx.within(0, 2 * every, Event::Fault);
        let table = Fault::table(&self.ctx.options.weights);
        let sum: u32 = table.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.ctx.rng.below(u64::from(sum.max(1)));
        for (fault, weight) in table {
            if drawn < u64::from(weight) {
                return self.go_wrong(fault);
            }
            drawn -= u64::from(weight);
        }
        Ok(())
    }

    fn go_wrong(&mut self, fault: Fault) -> Result<(), Violation> {
        self.ctx.note("fault", format_args!("{fault:?}"));
        let machine = self.ctx.rng.index(self.machines.len());
        let unreachable = self.ctx.options.kernel.unreachable_after.as_millis();
        match fault {
            Fault::BreakConnection => self.cut_one(self.ctx.options.notice_max),
            Fault::HalfOpen => self.cut_one(HALF_OPEN_MAX),
            Fault::Partition => self.isolate_one(unreachable),
            Fault::OwnerCrash => {
                if let Some(id) = self.newest_owner() {
                    self.owner_ends(id, "it crashes");
                }
            }
            Fault::OwnerPause => {
                if let Some(id) = self.newest_owner() {
                    self.pause(Party::Owner(id), 20_000);
                    // Its lease may run out meanwhile.
                    if self.ctx.options.shared_store && self.ctx.rng.chance(500) {
                        return self.supersede();
                    }
                }
            }
            Fault::Takeover => return self.supersede(),
            Fault::StoreDown => {
                self.store.down_until = self.ctx.now + self.ctx.rng.millis(100, 60_000);
            }
            Fault::ClockJump => {
                let drawn = self.ctx.rng.below(1_200_000_000);
                self.store.clock_offset = i64::try_from(drawn).unwrap_or(0) - 600_000_000;
            }
            Fault::AgentCrash => {
                self.agent_crashes(machine);
                self.agent_returns(machine, 10, 20_000);
            }
            Fault::Reboot => {
                self.machine_goes_off(machine);
                self.agent_returns(machine, 1_000, 60_000);
            }
            Fault::Vanish => {
                self.machine_goes_off(machine);
                self.agent_returns(machine, unreachable, 3 * unreachable + 30_000);
            }
            Fault::AgentPause => self.pause(Party::Machine(machine), 2 * unreachable),
            Fault::HangUp => return self.agent_hangs_up(machine),
            Fault::ProcessLost => return self.lose_a_process(machine),
            Fault::FrameworkCut => {
                let number = self.ctx.rng.index(self.frameworks.len());
                self.framework_leaves(number);
            }
        }
        Ok(())
    }

    /// A takeover; some clients go over to the new owner while the old one still believes in them.
    fn supersede(&mut self) -> Result<(), Violation> {
        let old = self.newest_owner();
        self.owner_is_superseded()?;
        for id in self.network.alive() {
            let owner = self.network.get(id).map(|connection| connection.owner);
            if owner == old && self.ctx.rng.chance(500) {
                self.network.cut(&mut self.ctx, id, HALF_OPEN_MAX);
            }
        }
        Ok(())
    }

    fn cut_one(&mut self, most: u64) {
        let alive = self.network.alive();
        if let Some(connection) = self.ctx.rng.pick(&alive).copied() {
            self.network.cut(&mut self.ctx, connection, most);
        }
    }

    fn isolate_one(&mut self, unreachable: u64) {
        let machines = (0..self.machines.len()).map(Client::Machine);
        let frameworks = (0..self.frameworks.len()).map(Client::Framework);
        let clients: Vec<Client> = machines.chain(frameworks).collect();
        let Some(client) = self.ctx.rng.pick(&clients).copied() else {
            return;
        };
        let span: Span = self.ctx.rng.millis(100, 2 * unreachable);
        let until = self.ctx.now + span;
        self.ctx
            .note(client, format_args!("is isolated for {span}"));
        self.network
            .isolate(&mut self.ctx, client, until, HALF_OPEN_MAX);
    }

    fn lose_a_process(&mut self, machine: usize) -> Result<(), Violation> {
        let running: Vec<_> = self.machines[machine]
            .shepherd
            .running()
            .map(|(launch, _)| launch)
            .collect();
        match self.ctx.rng.pick(&running).copied() {
            Some(launch) => self.process_is_lost(machine, launch),
            None => Ok(()),
        }
    }
}
