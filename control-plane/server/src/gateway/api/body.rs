//! Reading what a request carries, with errors that say what is wrong.

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use bytes::Bytes;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use insula_types::ErrorCode;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::ApiError;

/// Longest JSON document, in bytes: a thousand tasks with a generous environment each.
const JSON_BYTES_MAX: usize = 4 << 20;
/// A client that takes longer to send a document is stuck, or holds memory on purpose.
const JSON_ARRIVAL: Duration = Duration::from_secs(30);

/// Reads a whole body of at most `most` bytes that arrives `within` so long.
pub(super) async fn read(
    body: Body,
    what: &str,
    most: usize,
    within: Duration,
) -> Result<Bytes, ApiError> {
    let collected = Limited::new(body, most).collect();
    match timeout(within, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let sentence = format!("{what} is larger than the limit of {most} bytes");
            Err(ApiError::new(ErrorCode::TooLarge, sentence))
        }
        Ok(Err(error)) => Err(ApiError::invalid(format!(
            "{what} could not be read: {error}"
        ))),
        Err(_) => Err(ApiError::invalid(format!(
            "{what} did not arrive within {} seconds",
            within.as_secs()
        ))),
    }
}

/// Reads a JSON document.
pub(super) async fn json<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    parse(&read(body, "the request", JSON_BYTES_MAX, JSON_ARRIVAL).await?)
}

/// Reads a JSON document all of whose keys may be left out, and with them the document.
pub(super) async fn json_or_nothing<T: DeserializeOwned + Default>(
    body: Body,
) -> Result<T, ApiError> {
    let bytes = read(body, "the request", JSON_BYTES_MAX, JSON_ARRIVAL).await?;
    if bytes.is_empty() {
        return Ok(T::default());
    }
    parse(&bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes)
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

/// The variable parts of a request's path.
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        path.map(|Path(segments)| Self(segments)).map_err(|error| {
            ApiError::invalid(format!("the path is not understood: {}", error.body_text()))
        })
    }
}
