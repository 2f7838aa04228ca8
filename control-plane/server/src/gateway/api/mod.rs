//! The Insula API under `/v1`; [`insula_proto::rest`] has the table of requests and answers.
//!
//! A handler takes a [`crate::auth::TenantContext`], so none can forget to ask who calls, and answers
//! with a type of `rest` or an [`super::ApiError`].

mod body;
mod cluster;
mod events;
mod held;
mod list;
mod lookup;
mod modules;
mod output;
mod replicas;
mod stdin;
mod submit;
mod tasks;
mod tokens;
mod trace;
mod view;
mod wait;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, delete, get, post, put};

use super::ApiError;
use crate::service::Service;

/// The routes of the API.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v1/tasks", get(list::list).post(submit::submit))
        .route("/v1/tasks/{id}", get(tasks::show))
        .route("/v1/tasks/{id}/why", get(tasks::why))
        .route("/v1/tasks/{id}/trace", get(trace::trace))
        .route("/v1/tasks/{id}/kill", post(tasks::kill))
        .route("/v1/tasks/{id}/output/{stream}", get(output::output))
        .route("/v1/tasks/{id}/stdin", put(stdin::feed))
        .route("/v1/modules", get(modules::list).put(modules::push))
        .route("/v1/modules/{digest}", delete(modules::remove))
        .route("/v1/agents", get(cluster::agents))
        .route("/v1/agents/{id}/discard", post(held::discard))
        .route("/v1/frameworks", get(cluster::frameworks))
        .route("/v1/offers", get(cluster::offers))
        .route("/v1/tokens", post(tokens::make))
        .route("/v1/events", get(events::events))
        .route("/v1/replicas", get(replicas::replicas))
        .route("/v1/partitions", get(replicas::partitions))
        .route("/v1/version", get(cluster::version))
        .route("/v1", any(unknown))
        .route("/v1/", any(unknown))
        .route("/v1/{*rest}", any(unknown))
        .method_not_allowed_fallback(unknown)
        .with_state(service)
}

async fn unknown(method: http::Method, uri: http::Uri) -> ApiError {
    let path = uri.path();
    ApiError::not_found(format!("there is no {method} {path} in this API"))
}
