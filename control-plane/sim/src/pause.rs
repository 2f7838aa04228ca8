//! Processes that do nothing for a while, as under a debugger, a full disk or a suspended machine:
//! what is meant for them waits, in order.

use crate::broker::Stream;
use crate::check::Violation;
use crate::event::Event;
use crate::network::{Client, Side};
use crate::world::{Party, World};

impl World {
    /// Pauses a process for up to so many milliseconds.
    pub(crate) fn pause(&mut self, party: Party, most: u64) {
        let paused = match party {
            Party::Replica(no) => {
                let replica = self.replicas.get_mut(&no);
                replica.map(|replica| &mut replica.paused)
            }
            Party::Machine(number) => Some(&mut self.machines[number].paused),
        };
        if let Some(paused) = paused
            && !std::mem::replace(paused, true)
        {
            self.ctx.within(10, most, Event::Resume(party));
        }
    }

    pub(crate) fn resume(&mut self, party: Party) -> Result<(), Violation> {
        match party {
            Party::Replica(no) => self.replica_goes_on(no)?,
            Party::Machine(number) => {
                self.machines[number].paused = false;
                self.machines[number].runs_since = self.ctx.now;
            }
        }
        self.ctx.note("resumed", format_args!("{party:?}"));
        for event in self.backlog.remove(&party).unwrap_or_default() {
            self.happen(event)?;
        }
        Ok(())
    }

    /// The paused process that an event is for.
    pub(crate) fn paused(&self, event: &Event) -> Option<Party> {
        let party = self.receiver(event)?;
        let paused = match party {
            Party::Replica(no) => self.replicas.get(&no)?.paused,
            Party::Machine(number) => self.machines[number].paused,
        };
        paused.then_some(party)
    }

    fn receiver(&self, event: &Event) -> Option<Party> {
        match event {
            Event::Arrive {
                connection, side, ..
            }
            | Event::Closed { connection, side } => {
                let connection = self.network.get(*connection)?;
                match (side, connection.client) {
                    (Side::Replica, _) => Some(Party::Replica(connection.replica)),
                    (Side::Client, Client::Machine(number)) => Some(Party::Machine(number)),
                    (Side::Client, Client::Framework(_) | Client::Submitter(_)) => None,
                }
            }
            Event::Committed(id, _, _) | Event::DriverTimer(id) => Some(Party::Replica(id.replica)),
            // The statement that comes next is not sent.
            Event::Fence(transaction) | Event::Commit(transaction) => {
                let driver = self.store.driver_of(*transaction)?;
                Some(Party::Replica(driver.replica))
            }
            Event::KeeperBeats(no)
            | Event::BeatAnswered(no, ..)
            | Event::Taken(no, ..)
            | Event::LinksBeat(no)
            | Event::BrokerLost(no)
            | Event::Posted(Stream::Out(no), _) => Some(Party::Replica(*no)),
            Event::Posted(Stream::In(partition, epoch), _) => {
                let id = self.owner_of(*partition, *epoch)?;
                Some(Party::Replica(id.replica))
            }
            Event::AgentTimer { machine, .. } | Event::Synced { machine, .. } => {
                Some(Party::Machine(*machine))
            }
            Event::Dial(Client::Machine(machine)) => Some(Party::Machine(*machine)),
            // The shepherd is a process of its own; what it says while the agent is paused is said
            // again when the agent recovers, so its events wait with the agent's.
            Event::ProcessStarts { machine, .. } | Event::ProcessEnds { machine, .. } => {
                Some(Party::Machine(*machine))
            }
            Event::Dial(Client::Framework(_) | Client::Submitter(_))
            | Event::ReplicaStarts
            | Event::BeatArrives(..)
            | Event::TakeArrives(..)
            | Event::GiveArrives(_)
            | Event::AgentStarts { .. }
            | Event::AgentCrashes { .. }
            | Event::FrameworkActs(_)
            | Event::SubmitterActs(_)
            | Event::Resume(_)
            | Event::Fault => None,
        }
    }
}
