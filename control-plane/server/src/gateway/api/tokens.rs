//! Letting machines join.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use insula_proto::join_token::is_address;
use insula_proto::rest::{MakeToken, Token};
use insula_types::{ErrorCode, Span};

use super::{ApiError, body};
use crate::auth::TenantContext;
use crate::gateway::agent::make_token;
use crate::service::{Reached, Service};

/// Most machines that one token lets in: a token that leaks costs no more than that.
const USES_MAX: u32 = 10_000;
/// Longest life of a token, in seconds: 30 days.
const VALID_SECONDS_MAX: u64 = 30 * 24 * 3600;

pub(super) async fn make(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    body: Body,
) -> Result<(StatusCode, Json<Token>), ApiError> {
    if !context.admin {
        let sentence = "only an administrator may let machines join";
        return Err(ApiError::new(ErrorCode::PermissionDenied, sentence));
    }
    let wanted: MakeToken = body::json_or_nothing(body).await?;
    if !(1..=USES_MAX).contains(&wanted.uses) {
        return Err(ApiError::invalid(format!(
            "a token is for 1 to {USES_MAX} machines"
        )));
    }
    if !(1..=VALID_SECONDS_MAX).contains(&wanted.valid_seconds) {
        let sentence = format!("a token is valid for 1 to {VALID_SECONDS_MAX} seconds");
        return Err(ApiError::invalid(sentence));
    }
    let reached = reached(&service, wanted.address)?;
    let life = Span::from_secs(wanted.valid_seconds);
    let (token, expires_at) = make_token(
        &service.store,
        context.cell.cell(),
        &reached,
        wanted.uses,
        life,
    )
    .await?;
    Ok((
        StatusCode::CREATED,
        Json(Token {
            token: token.to_string(),
            address: token.address,
            expires_at: expires_at.0,
        }),
    ))
}

/// Where agents reach this control plane: only whoever asks knows of the network in between.
fn reached(service: &Service, named: Option<String>) -> Result<Reached, ApiError> {
    let mut reached = service.reached.clone();
    if let Some(address) = named {
        if !is_address(&address) {
            let sentence = format!("'{address}' is no address of the form host:port");
            return Err(ApiError::invalid(sentence));
        }
        reached.address = address;
    }
    Ok(reached)
}
