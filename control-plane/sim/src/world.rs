//! The simulated world: everything that there is, and which event goes to whom.

use std::collections::BTreeMap;

use insula_types::TenantId;

use crate::check::{Checks, Violation};
use crate::context::Context;
use crate::event::Event;
use crate::framework::Framework;
use crate::machine::Machine;
use crate::network::{Client, ConnectionId, Network, Side};
use crate::owner::{Owner, OwnerId};
use crate::store::{Store, TransactionId};
use crate::submitter::Submitter;
use crate::wire::Wire;

/// See the module.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) ctx: Context,
    pub(crate) network: Network,
    pub(crate) store: Store,
    pub(crate) owners: BTreeMap<OwnerId, Owner>,
    pub(crate) machines: Vec<Machine>,
    pub(crate) frameworks: Vec<Framework>,
    pub(crate) submitters: Vec<Submitter>,
    pub(crate) checks: Checks,
    /// What waits for a paused process, in order.
    pub(crate) backlog: BTreeMap<Party, Vec<Event>>,
    /// How many events happened.
    pub(crate) events: u64,
    pub(crate) owner_count: u32,
    pub(crate) request_count: u64,
}

/// A process that can be paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Party {
    Owner(OwnerId),
    Machine(usize),
}

impl World {
    pub(crate) fn new(mut ctx: Context) -> Self {
        let tenants: Vec<TenantId> = (0..ctx.options.tenants)
            .map(|number| TenantId::from(format!("tenant-{number}")))
            .collect();
        let tenant = |number: usize| tenants[number % tenants.len()].clone();
        let seed = ctx.rng.next();
        let machines = 0..ctx.options.machines;
        let frameworks = 0..ctx.options.frameworks;
        let submitters = 0..ctx.options.submitters;
        let mut world = Self {
            network: Network::default(),
            store: Store::new(seed),
            owners: BTreeMap::new(),
            machines: machines
                .map(|number| Machine::new(number, &mut ctx.rng))
                .collect(),
            frameworks: frameworks
                .map(|number| Framework::new(number, tenant(number), &mut ctx.rng))
                .collect(),
            submitters: submitters
                .map(|number| Submitter::new(number, tenant(number)))
                .collect(),
            checks: Checks::default(),
            backlog: BTreeMap::new(),
            events: 0,
            owner_count: 0,
            request_count: 0,
            ctx,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        self.ctx.within(0, 10, Event::OwnerStarts);
        for number in 0..self.machines.len() {
            self.agent_returns(number, 0, 3_000);
        }
        for number in 0..self.frameworks.len() {
            let kind = self.frameworks[number].kind();
            let client = Client::Framework(number);
            self.ctx.note(client, format_args!("is {kind}"));
            self.ctx.within(0, 5_000, Event::Dial(client));
            self.ctx.within(0, 5_000, Event::FrameworkActs(number));
        }
        for number in 0..self.submitters.len() {
            self.ctx.within(0, 5_000, Event::SubmitterActs(number));
        }
        self.ctx.within(0, 10_000, Event::Fault);
    }

    /// Lets the next event happen; nothing if there is none.
    pub(crate) fn next(&mut self) -> Option<Result<(), Violation>> {
        let (at, event) = self.ctx.queue.pop()?;
        self.ctx.now = at;
        self.events += 1;
        Some(self.happen(event))
    }

    pub(crate) fn happen(&mut self, event: Event) -> Result<(), Violation> {
        if let Some(party) = self.paused(&event) {
            self.backlog.entry(party).or_default().push(event);
            return Ok(());
        }
        match event {
            Event::Arrive {
                connection,
                side,
                wire,
            } => self.arrive(connection, side, wire),
            Event::Closed { connection, side } => self.closed(connection, side),
            Event::Dial(client) => self.dial(client),
            Event::OwnerStarts => self.owner_starts_unless_owned(),
            Event::OwnerTimer(owner) => self.owner_timer(owner),
            Event::OwnerStepsDown(owner) => {
                self.owner_steps_down(owner);
                Ok(())
            }
            Event::Fence(transaction) => {
                self.store.fence(&mut self.ctx, transaction);
                Ok(())
            }
            Event::Commit(transaction) => {
                self.commit(transaction);
                Ok(())
            }
            Event::Committed(owner, transaction, answer) => {
                self.owner_hears_of_commit(owner, transaction, answer)
            }
            Event::AgentStarts { machine, life } => self.agent_starts(machine, life),
            Event::AgentTimer { machine, life } if self.machines[machine].is_alive(life) => {
                self.agent_timer(machine)
            }
            Event::Synced { machine, life } if self.machines[machine].is_alive(life) => {
                self.journal_is_synced(machine)
            }
            Event::AgentCrashes { machine, life } if self.machines[machine].is_alive(life) => {
                self.agent_crashes(machine);
                self.agent_returns(machine, 10, 20_000);
                Ok(())
            }
            Event::AgentTimer { .. } | Event::Synced { .. } | Event::AgentCrashes { .. } => Ok(()),
            Event::ProcessStarts {
                machine,
                boot,
                launch,
            } => self.process_starts(machine, boot, launch),
            Event::ProcessEnds {
                machine,
                boot,
                launch,
            } => self.process_ends(machine, boot, launch),
            Event::FrameworkActs(number) => {
                self.framework_acts(number);
                Ok(())
            }
            Event::SubmitterActs(number) => {
                self.submitter_acts(number);
                Ok(())
            }
            Event::Resume(party) => self.resume(party),
            Event::Fault => self.fault(),
        }
    }

    fn owner_starts_unless_owned(&mut self) -> Result<(), Violation> {
        let head = self.store.head().epoch;
        if self.owners.values().any(|owner| owner.epoch == head) {
            return Ok(());
        }
        self.owner_starts()
    }

    fn commit(&mut self, transaction: TransactionId) {
        if let Some(commit) = self.store.commit(&mut self.ctx, transaction) {
            for record in &commit.records {
                self.checks.durable.remember(record);
            }
            let number = commit.number();
            self.ctx
                .note("store", format_args!("commit {number} happened"));
        }
    }

    fn dial(&mut self, client: Client) -> Result<(), Violation> {
        match client {
            Client::Machine(number) => return self.agent_dials(number),
            Client::Framework(number) => self.framework_dials(number),
            // People dial when they want to ask something.
            Client::Submitter(_) => {}
        }
        Ok(())
    }

    fn arrive(
        &mut self,
        connection: ConnectionId,
        side: Side,
        wire: Wire,
    ) -> Result<(), Violation> {
        if !self.network.arrives(connection, side) {
            return Ok(());
        }
        let Some(found) = self.network.get(connection) else {
            return Ok(());
        };
        let (client, owner) = (found.client, found.owner);
        if side == Side::Owner {
            self.ctx.note(owner, format_args!("<- {client}: {wire}"));
            return self.owner_hears(owner, connection, client, wire);
        }
        self.ctx.note(client, format_args!("<- {owner}: {wire}"));
        match (client, wire) {
            (
                Client::Machine(number),
                Wire::ToAgent {
                    epoch,
                    session,
                    message,
                },
            ) => self.agent_hears(number, epoch, session, *message),
            (Client::Framework(number), wire) => self.framework_hears(number, connection, wire),
            (Client::Submitter(number), wire) => {
                self.submitter_hears(number, &wire);
                Ok(())
            }
            (Client::Machine(_), _) => Ok(()),
        }
    }

    fn closed(&mut self, connection: ConnectionId, side: Side) -> Result<(), Violation> {
        let Some(found) = self.network.get(connection) else {
            return Ok(());
        };
        let (client, owner) = (found.client, found.owner);
        if !self.network.closed(connection, side) {
            return Ok(());
        }
        if side == Side::Owner {
            self.ctx
                .note(owner, format_args!("<- {client}: connection closed"));
            return self.owner_is_cut(owner, connection, client);
        }
        self.ctx
            .note(client, format_args!("<- {owner}: connection closed"));
        match client {
            Client::Machine(number) => self.agent_is_cut(number, connection),
            Client::Framework(number) => {
                self.framework_is_cut(number, connection);
                Ok(())
            }
            Client::Submitter(number) => {
                self.submitter_is_cut(number);
                Ok(())
            }
        }
    }
}
