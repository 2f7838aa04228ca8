//! A subscribed framework's calls: who may call, and which verb answers.

use insula_types::{FrameworkKey, RequestId, SessionId, TraceContext};

use crate::allocator::FrameworkIdx;
use crate::framework::Link;
use crate::input::Call;
use crate::out::Out;
use crate::{Kernel, Outcome, Rejection};

impl Kernel {
    pub(crate) fn framework_call(
        &mut self,
        request: RequestId,
        key: &FrameworkKey,
        session: &SessionId,
        call: Call,
        trace: &TraceContext,
        out: &mut Out,
    ) -> Result<(), Rejection> {
        let framework = self.caller(key, session)?;
        match call {
            Call::Teardown => self.tear_down(framework, out),
            Call::Accept {
                offers,
                launches,
                filters,
            } => self.accept(framework, &offers, launches, filters, trace, out)?,
            Call::Decline { offers, filters } => self.decline(framework, &offers, filters, out),
            Call::Revive(roles) => self.revive(framework, &roles),
            Call::Suppress(roles) => self.suppress(framework, &roles),
            Call::Kill { task, agent, grace } => {
                self.kill(framework, &task, agent.as_ref(), grace, out);
            }
            Call::Acknowledge { agent, task, uuid } => {
                self.acknowledge(framework, &agent, &task, uuid, out);
            }
            Call::Reconcile(tasks) => self.reconcile(framework, tasks, out)?,
            // The gateway refuses messages to executors as long as agents run none that take them,
            // and what comes here in spite of that may be lost. Hints are ignored, as Mesos does.
            Call::Message { .. } | Call::Request => {}
        }
        out.reply(request, Outcome::Accepted);
        Ok(())
    }

    /// The framework that speaks in this session.
    fn caller(&self, key: &FrameworkKey, session: &SessionId) -> Result<FrameworkIdx, Rejection> {
        let idx = self
            .frameworks
            .find(key)
            .ok_or(Rejection::FrameworkUnknown)?;
        let client = self
            .frameworks
            .get(idx)
            .client()
            .ok_or(Rejection::FrameworkUnknown)?;
        match &client.link {
            Link::Removed => Err(Rejection::FrameworkUnknown),
            Link::Away { .. } => Err(Rejection::FrameworkNotSubscribed),
            Link::Up(current) if current != session => Err(Rejection::WrongStream {
                given: session.to_string(),
                framework: key.framework.clone(),
            }),
            Link::Up(_) => Ok(idx),
        }
    }
}
