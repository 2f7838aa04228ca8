//! Every answer that is not a success: its sentence and its status, in one table.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use insula_kernel::Rejection;
use insula_proto::DecodeError;
use insula_proto::decode::BODY_BYTES_MAX;
use insula_proto::validate::InvalidCall;
use insula_telemetry::metrics::labels::Outcome;
use insula_types::ErrorCode;

use crate::gateway::requests::Refused;
use crate::gateway::{ApiError, chain, http_status};
use crate::partition::Unavailable;

/// Why a request is not answered as asked. Where Mesos has a sentence, it is that one.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The path names nothing.
    #[error("404 Not Found.")]
    NotFound,
    /// The endpoint does not know the method.
    #[error(
        "405 Method Not Allowed. Expecting one of {{ '{}' }}, but received '{received}'.",
        allowed.replace(", ", "', '")
    )]
    Method {
        /// The methods that it knows, as the header lists them.
        allowed: &'static str,
        /// The method of the request.
        received: String,
    },
    /// Nobody says what the body is.
    #[error("Expecting 'Content-Type' to be present")]
    NoContentType,
    /// The body is something else than a call.
    #[error("Expecting 'Content-Type' of application/json or application/x-protobuf")]
    ContentType,
    /// The body is compressed.
    #[error("Expecting 'Content-Encoding' to be absent; send the body as it is")]
    ContentEncoding,
    /// The client wants its events in a form that there is not.
    #[error("Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'")]
    NotAcceptable,
    /// The body is longer than anybody needs.
    #[error("The body exceeds the limit of {BODY_BYTES_MAX} bytes; send it in parts")]
    BodyTooLarge,
    /// The body did not arrive.
    #[error("The body did not arrive in time; send the call again")]
    BodyIncomplete,
    /// The body is no call.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The call is not complete.
    #[error(transparent)]
    Invalid(#[from] InvalidCall),
    /// An operation of an accept does not say what it is.
    #[error(
        "Failed to validate scheduler::Call: Expecting 'accept.operations[{0}].type' to be present"
    )]
    OperationType(usize),
    /// A new subscription pretends to be an old one.
    #[error("Subscribe calls should not include the 'Mesos-Stream-Id' header")]
    StreamIdOfSubscribe,
    /// A call does not say to which subscription it belongs.
    #[error("All non-subscribe calls should include the 'Mesos-Stream-Id' header")]
    NoStreamId,
    /// A query parameter is not what it should be.
    #[error("Failed to parse query parameter '{name}': '{value}' is not a number")]
    Parameter {
        /// Which.
        name: &'static str,
        /// As given.
        value: String,
    },
    /// Known to Mesos, but not supported here; what it is, and what to do instead.
    #[error("{what} is not supported yet; {instead}")]
    Unsupported {
        /// The call, operation or endpoint.
        what: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// The kernel refused the call.
    #[error("{0}")]
    Rejected(Rejection),
    /// There is no credential, or a wrong one.
    #[error("{}", error.message())]
    Unauthenticated {
        /// What a credential would be for, as Mesos names it.
        realm: &'static str,
        /// What is wrong.
        error: ApiError,
    },
    /// What is wrong is the same for every interface: the credential does not allow it, the cell is
    /// not known, the database is away.
    #[error("{}", .0.message())]
    General(ApiError),
    /// The owner of the cell does not answer; certainly nothing was done.
    #[error("{0}")]
    Unavailable(Unavailable),
    /// The owner of the cell failed while the call was under way (rule R16).
    #[error(
        "Whether the call was carried out is not known; subscribe again and reconcile before you repeat it"
    )]
    Uncertain,
    /// Something of ours failed; the log says what, where the request ends.
    #[error("The control plane failed to {doing}; its log says why")]
    Internal {
        /// What it could not do.
        doing: &'static str,
        /// Why, for the log only.
        cause: Option<Arc<str>>,
    },
}

impl Refusal {
    /// Something that the control plane could not do, with its cause for the log only.
    pub(super) fn internal(doing: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Internal {
            doing,
            cause: Some(chain(error).into()),
        }
    }

    /// Of which kind it is, from a closed set.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Method { .. } => "method_not_allowed",
            Self::ContentType | Self::ContentEncoding | Self::NoContentType => "content_type",
            Self::NotAcceptable => "not_acceptable",
            Self::BodyTooLarge | Self::Decode(DecodeError::TooLarge(_)) => "too_large",
            Self::BodyIncomplete => "body_incomplete",
            Self::Decode(_)
            | Self::Invalid(_)
            | Self::OperationType(_)
            | Self::Parameter { .. } => "invalid_argument",
            Self::StreamIdOfSubscribe | Self::NoStreamId => "stream_id",
            Self::Unsupported { .. } => "unimplemented",
            Self::Rejected(rejection) => rejection_kind(rejection),
            Self::Unauthenticated { .. } => "unauthenticated",
            Self::General(error) => error.code().as_str(),
            Self::Unavailable(_) => "unavailable",
            Self::Uncertain => "uncertain",
            Self::Internal { .. } => "internal",
        }
    }

    /// What became of a call, for metrics.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Unavailable(_) => Outcome::Unavailable,
            Self::Uncertain => Outcome::Uncertain,
            _ => Outcome::Refused,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::BodyTooLarge | Self::Decode(DecodeError::TooLarge(_)) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::BodyIncomplete => StatusCode::REQUEST_TIMEOUT,
            Self::NoContentType
            | Self::Decode(_)
            | Self::Invalid(_)
            | Self::OperationType(_)
            | Self::StreamIdOfSubscribe
            | Self::NoStreamId
            | Self::Parameter { .. } => StatusCode::BAD_REQUEST,
            Self::Unsupported { .. } => StatusCode::NOT_IMPLEMENTED,
            Self::Rejected(rejection) => of_rejection(rejection),
            Self::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
            Self::General(error) => http_status(error.code()),
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Uncertain | Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// That a framework is not known is 400 in Mesos, not 404.
fn of_rejection(rejection: &Rejection) -> StatusCode {
    match rejection {
        Rejection::FrameworkNotSubscribed => StatusCode::FORBIDDEN,
        Rejection::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn rejection_kind(rejection: &Rejection) -> &'static str {
    ApiError::from(rejection.clone()).code().as_str()
}

impl From<Unavailable> for Refusal {
    fn from(unavailable: Unavailable) -> Self {
        if unavailable.uncertain {
            Self::Uncertain
        } else {
            Self::Unavailable(unavailable)
        }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::General(error)
    }
}

impl From<insula_store::Error> for Refusal {
    fn from(error: insula_store::Error) -> Self {
        if error.is_away() {
            return Self::General(error.into());
        }
        Self::internal("read its database", &error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let sentence = self.to_string();
        let mut response = (self.status(), sentence.clone()).into_response();
        match &self {
            Self::General(error) | Self::Unauthenticated { error, .. } => error.note(&mut response),
            Self::Internal { cause, .. } => {
                Refused::note(&mut response, self.kind(), &sentence, cause.clone());
            }
            _ => Refused::note(&mut response, self.kind(), &sentence, None),
        }
        let headers = response.headers_mut();
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, text);
        match self {
            Self::Method { allowed, .. } => {
                headers.insert(ALLOW, HeaderValue::from_static(allowed));
            }
            Self::Unavailable(_) | Self::Rejected(Rejection::TooMany { .. }) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::General(error) if error.code() == ErrorCode::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Unauthenticated { realm, .. } => {
                let challenge = HeaderValue::from_str(&format!("Basic realm=\"{realm}\""));
                headers.extend(
                    challenge
                        .ok()
                        .map(|challenge| (WWW_AUTHENTICATE, challenge)),
                );
            }
            Self::Uncertain => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_call_that_was_certainly_not_taken_is_to_be_repeated() {
        let response = |uncertain| {
            let reason = None;
            Refusal::from(Unavailable { uncertain, reason }).into_response()
        };
        let certain = response(false);
        assert_eq!(certain.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(certain.headers().contains_key(RETRY_AFTER));
        let uncertain = response(true);
        assert_eq!(uncertain.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!uncertain.headers().contains_key(RETRY_AFTER));
        assert_eq!(
            uncertain.headers().get(CONNECTION),
            Some(&"close".parse().expect("ascii"))
        );
    }
}
