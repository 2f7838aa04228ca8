//! Who calls, and for which tenant: the one place where that is decided.
//!
//! A handler that takes a [`TenantContext`] cannot forget to ask. An unauthenticated caller on a plain
//! loopback connection is the tenant `default` in the cell `default`, with all rights: whoever can
//! open such a connection can already do everything on this machine. Over TLS a credential will be
//! needed, which does not exist yet; an agent's certificate is none, since an agent is not a user.

use axum::extract::FromRequestParts;
use http::request::Parts;
use insula_types::{CellId, ErrorCode, TenantId};

use crate::authority::NamedAgent;
use crate::front::{Connection, Security};
use crate::gateway::ApiError;

/// Name of the one tenant, and of the one cell, that exist until organizations do.
pub const DEFAULT: &str = "default";

/// Whose data a request may touch.
#[derive(Debug, Clone)]
pub struct TenantContext {
    /// The tenant.
    pub tenant: TenantId,
    /// Its cell.
    pub cell: CellId,
    /// Whether the caller may administer the cell: roles, weights, quota.
    pub admin: bool,
}

impl<S: Sync> FromRequestParts<S> for TenantContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        context(parts.extensions.get::<Connection>())
    }
}

fn context(connection: Option<&Connection>) -> Result<TenantContext, ApiError> {
    match connection.map(|connection| &connection.security) {
        Some(Security::Plain) => Ok(TenantContext {
            tenant: TenantId::from(DEFAULT),
            cell: CellId::from(DEFAULT),
            admin: true,
        }),
        Some(Security::Tls { client: Some(_) }) => Err(ApiError::new(
            ErrorCode::PermissionDenied,
            "an agent's certificate is no credential for this interface",
        )),
        Some(Security::Tls { client: None }) | None => {
            let error = ApiError::new(ErrorCode::Unauthenticated, "no credential was given");
            Err(error.hint("call over http on the machine of the control plane"))
        }
    }
}

/// Which agent calls and with which key, by its certificate; whether it is still welcome is for the
/// caller to check.
///
/// # Errors
/// [`ErrorCode::Unauthenticated`] if there is no certificate or it names no agent.
pub fn calling_agent(connection: Option<&Connection>) -> Result<NamedAgent, ApiError> {
    let refuse = |sentence: &str| ApiError::new(ErrorCode::Unauthenticated, sentence);
    let Some(Connection {
        security: Security::Tls {
            client: Some(certificate),
        },
        ..
    }) = connection
    else {
        return Err(refuse(
            "this call needs an agent's certificate; enroll first",
        ));
    };
    NamedAgent::of(certificate).map_err(|error| refuse(&error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;

    fn over(security: Security) -> Connection {
        Connection {
            remote: ([127, 0, 0, 1], 1).into(),
            security,
        }
    }

    #[test]
    fn only_plain_loopback_is_trusted_without_a_credential() {
        assert_eq!(
            context(Some(&over(Security::Plain)))
                .unwrap()
                .tenant
                .as_str(),
            DEFAULT
        );
        let anonymous = context(Some(&over(Security::Tls { client: None }))).unwrap_err();
        assert_eq!(anonymous.code(), ErrorCode::Unauthenticated);
        let client = Some(Arc::new(vec![1, 2, 3].into()));
        let agent = context(Some(&over(Security::Tls { client }))).unwrap_err();
        assert_eq!(agent.code(), ErrorCode::PermissionDenied);
        assert!(context(None).is_err());
    }

    #[test]
    fn an_agent_is_who_its_certificate_names() {
        assert!(calling_agent(Some(&over(Security::Plain))).is_err());
        let client = Some(Arc::new(vec![1, 2, 3].into()));
        assert!(calling_agent(Some(&over(Security::Tls { client }))).is_err());
    }
}
