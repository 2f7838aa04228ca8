//! Why a request is not answered as asked.

use std::error::Error;
use std::sync::Arc;

use axum::response::Response;
use tonic::{Code, Status};

/// Travels with an answer inside the process, for its span and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What kind of refusal, from a closed set.
    pub(crate) kind: &'static str,
    /// What the client was told.
    pub(crate) sentence: Arc<str>,
    /// What went wrong with us, which the client is not told.
    pub(crate) cause: Option<Arc<str>>,
    /// Whether it is a failure of the service, not of whoever asks.
    pub(super) is_failure: bool,
    /// Whether something is wrong that does not pass by itself.
    pub(super) is_defect: bool,
}

impl Refused {
    /// Notes on an answer why it is none; what kind of failure it is its status says.
    pub(crate) fn note(
        response: &mut Response,
        kind: &'static str,
        sentence: &str,
        cause: Option<Arc<str>>,
    ) {
        let status = response.status();
        let refused = Self {
            kind,
            sentence: sentence.into(),
            is_defect: status == http::StatusCode::INTERNAL_SERVER_ERROR,
            is_failure: status.is_server_error() && status != http::StatusCode::NOT_IMPLEMENTED,
            cause,
        };
        response.extensions_mut().insert(refused);
    }

    /// Why an answer is none, if it is none.
    pub(super) fn of(response: &Response) -> Option<Self> {
        if let Some(refused) = response.extensions().get::<Self>() {
            return Some(refused.clone());
        }
        if let Some(status) = response.extensions().get::<Status>() {
            return Self::of_grpc(status);
        }
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            let sentence = status.canonical_reason().unwrap_or("refused");
            return Some(Self {
                kind: "answered_elsewhere",
                sentence: sentence.into(),
                cause: None,
                is_failure: false,
                is_defect: false,
            });
        }
        None
    }

    fn of_grpc(status: &Status) -> Option<Self> {
        let code = status.code();
        let is_failure = matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        );
        (code != Code::Ok).then(|| Self {
            kind: kind(code),
            sentence: status.message().into(),
            cause: status.source().map(|cause| cause.to_string().into()),
            is_failure,
            is_defect: matches!(code, Code::Unknown | Code::Internal | Code::DataLoss),
        })
    }
}

/// The names of gRPC's codes, as the other interfaces write theirs.
fn kind(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "conflict",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "too_large",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}
