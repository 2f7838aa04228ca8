//! What agents hold and no row knows (rule R5): an operator decides.

use http::StatusCode;
use insula_kernel::{Input, Outcome};
use insula_types::{AgentId, ErrorCode};

use super::ApiError;
use super::body::Segments;
use crate::auth::TenantContext;
use crate::gateway::requests::Arrival;

pub(super) async fn discard(
    context: TenantContext,
    arrival: Arrival,
    Segments(agent): Segments<String>,
) -> Result<StatusCode, ApiError> {
    if !context.admin {
        let sentence = "only an operator may have discarded what an agent holds";
        return Err(ApiError::new(ErrorCode::PermissionDenied, sentence));
    }
    let agent = AgentId::new(&agent)
        .map_err(|error| ApiError::invalid(format!("'{agent}' is no agent: {error}")))?;
    let outcome = context
        .cell
        .ask(arrival.context(), |request| Input::DiscardHeld {
            request,
            agent,
        })
        .await?;
    match outcome {
        Outcome::Refused(rejection) => Err(rejection.into()),
        _ => Ok(StatusCode::ACCEPTED),
    }
}
