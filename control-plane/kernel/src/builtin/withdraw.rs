//! People change their mind.

use insula_types::event::{Event, EventKind};
use insula_types::record::Record;
use insula_types::{LaunchId, RequestId, Span, TaskId, TaskKey, TenantId};

use crate::builtin::fill::next_trace;
use crate::builtin::key_of;
use crate::out::Out;
use crate::{Kernel, Outcome, Rejection};

impl Kernel {
    /// Kills a request's task, or takes back a request that waits to be started. In the second case
    /// there is no task to have a history, so the request's own row tells what became of it.
    pub(crate) fn withdraw(
        &mut self,
        request: RequestId,
        tenant: &TenantId,
        task: &TaskId,
        grace: Option<Span>,
        out: &mut Out,
    ) -> Result<(), Rejection> {
        let row = self
            .requests
            .get(tenant)
            .and_then(|requests| requests.rows.get(task))
            .ok_or_else(|| Rejection::TaskUnknown(task.clone()))?;
        match row.launch {
            Some(launch) => self.stop_request(tenant, task, launch, grace, out),
            None => self.drop_request(tenant, task, out),
        }
        out.reply(request, Outcome::Accepted);
        Ok(())
    }

    fn stop_request(
        &mut self,
        tenant: &TenantId,
        task: &TaskId,
        launch: LaunchId,
        grace: Option<Span>,
        out: &mut Out,
    ) {
        let requests = self.requests.get_mut(tenant);
        let row = requests.and_then(|requests| requests.rows.get_mut(task));
        if let Some(row) = row.filter(|row| row.request.retries > 0) {
            row.request.retries = 0;
            out.persist(Record::Request(Box::new(row.clone())));
        }
        self.kill_launch(launch, grace, out);
    }

    fn drop_request(&mut self, tenant: &TenantId, task: &TaskId, out: &mut Out) {
        self.request_waits_no_more(tenant, task);
        let requests = self.requests.get_mut(tenant);
        let Some(mut row) = requests.and_then(|requests| requests.rows.remove(task)) else {
            return;
        };
        row.withdrawn_at = Some(self.now);
        let trace = next_trace(&row);
        out.persist(Record::Request(Box::new(row)));
        out.publish(Event {
            at: self.now,
            trace,
            kind: EventKind::RequestWithdrawn {
                task: TaskKey {
                    framework: key_of(tenant),
                    task: task.clone(),
                },
            },
        });
    }
}
