//! The closed set of codes that clients may match on.

use serde::{Deserialize, Serialize};

/// What kind of failure a client met; mapped to HTTP and gRPC in one file of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request itself is wrong; repeating it will not help.
    InvalidArgument,
    /// No valid credential was given.
    Unauthenticated,
    /// The credential does not allow this.
    PermissionDenied,
    /// The named thing does not exist.
    NotFound,
    /// The thing exists already, or changed in the meantime.
    Conflict,
    /// The state of the system does not allow this now.
    FailedPrecondition,
    /// The request is larger than is accepted.
    TooLarge,
    /// A limit of the tenant or of the service is reached; try again later.
    ResourceExhausted,
    /// Known, but not supported by this version.
    Unimplemented,
    /// The service cannot answer now; certainly nothing was done; try again.
    Unavailable,
    /// A defect of the service.
    Internal,
}

impl ErrorCode {
    /// The code as clients see it in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::FailedPrecondition => "failed_precondition",
            Self::TooLarge => "too_large",
            Self::ResourceExhausted => "resource_exhausted",
            Self::Unimplemented => "unimplemented",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}
