//! A request's task has ended: the request is done, or is started once more.

use insula_types::event::{Event, EventKind};
use insula_types::record::Record;
use insula_types::{LaunchId, TaskKey, TaskState};

use crate::Kernel;
use crate::builtin::fill::next_trace;
use crate::out::Out;

impl Kernel {
    /// Retries only what certainly does not run any more (see [`TaskState::is_retried`]), under the
    /// same task id and a new launch id.
    pub(crate) fn request_ended(
        &mut self,
        key: &TaskKey,
        launch: LaunchId,
        state: TaskState,
        out: &mut Out,
    ) {
        let tenant = &key.framework.tenant;
        let Some(requests) = self.requests.get_mut(tenant) else {
            return;
        };
        let Some(row) = requests
            .rows
            .get_mut(&key.task)
            .filter(|row| row.launch == Some(launch))
        else {
            return;
        };
        if !state.is_retried() || row.request.retries == 0 {
            requests.rows.remove(&key.task);
            out.persist(Record::RequestDone(tenant.clone(), key.task.clone()));
            return;
        }
        row.request.retries -= 1;
        row.launch = None;
        out.persist(Record::Request(Box::new(row.clone())));
        out.publish(Event {
            at: self.now,
            trace: next_trace(row),
            kind: EventKind::RequestRetried {
                task: key.clone(),
                left: row.request.retries,
            },
        });
        self.counters.requests_retried += 1;
        self.request_waits(tenant, &key.task);
    }
}
