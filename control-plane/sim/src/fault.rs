//! Things go wrong: which, when, and to whom.

use insula_types::Span;

use crate::check::Violation;
use crate::event::Event;
use crate::network::Client;
use crate::options::Weights;
use crate::replica::ReplicaNo;
use crate::world::{Party, World};

/// A kind of fault; [`Weights`] says what each one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    BreakConnection,
    HalfOpen,
    Partition,
    ReplicaCrash,
    ReplicaPause,
    KeeperStuck,
    Drain,
    BrokerAway,
    BrokerEmptied,
    BrokerLosesLast,
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
    /// Whether all cells and clients may feel it.
    fn is_everyones(self) -> bool {
        matches!(
            self,
            Self::ReplicaCrash
                | Self::ReplicaPause
                | Self::KeeperStuck
                | Self::Drain
                | Self::BrokerAway
                | Self::BrokerEmptied
                | Self::BrokerLosesLast
                | Self::StoreDown
        )
    }

    fn table(weights: &Weights) -> [(Self, u32); 19] {
        [
            (Self::BreakConnection, weights.break_connection),
            (Self::HalfOpen, weights.half_open),
            (Self::Partition, weights.partition),
            (Self::ReplicaCrash, weights.replica_crash),
            (Self::ReplicaPause, weights.replica_pause),
            (Self::KeeperStuck, weights.keeper_stuck),
            (Self::Drain, weights.drain),
            (Self::BrokerAway, weights.broker_away),
            (Self::BrokerEmptied, weights.broker_emptied),
            (Self::BrokerLosesLast, weights.broker_loses_last),
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

/// The longest time between two outages of the control plane, in milliseconds, if faults are frequent.
const OUTAGES_APART: u64 = 60_000;

/// The longest pause of a replica, in milliseconds: several times its leases.
const REPLICA_PAUSE_MAX: u64 = 20_000;

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
        if fault.is_everyones() {
            // Where something that all depend on is always away, nothing else is ever seen.
            if self.ctx.now < self.whole_until {
                return Ok(());
            }
            self.whole_until = self.ctx.now + self.ctx.rng.millis(1_000, OUTAGES_APART);
        }
        self.ctx.note("fault", format_args!("{fault:?}"));
        let machine = self.ctx.rng.index(self.machines.len());
        let unreachable = self.ctx.options.kernel.unreachable_after.as_millis();
        match fault {
            Fault::BreakConnection => self.cut_one(self.ctx.options.notice_max),
            Fault::HalfOpen => self.cut_one(HALF_OPEN_MAX),
            Fault::Partition => self.isolate_one(unreachable),
            Fault::ReplicaCrash | Fault::ReplicaPause | Fault::KeeperStuck | Fault::Drain => {
                if let Some(no) = self.any_replica() {
                    return self.replica_goes_wrong(fault, no);
                }
            }
            Fault::BrokerAway | Fault::BrokerEmptied | Fault::BrokerLosesLast => {
                self.broker_goes_wrong(fault);
            }
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

    fn replica_goes_wrong(&mut self, fault: Fault, no: ReplicaNo) -> Result<(), Violation> {
        match fault {
            Fault::ReplicaCrash => self.replica_ends(no, "it crashes"),
            // Its leases may run out meanwhile, and a transaction of it stays open.
            Fault::ReplicaPause => self.pause(Party::Replica(no), REPLICA_PAUSE_MAX),
            Fault::Drain => return self.replica_drains(no),
            // Others take its partitions while it works on.
            _ => {
                let span = self.ctx.rng.millis(1_000, 15_000);
                let until = self.ctx.now + span;
                if let Some(replica) = self.replicas.get_mut(&no) {
                    replica.stuck_until = until;
                }
            }
        }
        Ok(())
    }

    /// Who is told of it, learns it by and by; what was lost from the end of a stream nobody is told.
    fn broker_goes_wrong(&mut self, fault: Fault) {
        match fault {
            Fault::BrokerAway => {
                let span = self.ctx.rng.millis(100, 30_000);
                self.broker.goes_away(&self.ctx, span);
                if self.ctx.rng.chance(300) {
                    self.broker.loses_everything();
                }
            }
            Fault::BrokerEmptied => self.broker.loses_everything(),
            _ => return self.broker.loses_the_last(&mut self.ctx),
        }
        let replicas: Vec<ReplicaNo> = self.replicas.keys().copied().collect();
        for no in replicas {
            self.ctx.within(0, 3_000, Event::BrokerLost(no));
        }
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
