//! ACKNOWLEDGE: an update has arrived at its framework.

use insula_types::event::{Event, EventKind};
use insula_types::{AgentId, TaskId, UpdateUuid};

use crate::Kernel;
use crate::allocator::FrameworkIdx;
use crate::out::Out;

impl Kernel {
    /// Passes the acknowledgement on to the agent. One that names another agent or update than the
    /// one that waits is ignored, as Mesos does.
    pub(crate) fn acknowledge(
        &mut self,
        idx: FrameworkIdx,
        agent: &AgentId,
        task: &TaskId,
        uuid: UpdateUuid,
        out: &mut Out,
    ) {
        let Some(launch) = self.tasks.named(idx, task) else {
            return;
        };
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        if task.row.agent != *agent || task.pending() != Some(uuid) {
            return;
        }
        out.publish(Event {
            at: self.now,
            trace: task.row.trace.clone(),
            kind: EventKind::TaskAcknowledged {
                task: task.row.key.clone(),
                launch,
                agent: task.row.agent.clone(),
                state: task.row.status.state,
            },
        });
        if task.row.status.state.is_terminal() {
            self.acknowledge_end(launch, out);
        } else {
            self.acknowledge_progress(launch, uuid, out);
        }
    }
}
