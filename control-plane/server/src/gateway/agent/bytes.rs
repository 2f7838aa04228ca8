//! Modules to agents, output from agents, input to agents.

use futures::Stream;
use insula_proto::convert::agent::CHUNK_BYTES_MAX;
use insula_proto::insula::agent::v1::{Chunk, FetchModuleRequest, OutputChunk};
use insula_store::{AgentIdentity, TaskFilter, TaskGroup};
use insula_types::{AgentId, ErrorCode, TenantId};
use tonic::{Status, Streaming};

use super::ApiError;
use crate::relay::Expected;
use crate::service::Service;

/// The bytes of a module for an agent that has a task of the tenant that owns it.
pub(super) async fn module(
    service: &Service,
    agent: &AgentIdentity,
    request: FetchModuleRequest,
) -> Result<impl Stream<Item = Result<Chunk, Status>> + Send + use<>, ApiError> {
    let tenant = TenantId::from(request.tenant);
    let digest = request
        .digest
        .parse()
        .map_err(|error: insula_store::NotADigest| ApiError::invalid(error.to_string()))?;
    if !has_task_of(service, agent, &tenant).await? {
        let sentence = format!("agent {} has no task of the tenant {tenant}", agent.agent);
        return Err(ApiError::new(ErrorCode::PermissionDenied, sentence));
    }
    if service.store.module(&tenant, &digest).await?.is_none() {
        return Err(ApiError::not_found(format!("there is no module {digest}")));
    }
    let bytes = service.store.open_module(&digest).await?;
    Ok(futures::stream::unfold(Some(bytes), |bytes| async move {
        let mut bytes = bytes?;
        match bytes.next(CHUNK_BYTES_MAX).await {
            Ok(None) => None,
            Ok(Some(data)) => Some((Ok(Chunk { data }), Some(bytes))),
            Err(error) => {
                tracing::error!(%error, "cannot read a module");
                Some((Err(Status::internal("the module cannot be read")), None))
            }
        }
    }))
}

async fn has_task_of(
    service: &Service,
    agent: &AgentIdentity,
    tenant: &TenantId,
) -> Result<bool, ApiError> {
    let filter = TaskFilter {
        tenant: Some(tenant.clone()),
        agent: Some(agent.agent.clone()),
        group: Some(TaskGroup::Active),
        ..TaskFilter::default()
    };
    let page = service.store.tasks(&agent.cell, &filter, None, 1).await?;
    Ok(!page.rows.is_empty())
}

/// Joins an agent's output with whoever asked for it; ends when either has had enough.
pub(super) async fn output(
    service: &Service,
    agent: &AgentId,
    mut chunks: Streaming<OutputChunk>,
) -> Result<(), Status> {
    let first = chunks.message().await?;
    let first = first.ok_or_else(|| Status::invalid_argument("the output names no request"))?;
    let Some(Expected::Output(reader)) = service.relay.answer(agent, &first.request_id) else {
        return Err(unasked());
    };
    let mut next = Some(first);
    while let Some(chunk) = next {
        if !chunk.data.is_empty() && !reader.send(chunk.data).await {
            return Ok(());
        }
        if chunk.last {
            reader.finish();
            return Ok(());
        }
        next = tokio::select! {
            next = chunks.message() => next?,
            // Somebody who reads a quiet task and goes away must not leave the call open.
            () = reader.closed() => return Ok(()),
        };
    }
    Err(Status::aborted("the output ended without its last message"))
}

/// The input that waits under a request.
pub(super) fn input(
    service: &Service,
    agent: &AgentId,
    request_id: &str,
) -> Result<impl Stream<Item = Result<Chunk, Status>> + Send + use<>, Status> {
    let Some(Expected::Input(source)) = service.relay.answer(agent, request_id) else {
        return Err(unasked());
    };
    Ok(futures::stream::unfold(source, |mut source| async move {
        let chunk = match source.next().await {
            Ok(data) => Ok(Chunk { data: data? }),
            Err(given_up) => Err(Status::aborted(given_up.to_string())),
        };
        Some((chunk, source))
    }))
}

fn unasked() -> Status {
    Status::not_found("nobody waits for this request any more")
}
