//! Who calls, for which tenant and about which cell: the one place where that is decided.
//!
//! A handler that takes a [`TenantContext`] cannot forget to ask. It is made by the [`Gate`]:
//!
//! | connection | who calls |
//! |---|---|
//! | plain, from loopback, where no credential is configured (`insula dev`) | the tenant `default` with all rights: whoever can open such a connection can already do everything on this machine |
//! | plain from loopback, or TLS | whoever the operator's credential proves, as HTTP Basic or Bearer |
//! | TLS with a replica's certificate | whoever that replica says (rule R15) |
//! | TLS with an agent's certificate | nobody: an agent is not a user |
//!
//! The cell is `default`, or the one in the header `Insula-Cell`, or in the user name
//! `principal@CELL` for clients that cannot set a header.

mod credential;
mod gate;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use insula_types::{ErrorCode, TenantId};

pub use credential::Operator;
pub use gate::Gate;

use crate::authority::NamedAgent;
use crate::cells::Handle;
use crate::front::{Client, Connection, Security};
use crate::gateway::ApiError;

/// Name of the one tenant, and of the cell that every control plane has.
pub const DEFAULT: &str = "default";

/// Whose data a request may touch.
#[derive(Clone)]
pub struct TenantContext {
    /// The tenant.
    pub tenant: TenantId,
    /// Its cell.
    pub cell: Handle,
    /// Whether the caller may administer the cell: roles, weights, quota.
    pub admin: bool,
}

impl<S> FromRequestParts<S> for TenantContext
where
    S: Send + Sync,
    Gate: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if let Some(context) = parts.extensions.get::<Self>() {
            return Ok(context.clone());
        }
        Gate::from_ref(state).admit(parts).await
    }
}

/// Which agent calls and with which key, by its certificate; whether it is still welcome is for the
/// caller to check.
///
/// # Errors
/// [`ErrorCode::Unauthenticated`] if there is no agent's certificate.
pub fn calling_agent(connection: Option<&Connection>) -> Result<&NamedAgent, ApiError> {
    match connection.map(|connection| &connection.security) {
        Some(Security::Tls(Client::Agent(agent))) => Ok(agent),
        _ => Err(ApiError::new(
            ErrorCode::Unauthenticated,
            "this call needs an agent's certificate; enroll first",
        )),
    }
}
