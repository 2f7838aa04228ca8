//! Reading request bodies and queries, with errors that say what is wrong.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use bytes::Bytes;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use insula_types::ErrorCode;
use serde::de::DeserializeOwned;

use super::ApiError;

/// Longest JSON document: a thousand tasks with a generous environment each.
const JSON_BYTES_MAX: usize = 4 << 20;

/// Reads a whole body.
pub(super) async fn read(body: Body, what: &str, most: usize) -> Result<Bytes, ApiError> {
    match Limited::new(body, most).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let sentence = format!("{what} is larger than the limit of {most} bytes");
            Err(ApiError::new(ErrorCode::TooLarge, sentence))
        }
        Err(error) => Err(ApiError::invalid(format!(
            "{what} could not be read: {error}"
        ))),
    }
}

/// Reads a JSON document.
pub(super) async fn json<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    let bytes = read(body, "the request", JSON_BYTES_MAX).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::invalid(format!("the request is not understood: {error}")))
}

/// The query of a request.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        query
            .map(|Query(parameters)| Self(parameters))
            .map_err(|error| {
                ApiError::invalid(format!(
                    "the query is not understood: {}",
                    error.body_text()
                ))
            })
    }
}
