//! Lives of an agent's process: start, recovery, dial, crash, reboot.

use insula_agent_core::{Absence, Core, Input};
use insula_types::LaunchId;

use super::Agent;
use super::shepherd::Process;
use crate::check::Violation;
use crate::event::Event;
use crate::network::{Client, ConnectionId, Side};
use crate::world::World;

impl World {
    /// The agent's process starts: it reads its journal, asks for its processes, and dials.
    pub(crate) fn agent_starts(&mut self, number: usize, life: u64) -> Result<(), Violation> {
        let machine = &mut self.machines[number];
        if machine.agent.is_some() || machine.life != life {
            return Ok(());
        }
        let skew = self.ctx.options.clock_skew * 1_000_000;
        machine.clock_offset = skewed(self.ctx.rng.between(0, 2 * skew), skew);
        let core = Core::load(
            self.ctx.options.agent.clone(),
            machine.identity.clone(),
            self.ctx.rng.wide(),
            machine.disk.read(),
        )
        .map_err(|error| Violation::new("a journal that survived a crash can be read", error))?;
        machine.agent = Some(Agent {
            core,
            undone: std::collections::VecDeque::new(),
            connection: None,
            sessions: 0,
            timer_at: None,
        });
        self.ctx.note(
            &self.machines[number].id,
            format_args!("starts, life {life}"),
        );
        self.ctx
            .within(0, 500, Event::Dial(Client::Machine(number)));
        self.recover(number)
    }

    /// Tells the core of every process that is held, and of those that it misses.
    fn recover(&mut self, number: usize) -> Result<(), Violation> {
        let machine = &mut self.machines[number];
        let rebooted = std::mem::take(&mut machine.rebooted);
        let mut inputs: Vec<Input> = machine.shepherd.held.iter().filter_map(report).collect();
        let missing = machine
            .agent
            .iter()
            .flat_map(|agent| agent.core.unrecovered());
        let missing = missing.map(|record| record.launch);
        let absence = if rebooted {
            Absence::MachineRestarted
        } else {
            Absence::AgentRestarted
        };
        inputs.extend(
            missing
                .filter(|launch| !machine.shepherd.held.contains_key(launch))
                .map(|launch| Input::Absent { launch, absence }),
        );
        for input in inputs {
            self.agent_input(number, input)?;
        }
        Ok(())
    }

    /// The agent's process is gone; its processes are not.
    pub(crate) fn agent_crashes(&mut self, number: usize) {
        let machine = &mut self.machines[number];
        if machine.agent.take().is_none() {
            return;
        }
        machine.life += 1;
        machine.disk.crash(&mut self.ctx.rng);
        machine.shepherd.lose_requests(&mut self.ctx.rng);
        self.ctx
            .note(&self.machines[number].id, format_args!("crashes"));
        let client = Client::Machine(number);
        let most = self.ctx.options.notice_max;
        self.network
            .cut_all(&mut self.ctx, most, false, |connection| {
                connection.client == client
            });
    }

    /// The machine loses its power.
    pub(crate) fn machine_goes_off(&mut self, number: usize) {
        self.agent_crashes(number);
        let machine = &mut self.machines[number];
        machine.boot += 1;
        machine.rebooted = true;
        machine.shepherd.reboot(&mut self.ctx.rng);
        self.ctx
            .note(&self.machines[number].id, format_args!("is off"));
    }

    pub(crate) fn agent_returns(&mut self, number: usize, low: u64, high: u64) {
        let life = self.machines[number].life;
        let event = Event::AgentStarts {
            machine: number,
            life,
        };
        self.ctx.within(low, high, event);
    }

    /// The agent opens a connection and a session under a name that was never used.
    pub(crate) fn agent_dials(&mut self, number: usize) -> Result<(), Violation> {
        let client = Client::Machine(number);
        if self.machines[number]
            .agent
            .as_ref()
            .is_none_or(|agent| agent.connection.is_some())
        {
            return Ok(());
        }
        let Some(replica) = self.reachable_replica(client) else {
            self.ctx.within(100, 3_000, Event::Dial(client));
            return Ok(());
        };
        let connection = self.network.open(&mut self.ctx, client, replica);
        let machine = &mut self.machines[number];
        let Some(agent) = machine.agent.as_mut() else {
            return Ok(());
        };
        agent.connection = Some(connection);
        agent.sessions += 1;
        let session = format!("s{number}-{:04}-{:04}", machine.life, agent.sessions);
        let session = session.as_str().into();
        self.agent_input(number, Input::Connected { session })
    }

    /// The agent learns that its connection is over.
    pub(crate) fn agent_is_cut(
        &mut self,
        number: usize,
        connection: ConnectionId,
    ) -> Result<(), Violation> {
        let agent = self.machines[number].agent.as_mut();
        let ours = agent.and_then(|agent| agent.connection.take_if(|open| *open == connection));
        if ours.is_none() {
            return Ok(());
        }
        self.ctx
            .within(50, 3_000, Event::Dial(Client::Machine(number)));
        self.agent_input(number, Input::Disconnected)
    }

    /// The agent ends its connection, after what it has sent.
    pub(crate) fn agent_hangs_up(&mut self, number: usize) -> Result<(), Violation> {
        let agent = self.machines[number].agent.as_ref();
        let Some(connection) = agent.and_then(|agent| agent.connection) else {
            return Ok(());
        };
        self.network.close(&mut self.ctx, connection, Side::Client);
        self.network.closed(connection, Side::Client);
        self.agent_is_cut(number, connection)
    }
}

fn report((launch, process): (&LaunchId, &Process)) -> Option<Input> {
    let launch = *launch;
    match process {
        Process::Asked { .. } => None,
        Process::Running { .. } => Some(Input::Started { launch, at: None }),
        Process::Ended(end) => Some(Input::Ended {
            launch,
            end: end.clone(),
        }),
    }
}

fn skewed(drawn: u64, skew: u64) -> i64 {
    i64::try_from(drawn).unwrap_or(0) - i64::try_from(skew).unwrap_or(0)
}
