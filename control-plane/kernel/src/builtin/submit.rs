//! People submit tasks: all of them are taken or none.

use std::collections::BTreeSet;

use insula_types::event::{Event, EventKind};
use insula_types::record::{Record, RequestRow};
use insula_types::request::TaskRequest;
use insula_types::{RequestId, TaskKey, TenantId};

use crate::builtin::key_of;
use crate::out::Out;
use crate::{Kernel, Outcome, Rejection};

impl Kernel {
    pub(crate) fn submit(
        &mut self,
        request: RequestId,
        tenant: &TenantId,
        tasks: Vec<TaskRequest>,
        out: &mut Out,
    ) -> Result<(), Rejection> {
        self.check_submission(tenant, &tasks)?;
        self.built_in(tenant).ok_or(Rejection::TooMany {
            what: "frameworks".into(),
            limit: u32::MAX as usize,
        })?;
        let ids: Vec<_> = tasks.iter().map(|task| task.task.clone()).collect();
        for task in tasks {
            self.add_request(tenant, task, out);
        }
        self.counters.requests_submitted += ids.len() as u64;
        out.reply(request, Outcome::Submitted(ids));
        Ok(())
    }

    fn check_submission(&self, tenant: &TenantId, tasks: &[TaskRequest]) -> Result<(), Rejection> {
        let limit = self.config.requests_max;
        if self.request_count() + tasks.len() > limit {
            return Err(Rejection::TooMany {
                what: "requests".into(),
                limit,
            });
        }
        let known = self.requests.get(tenant);
        let mut seen = BTreeSet::new();
        for TaskRequest { task, .. } in tasks {
            let is_known = known.is_some_and(|requests| {
                requests.rows.contains_key(task)
                    || self.tasks.named(requests.framework, task).is_some()
            });
            if is_known || !seen.insert(task) {
                return Err(Rejection::TaskExists(task.clone()));
            }
        }
        Ok(())
    }

    fn add_request(&mut self, tenant: &TenantId, request: TaskRequest, out: &mut Out) {
        let task = request.task.clone();
        out.publish(Event {
            at: self.now,
            trace: request.trace.clone(),
            kind: EventKind::RequestSubmitted {
                task: TaskKey {
                    framework: key_of(tenant),
                    task: task.clone(),
                },
            },
        });
        let row = RequestRow {
            tenant: tenant.clone(),
            request,
            launch: None,
            attempts: 0,
            submitted_at: self.now,
            withdrawn_at: None,
        };
        out.persist(Record::Request(Box::new(row.clone())));
        if let Some(requests) = self.requests.get_mut(tenant) {
            requests.rows.insert(task.clone(), row);
        }
        self.request_waits(tenant, &task);
    }
}
