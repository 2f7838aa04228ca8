//! Letting machines join.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use insula_proto::rest::{MakeToken, Token};
use insula_types::{ErrorCode, Span};

use super::{ApiError, body};
use crate::auth::TenantContext;
use crate::gateway::agent::make_token;
use crate::service::Service;

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
    let life = Span::from_secs(wanted.valid_seconds);
    let (token, expires_at) = make_token(
        &service.store,
        &context.cell,
        &service.reached,
        wanted.uses,
        life,
    )
    .await?;
    Ok((
        StatusCode::CREATED,
        Json(Token {
            token: token.to_string(),
            expires_at: expires_at.0,
        }),
    ))
}
