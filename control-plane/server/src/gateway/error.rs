//! The one place where error codes become HTTP statuses and gRPC codes.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use insula_kernel::Rejection;
use insula_proto::rest::{ErrorBody, ErrorDetail};
use insula_types::ErrorCode;

use super::requests::Refused;
use crate::partition::Unavailable;

/// What a caller without a credential is asked for (RFC 9110, section 11.6.1).
const CHALLENGE: &str = "Basic realm=\"insula\", Bearer realm=\"insula\"";

/// What a client of the Insula API gets instead of an answer.
#[derive(Debug, Clone)]
pub struct ApiError {
    detail: ErrorDetail,
    /// What went wrong with us: for the log, where the request ends.
    cause: Option<Arc<str>>,
}

impl ApiError {
    /// An error with its sentence: what failed and why.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            detail: ErrorDetail {
                code,
                message: message.into(),
                hint: None,
            },
            cause: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.detail.hint = Some(hint.into());
        self
    }

    /// The request is wrong.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidArgument, message)
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    /// Something of ours failed; the details go to the log, not to the client.
    #[must_use]
    pub fn internal(doing: &'static str, error: &dyn std::error::Error) -> Self {
        Self::new(
            ErrorCode::Internal,
            format!("the control plane failed to {doing}"),
        )
        .hint("its log says why")
        .because(error)
    }

    /// Adds what went wrong with us, which the client is not told.
    #[must_use]
    pub(crate) fn because(mut self, error: &dyn std::error::Error) -> Self {
        self.cause = Some(chain(error).into());
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.detail.code
    }

    /// The sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.detail.message
    }

    /// Notes on an answer of another shape that it stands for this.
    pub(crate) fn note(&self, response: &mut Response) {
        let cause = self.cause.clone();
        Refused::note(response, self.code().as_str(), self.message(), cause);
    }
}

/// An error and all its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The HTTP status of a code.
#[must_use]
pub fn http_status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidArgument => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Conflict => StatusCode::CONFLICT,
        ErrorCode::FailedPrecondition => StatusCode::PRECONDITION_FAILED,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The gRPC code of a code.
#[must_use]
pub fn grpc_code(code: ErrorCode) -> tonic::Code {
    match code {
        ErrorCode::InvalidArgument => tonic::Code::InvalidArgument,
        ErrorCode::Unauthenticated => tonic::Code::Unauthenticated,
        ErrorCode::PermissionDenied => tonic::Code::PermissionDenied,
        ErrorCode::NotFound => tonic::Code::NotFound,
        ErrorCode::Conflict => tonic::Code::AlreadyExists,
        ErrorCode::FailedPrecondition => tonic::Code::FailedPrecondition,
        ErrorCode::TooLarge => tonic::Code::OutOfRange,
        ErrorCode::ResourceExhausted => tonic::Code::ResourceExhausted,
        ErrorCode::Unimplemented => tonic::Code::Unimplemented,
        ErrorCode::Unavailable => tonic::Code::Unavailable,
        ErrorCode::Internal => tonic::Code::Internal,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = http_status(self.code());
        let error = self.detail.clone();
        let mut response = (status, Json(ErrorBody { error })).into_response();
        self.note(&mut response);
        let header = match status {
            StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, "1")),
            StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, CHALLENGE)),
            _ => None,
        };
        if let Some((name, value)) = header {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl From<ApiError> for tonic::Status {
    fn from(error: ApiError) -> Self {
        let mut status = Self::new(grpc_code(error.code()), error.message());
        if let Some(cause) = error.cause {
            let cause = Box::<dyn std::error::Error + Send + Sync>::from(cause.as_ref());
            status.set_source(cause.into());
        }
        status
    }
}

impl From<Unavailable> for ApiError {
    fn from(unavailable: Unavailable) -> Self {
        if unavailable.uncertain {
            // Not `Unavailable`, which invites to try again (rule R16).
            return Self::new(
                ErrorCode::Internal,
                "the scheduler failed while the request was under way",
            )
            .hint("whether it was carried out is not known; look before you repeat it");
        }
        Self::new(ErrorCode::Unavailable, unavailable.to_string())
    }
}

impl From<insula_store::Error> for ApiError {
    fn from(error: insula_store::Error) -> Self {
        if error.is_away() {
            return Self::new(
                ErrorCode::Unavailable,
                "the control plane does not reach its database now; try again in a moment",
            )
            .because(&error);
        }
        Self::internal("use its database", &error)
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let code = match &rejection {
            Rejection::TaskExists(_) => ErrorCode::Conflict,
            Rejection::TaskUnknown(_) | Rejection::FrameworkUnknown => ErrorCode::NotFound,
            Rejection::TooMany { .. } => ErrorCode::ResourceExhausted,
            Rejection::Role(_) | Rejection::Subscription(_) => ErrorCode::InvalidArgument,
            Rejection::FrameworkNotSubscribed
            | Rejection::FrameworkRemoved
            | Rejection::WrongStream { .. }
            | Rejection::AgentSession { .. }
            | Rejection::ForeignCheckpoint(_)
            | Rejection::Flapping(_)
            | Rejection::Watermark { .. }
            | Rejection::Discard { .. } => ErrorCode::FailedPrecondition,
        };
        Self::new(code, rejection.to_string())
    }
}
