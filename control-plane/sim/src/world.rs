//! The simulated world: everything that there is, and which event goes to whom.

use std::collections::BTreeMap;

use insula_kernel::Kernel;
use insula_types::record::Record;
use insula_types::{CellId, Epoch, PartitionId, TenantId, Time};

use crate::broker::{Broker, Post, Stream};
use crate::check::{Checks, Violation, terminal};
use crate::context::Context;
use crate::driver::{Driver, DriverId};
use crate::event::Event;
use crate::framework::Framework;
use crate::machine::Machine;
use crate::network::{Client, ConnectionId, Network, Side};
use crate::replica::{Replica, ReplicaNo};
use crate::store::{Store, TransactionId};
use crate::submitter::Submitter;
use crate::wire::Wire;

/// See the module.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) ctx: Context,
    pub(crate) network: Network,
    pub(crate) store: Store,
    pub(crate) broker: Broker,
    /// Messages for an owner that has not loaded yet.
    pub(crate) unread: BTreeMap<Stream, Vec<Post>>,
    pub(crate) replicas: BTreeMap<ReplicaNo, Replica>,
    /// The partition of each cell.
    pub(crate) cells: BTreeMap<CellId, PartitionId>,
    pub(crate) machines: Vec<Machine>,
    pub(crate) frameworks: Vec<Framework>,
    pub(crate) submitters: Vec<Submitter>,
    pub(crate) checks: Checks,
    /// What waits for a paused process, in order.
    pub(crate) backlog: BTreeMap<Party, Vec<Event>>,
    /// Nothing that all depend on goes away before.
    pub(crate) whole_until: Time,
    /// How many events happened.
    pub(crate) events: u64,
    pub(crate) replica_count: u32,
    pub(crate) driver_count: u32,
    pub(crate) request_count: u64,
}

/// A process that can be paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Party {
    Replica(ReplicaNo),
    Machine(usize),
}

impl World {
    pub(crate) fn new(mut ctx: Context) -> Self {
        let cells: Vec<(CellId, PartitionId)> = (0..ctx.options.cells)
            .map(|number| {
                let partition = number % usize::from(ctx.options.partitions);
                let partition = PartitionId(u16::try_from(partition).unwrap_or(0));
                (CellId::from(format!("cell-{number}")), partition)
            })
            .collect();
        let cell = |number: usize| cells[number % cells.len()].0.clone();
        let tenants = ctx.options.tenants;
        let tenant = |number: usize| {
            let (cell, tenant) = (number % cells.len(), number / cells.len() % tenants);
            TenantId::from(format!("tenant-{cell}-{tenant}"))
        };
        let seed = ctx.rng.next() >> 1;
        let machines = 0..ctx.options.machines;
        let frameworks = 0..ctx.options.frameworks;
        let submitters = 0..ctx.options.submitters;
        let mut world = Self {
            network: Network::default(),
            store: Store::new(seed, &cells, ctx.options.partitions),
            broker: Broker::default(),
            unread: BTreeMap::new(),
            replicas: BTreeMap::new(),
            machines: machines
                .map(|number| Machine::new(number, cell(number), &mut ctx.rng))
                .collect(),
            frameworks: frameworks
                .map(|number| Framework::new(number, tenant(number), cell(number), &mut ctx.rng))
                .collect(),
            submitters: submitters
                .map(|number| Submitter::new(number, tenant(number), cell(number)))
                .collect(),
            cells: cells.iter().cloned().collect(),
            checks: Checks::default(),
            backlog: BTreeMap::new(),
            whole_until: ctx.now,
            events: 0,
            replica_count: 0,
            driver_count: 0,
            request_count: 0,
            ctx,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for _ in 0..self.ctx.options.replicas {
            self.ctx.within(0, 3_000, Event::ReplicaStarts);
        }
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
            event @ (Event::ReplicaStarts
            | Event::KeeperBeats(_)
            | Event::BeatArrives(..)
            | Event::BeatAnswered(..)
            | Event::TakeArrives(..)
            | Event::Taken(..)
            | Event::GiveArrives(_)
            | Event::LinksBeat(_)
            | Event::Posted(..)
            | Event::BrokerLost(_)
            | Event::DriverTimer(_)) => self.replicas_go_on(event),
            Event::Fence(transaction) => {
                self.store.fence(&mut self.ctx, transaction);
                Ok(())
            }
            Event::Commit(transaction) => self.commit(transaction),
            Event::Committed(driver, transaction, answer) => {
                self.driver_hears_of_commit(driver, transaction, answer)
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

    /// What happens between replicas, the database and the broker.
    fn replicas_go_on(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::ReplicaStarts => self.replica_starts(),
            Event::KeeperBeats(no) => self.keeper_beats(no),
            Event::BeatArrives(no, sent, beat) => self.beat_arrives(no, sent, &beat),
            Event::BeatAnswered(no, sent, asked, found) => {
                return self.beat_is_answered(no, sent, &asked, &found);
            }
            Event::TakeArrives(no, sent, partition) => self.take_arrives(no, sent, partition),
            Event::Taken(no, sent, partition, taken) => {
                return self.taken(no, sent, partition, taken.map(|taken| *taken));
            }
            Event::GiveArrives(id) => self.store.give(id.partition, id.epoch, &id.replica.id()),
            Event::LinksBeat(no) => return self.links_beat(no),
            Event::Posted(stream, post) => return self.posted(stream, post),
            Event::BrokerLost(no) => return self.broker_is_lost(no),
            Event::DriverTimer(id) => return self.driver_timer(id),
            _ => {}
        }
        Ok(())
    }

    fn posted(&mut self, stream: Stream, post: Post) -> Result<(), Violation> {
        if !self.broker.arrives(&mut self.ctx, stream, &post) {
            return Ok(());
        }
        match stream {
            Stream::Out(no) => self.gateway_reads(no, post),
            Stream::In(partition, epoch) => match self.owner_of(partition, epoch) {
                Some(id) => self.owner_reads(id, post),
                None => {
                    self.unread.entry(stream).or_default().push(post);
                    Ok(())
                }
            },
        }
    }

    fn commit(&mut self, transaction: TransactionId) -> Result<(), Violation> {
        let Some((driver, commit)) = self.store.commit(&mut self.ctx, transaction) else {
            return Ok(());
        };
        let number = commit.number();
        self.ctx.note(
            "store",
            format_args!("commit {number} of {driver} happened"),
        );
        self.checks.owners.commits_never_interleave(driver)?;
        self.checks
            .marks
            .are_applied(driver.partition, &commit.marks)?;
        for (cell, records) in &commit.cells {
            for record in records {
                self.check_record(cell, record)?;
            }
        }
        Ok(())
    }

    fn check_record(&mut self, cell: &CellId, record: &Record) -> Result<(), Violation> {
        self.checks.durable.remember(cell, record);
        let Record::Task(row) = record else {
            return Ok(());
        };
        self.checks
            .traces
            .each_start_has_one_of_its_own(cell, row)?;
        self.checks.starts.only_what_started_finishes(cell, row)?;
        self.checks
            .launches
            .are_not_more_than_asked_for(cell, row)?;
        let machines = self.machines.iter();
        let machine = machines.filter(|machine| machine.id == row.agent);
        let running = machine.flat_map(|machine| machine.shepherd.running());
        terminal::an_end_is_told_of_what_has_ended(row, running)
    }

    /// The cell that a client belongs to.
    pub(crate) fn cell_of(&self, client: Client) -> &CellId {
        match client {
            Client::Machine(number) => &self.machines[number].cell,
            Client::Framework(number) => &self.frameworks[number].cell,
            Client::Submitter(number) => &self.submitters[number].cell,
        }
    }

    pub(crate) fn owner_of(&self, partition: PartitionId, epoch: Epoch) -> Option<DriverId> {
        let drivers = self
            .replicas
            .values()
            .flat_map(|replica| replica.drivers.values());
        let mut ids = drivers.map(|driver| driver.id);
        ids.find(|id| (id.partition, id.epoch) == (partition, epoch))
    }

    /// The driver whose word counts, if there is one now.
    pub(crate) fn driver_of(&self, partition: PartitionId) -> Option<&Driver> {
        let id = self.owner_of(partition, self.store.head(partition).epoch)?;
        self.driver(id)
    }

    /// The kernel of a cell, as its owner has it.
    pub(crate) fn kernel_of(&self, cell: &CellId) -> Option<&Kernel> {
        let partition = self.cells.get(cell)?;
        self.driver_of(*partition)?.pipeline.kernel(cell)
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
        let (client, replica) = (found.client, found.replica);
        if side == Side::Replica {
            self.ctx.note(replica, format_args!("<- {client}: {wire}"));
            return self.gateway_hears(replica, connection, client, wire);
        }
        self.ctx.note(client, format_args!("<- {replica}: {wire}"));
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
        let (client, replica) = (found.client, found.replica);
        if !self.network.closed(connection, side) {
            return Ok(());
        }
        if side == Side::Replica {
            self.ctx
                .note(replica, format_args!("<- {client}: connection closed"));
            return self.gateway_is_cut(replica, connection);
        }
        self.ctx
            .note(client, format_args!("<- {replica}: connection closed"));
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
