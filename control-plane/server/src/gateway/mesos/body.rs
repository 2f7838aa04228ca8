//! Reads the body of a call.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use insula_proto::decode::BODY_BYTES_MAX;

use super::refusal::Refusal;

/// A client that takes longer to send a call is stuck, or holds memory on purpose.
const ARRIVAL: Duration = Duration::from_secs(30);

/// The whole body, if it is not too long and arrives in time. One that announces to be too long is
/// refused before any of it is read.
pub(super) async fn read(body: Body) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(Refusal::BodyTooLarge);
    }
    let collected = Limited::new(body, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(ARRIVAL, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
        // The connection broke, so that nobody reads this answer, or the body never came.
        Ok(Err(_)) | Err(_) => Err(Refusal::BodyIncomplete),
    }
}
