//! What a framework makes of what it hears.

use insula_kernel::{Outcome, Rejection};
use insula_types::message::ToFramework;
use insula_types::{Epoch, TaskState, TaskStatus};

use super::{Acknowledgement, Stream};
use crate::check::{Violation, must};
use crate::network::{Client, ConnectionId};
use crate::wire::Wire;
use crate::world::World;

impl World {
    /// A message arrives at a framework; one of a stream that it has given up means nothing.
    pub(crate) fn framework_hears(
        &mut self,
        number: usize,
        connection: ConnectionId,
        wire: Wire,
    ) -> Result<(), Violation> {
        let stream = self.frameworks[number].stream;
        if stream != Stream::Opening(connection) && stream != Stream::Open(connection) {
            return Ok(());
        }
        match wire {
            Wire::Answer {
                number: call,
                outcome,
            } => {
                self.framework_is_answered(number, call, outcome);
                Ok(())
            }
            Wire::ToFramework { epoch, message } => {
                self.framework_event(number, connection, epoch, *message)
            }
            _ => Ok(()),
        }
    }

    fn framework_is_answered(&mut self, number: usize, call: u64, outcome: Outcome) {
        let framework = &mut self.frameworks[number];
        let Outcome::Refused(rejection) = outcome else {
            framework.accepts.remove(&call);
            return;
        };
        // A call that was refused has changed nothing: its tasks were never accepted.
        for task in framework.accepts.remove(&call).unwrap_or_default() {
            if let Some(belief) = framework.tasks.get_mut(&task) {
                belief.over = true;
            }
        }
        match rejection {
            Rejection::FrameworkRemoved | Rejection::FrameworkUnknown => {
                self.framework_is_removed(number);
            }
            _ if call == 0 => self.framework_leaves(number),
            Rejection::WrongStream { .. } | Rejection::FrameworkNotSubscribed => {
                self.framework_leaves(number);
            }
            _ => {}
        }
    }

    fn framework_event(
        &mut self,
        number: usize,
        connection: ConnectionId,
        epoch: Epoch,
        message: ToFramework,
    ) -> Result<(), Violation> {
        let framework = &mut self.frameworks[number];
        let is_greeting = matches!(
            message,
            ToFramework::Subscribed { .. } | ToFramework::Error(_) | ToFramework::Close
        );
        let is_open = matches!(framework.stream, Stream::Open(_));
        must(
            is_greeting || is_open && epoch == framework.epoch,
            "a stream begins with its subscription, and one owner speaks on it",
            || format!("{} hears {message:?} in {epoch}", Client::Framework(number)),
        )?;
        match message {
            ToFramework::Subscribed { framework: id } => {
                must(
                    epoch >= framework.epoch,
                    "a framework never subscribes with an owner that was superseded before",
                    || format!("{id} subscribed in {} and now in {epoch}", framework.epoch),
                )?;
                framework.epoch = epoch;
                framework.id = Some(id);
                framework.ended_by_us = None;
                framework.stream = Stream::Open(connection);
                // What an earlier stream was told and this one is not: it asks.
                self.reconcile_open_tasks(number);
            }
            ToFramework::Offers(offers) => framework.offers.extend(offers),
            ToFramework::Rescind(id) => framework.offers.retain(|offer| offer.id != id),
            ToFramework::Update(status) => return self.framework_is_told(number, *status),
            // The end of the stream follows.
            ToFramework::Error(_) | ToFramework::Close => {}
            // The gateway keeps marks to itself.
            ToFramework::Mark(_) => {}
            ToFramework::Message { .. } | ToFramework::Failure { .. } => {}
        }
        Ok(())
    }

    fn framework_is_told(&mut self, number: usize, status: TaskStatus) -> Result<(), Violation> {
        let framework = &mut self.frameworks[number];
        let aware = framework.info.capabilities.partition_aware;
        if let (Some(uuid), Some(key)) = (status.uuid, framework.key()) {
            self.checks
                .durable
                .an_update_is_in_the_rows(&key, &status.task, uuid)?;
        }
        let Some(belief) = framework.tasks.get_mut(&status.task) else {
            return Err(Violation::new(
                "a framework hears of its own tasks only",
                format!(
                    "{} hears that {} is {}",
                    Client::Framework(number),
                    status.task,
                    status.state
                ),
            ));
        };
        belief.told.an_ended_task_never_changes(&status, aware)?;
        belief.state = Some(status.state);
        // A task that nobody knows and whose accept was answered is not going to come.
        let unknown = status.state == TaskState::Unknown;
        let lost = status.state == TaskState::Lost && !aware;
        belief.over |= (status.state.is_terminal() && !lost) || unknown;
        self.owe_acknowledgement(number, status);
        Ok(())
    }

    fn owe_acknowledgement(&mut self, number: usize, status: TaskStatus) {
        let framework = &mut self.frameworks[number];
        let (Some(agent), Some(uuid)) = (status.agent, status.uuid) else {
            return;
        };
        if self.ctx.fault(framework.habits.forgets) {
            return;
        }
        let most = if self.ctx.calm {
            10
        } else {
            framework.habits.acknowledges_within
        };
        let at = self.ctx.now + self.ctx.rng.millis(0, most);
        let acknowledgement = Acknowledgement {
            agent,
            task: status.task,
            uuid,
        };
        framework.owed.push((at, acknowledgement));
    }
}
