//! `GET /metrics`: for Prometheus, and for the operator alone, since it names all tenants.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use insula_telemetry::metrics::Metrics;
use insula_types::ErrorCode;

use crate::auth::TenantContext;
use crate::gateway::ApiError;
use crate::service::Service;

/// The route.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(service)
}

async fn metrics(
    context: TenantContext,
    State(service): State<Arc<Service>>,
) -> Result<Response, ApiError> {
    if !context.admin {
        return Err(ApiError::new(
            ErrorCode::PermissionDenied,
            "the metrics of a replica name all of its tenants and are for the operator only",
        ));
    }
    let text = service.collector.text(&service).await;
    Ok(([(CONTENT_TYPE, Metrics::content_type())], text).into_response())
}
