//! Nobody is blamed for an outage of ours (rules R18, R24).

use insula_types::record::{AgentState, FrameworkState, Record};
use insula_types::{AgentId, CellId, Epoch, FrameworkKey, Span, Time};

use super::{Violation, must};
use crate::framework::Framework;
use crate::network::Connection;
use crate::store::table::Table;
use crate::world::World;

/// How much longer than its time an agent that can speak may be silent: what it says is on its way.
const ON_ITS_WAY: Span = Span::from_secs(5);

/// How much later a gateway may learn that there is a new owner, and end its streams, than that owner
/// loaded the cell: what is said is lost, and the leases are looked at.
const LEARNS: Span = Span::from_secs(10);

/// A decision against somebody.
#[derive(Debug, Clone)]
pub(crate) struct Blame {
    cell: CellId,
    whom: Whom,
    /// By whom.
    epoch: Epoch,
    /// When, in kernel time at first.
    pub(crate) at: Time,
}

#[derive(Debug, Clone)]
enum Whom {
    /// It is unreachable.
    Agent(AgentId),
    /// It did not come back.
    Framework(FrameworkKey),
}

/// What a record decides against somebody that the rows before it did not.
pub(crate) fn of(before: &Table, epoch: Epoch, cell: &CellId, record: &Record) -> Option<Blame> {
    let (whom, at) = match record {
        Record::Agent(row) => {
            let AgentState::Unreachable { since } = row.state else {
                return None;
            };
            let known = before.agents.get(&row.agent);
            if known.is_some_and(|known| known.state == row.state) {
                return None;
            }
            (Whom::Agent(row.agent.clone()), since)
        }
        Record::Framework(row) => {
            let FrameworkState::Removed { at } = row.state else {
                return None;
            };
            (Whom::Framework(row.key.clone()), at)
        }
        _ => return None,
    };
    let cell = cell.clone();
    Some(Blame {
        cell,
        whom,
        epoch,
        at,
    })
}

impl World {
    pub(crate) fn nobody_is_blamed_for_our_outages(&self, blame: &Blame) -> Result<(), Violation> {
        match &blame.whom {
            Whom::Agent(agent) => self.check_agent(agent, blame.at),
            Whom::Framework(framework) => self.check_framework(framework, blame),
        }
    }

    /// An agent that runs and is connected to a replica that runs is heard, or it is our fault.
    fn check_agent(&self, agent: &AgentId, at: Time) -> Result<(), Violation> {
        let Some(since) = self.speaks_since(agent) else {
            return Ok(());
        };
        let silent_from = since + self.ctx.options.kernel.unreachable_after + ON_ITS_WAY;
        must(
            at <= silent_from,
            "no agent is unreachable by an outage of ours",
            || format!("{agent} could speak for {} before", at.since(since)),
        )
    }

    /// Since when nothing has kept an agent's words from reaching a gateway.
    fn speaks_since(&self, agent: &AgentId) -> Option<Time> {
        let machine = self.machines.iter().find(|machine| machine.id == *agent)?;
        let connection = machine.agent.as_ref()?.connection?;
        let connection = self.network.get(connection)?;
        let replica = self.replicas.get(&connection.replica)?;
        if machine.paused || replica.paused || !connection.stands() {
            return None;
        }
        let since = connection.opened_at.max(replica.runs_since);
        Some(since.max(machine.runs_since))
    }

    /// A framework whose stream we ended has the grace to come back, and one whose stream stands is
    /// there.
    fn check_framework(&self, key: &FrameworkKey, blame: &Blame) -> Result<(), Violation> {
        let ours = |framework: &&Framework| {
            framework.cell == blame.cell && framework.key().as_ref() == Some(key)
        };
        let Some(framework) = self.frameworks.iter().find(ours) else {
            return Ok(());
        };
        let connection = framework.open_stream_in(blame.epoch);
        let connection = connection.and_then(|connection| self.network.get(connection));
        let stands = connection.is_some_and(Connection::stands);
        must(!stands, "no framework is removed while it is there", || {
            format!("{key} has a stream that stands")
        })?;
        let unnoticed = connection.and_then(|connection| connection.by_us);
        // Where the network broke the stream that it opens, it may have had the session for a moment.
        let broken = framework.opening().and_then(|id| self.network.get(id));
        let broken = broken.is_some_and(|found| !found.stands() && found.by_us.is_none());
        let ended = unnoticed.or(framework.ended_by_us.filter(|_| !broken));
        let grace = self.ctx.options.kernel.outage_grace;
        must(
            ended.is_none_or(|ended| blame.at <= ended || blame.at + LEARNS >= ended + grace),
            "no framework is removed by an outage of ours",
            || format!("{key} was removed although its stream ended by us at {ended:?}"),
        )
    }
}
