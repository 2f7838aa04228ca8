//! Decides, before any handler, whether this replica can answer a request.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use insula_types::{AgentId, ErrorCode, LaunchId};

use super::peers::Peers;
use super::routes::{self, Patience};
use super::send::{Onward, shaped};
use super::stamp::{Forwarded, HOPS_MAX, Passed};
use crate::auth::{Gate, TenantContext};
use crate::gateway::ApiError;
use crate::replica::Owner;

/// Sends requests on to other replicas; cheap to clone.
#[derive(Clone)]
pub struct Forwarder {
    gate: Gate,
    /// None where this process is alone.
    peers: Option<Arc<Peers>>,
}

impl Forwarder {
    /// Without peers nothing is ever forwarded.
    #[must_use]
    pub fn new(gate: Gate, peers: Option<Arc<Peers>>) -> Self {
        Self { gate, peers }
    }

    /// Sends a request on to the replica to which an agent is connected; gives the request back if
    /// this one is as good as any other.
    pub(crate) async fn to_agent(
        &self,
        context: &TenantContext,
        passed: &Passed,
        start: (AgentId, LaunchId),
        request: Request,
    ) -> Result<Response, Request> {
        let Some(peers) = &self.peers else {
            return Err(request);
        };
        // Whoever sent it here knew that the agent was connected here; it is gone since.
        if passed.start.is_some() {
            return Err(request);
        }
        let Some(replica) = context.cell.agent_at(&start.0) else {
            return Err(request);
        };
        let Some(address) = context.cell.address_of(&replica) else {
            return Err(request);
        };
        if passed.hops >= HOPS_MAX {
            return Ok(shaped(request.uri(), too_far()));
        }
        let onward = Onward {
            address: &address,
            context,
            hops: passed.hops + 1,
            start: Some(start),
            patience: Patience::Unbounded,
        };
        Ok(peers.send(onward, request).await)
    }
}

/// Forwards a request to the owner of its cell if only the owner can answer it and this replica is not
/// the one. Whatever is wrong with the request otherwise is for its handler to say.
pub async fn forward(State(forwarder): State<Forwarder>, request: Request, next: Next) -> Response {
    let (Some(patience), Some(peers)) = (
        routes::of_owner(request.method(), request.uri()),
        &forwarder.peers,
    ) else {
        return next.run(request).await;
    };
    let (mut head, body) = request.into_parts();
    let Ok(context) = forwarder.gate.admit(&head).await else {
        return next.run(Request::from_parts(head, body)).await;
    };
    head.extensions.insert(context.clone());
    let forwarded = Forwarded::of(&head);
    let request = Request::from_parts(head, body);
    if forwarded.as_ref().is_some_and(|it| it.start.is_some()) {
        return next.run(request).await;
    }
    let Owner::There { advertise, .. } = context.cell.settled().await else {
        return next.run(request).await;
    };
    let hops = forwarded.map_or(0, |forwarded| forwarded.hops);
    if hops >= HOPS_MAX {
        return shaped(request.uri(), too_far());
    }
    let onward = Onward {
        address: &advertise,
        context: &context,
        hops: hops + 1,
        start: None,
        patience,
    };
    peers.send(onward, request).await
}

fn too_far() -> ApiError {
    ApiError::new(
        ErrorCode::Unavailable,
        "the replicas do not agree yet on who serves this cell; try again in a moment",
    )
}
