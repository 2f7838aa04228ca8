//! Connections of executors: taken up, recognized, listened to.

use std::io;

use insula_agent_core::Input;
use insula_proto::convert::wasm::trace_from_wire;
use insula_proto::insula::wasm::v1::{Call, Subscribe, call};
use insula_types::{FrameworkId, FrameworkKey, TenantId, TraceContext};
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::super::link::{self, Arrival, LinkId};
use super::{CONNECTS_WITHIN, Room};
use crate::driver::Stopped;

impl Room {
    pub(super) fn accepted(&mut self, stream: io::Result<UnixStream>) {
        match stream {
            Ok(stream) => {
                self.links_made += 1;
                let id = LinkId(self.links_made);
                let link = link::open(stream, id, self.arrivals_sender.clone());
                self.links.insert(id, (link, None));
            }
            Err(error) => tracing::warn!(%error, "a wasm executor could not connect"),
        }
    }

    pub(super) async fn arrived(&mut self, arrival: Arrival) -> Result<(), Stopped> {
        match arrival {
            Arrival::Closed { link } => {
                let framework = self
                    .links
                    .remove(&link)
                    .and_then(|(_, framework)| framework);
                if let Some(executor) = framework.and_then(|key| self.executors.get_mut(&key)) {
                    executor.disconnected(link, Instant::now() + CONNECTS_WITHIN);
                }
                Ok(())
            }
            Arrival::Calls { link, calls } => {
                let inputs: Vec<Input> = calls
                    .into_iter()
                    .flat_map(|call| self.call(link, call))
                    .collect();
                self.tell(inputs).await
            }
        }
    }

    fn call(&mut self, link: LinkId, call: Call) -> Vec<Input> {
        match call.call {
            Some(call::Call::Subscribe(subscribe)) => {
                let trace = trace_from_wire(call.trace);
                self.subscribe(link, subscribe, &trace)
            }
            Some(call::Call::Update(update)) => {
                let framework = self
                    .links
                    .get(&link)
                    .and_then(|(_, framework)| framework.clone());
                let executor = framework.and_then(|key| self.executors.get_mut(&key));
                executor
                    .map(|executor| executor.updates(vec![update]))
                    .unwrap_or_default()
            }
            None => Vec::new(),
        }
    }

    /// An executor of a former build says nothing of traces: what it is answered belongs to this
    /// agent's life then.
    fn subscribe(
        &mut self,
        link: LinkId,
        subscribe: Subscribe,
        trace: &TraceContext,
    ) -> Vec<Input> {
        let trace = if trace.is_empty() { &self.life } else { trace };
        let Some((sender, known)) = self.links.get_mut(&link) else {
            return Vec::new();
        };
        let framework = framework_of(&subscribe.framework_id);
        let is_ours = self.secret.token(&subscribe.executor_id) == subscribe.token;
        let Some(framework) = framework.filter(|_| is_ours) else {
            tracing::warn!(
                subscribe.executor_id,
                "an unknown wasm executor was refused"
            );
            self.links.remove(&link);
            return Vec::new();
        };
        let executor = self.executors.entry(framework.clone()).or_default();
        let process = executor
            .process
            .get_or_insert_with(|| subscribe.executor_id.clone());
        if *process != subscribe.executor_id {
            tracing::warn!(subscribe.executor_id, "a second wasm executor was refused");
            self.links.remove(&link);
            return Vec::new();
        }
        *known = Some(framework.clone());
        let sender = sender.clone();
        let inputs = executor.subscribe(link, &sender, trace, subscribe.tasks, subscribe.more);
        for input in &inputs {
            // Of what this executor says it is also told what becomes of it.
            if let Input::Started { launch, .. }
            | Input::Ended { launch, .. }
            | Input::StartFailed { launch, .. } = input
            {
                self.frameworks.insert(*launch, framework.clone());
            }
        }
        inputs
    }
}

/// The key that [`FrameworkKey`] prints as.
fn framework_of(text: &str) -> Option<FrameworkKey> {
    let (tenant, framework) = text.split_once('/')?;
    Some(FrameworkKey {
        tenant: TenantId::new(tenant).ok()?,
        framework: FrameworkId::new(framework).ok()?,
    })
}
