//! Lets callers in.

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use insula_proto::rest::CELL_HEADER;
use insula_types::{CellId, ErrorCode, TenantId};

use super::credential::Shown;
use super::{DEFAULT, Operator, TenantContext};
use crate::cells::Cells;
use crate::forward::Forwarded;
use crate::front::{Client, Connection, Security};
use crate::gateway::ApiError;
use crate::gateway::requests::Arrival;

/// Decides who calls; cheap to clone.
#[derive(Clone)]
pub struct Gate {
    cells: Cells,
    operator: Option<Arc<Operator>>,
}

impl Gate {
    /// Without an operator whoever calls from loopback is one, and nobody else.
    #[must_use]
    pub fn new(cells: Cells, operator: Option<Operator>) -> Self {
        let operator = operator.map(Arc::new);
        Self { cells, operator }
    }

    /// Who has sent a request, and about which cell.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthenticated`] without the right credential, [`ErrorCode::PermissionDenied`]
    /// for an agent's certificate, [`ErrorCode::NotFound`] for a cell that there is not.
    pub async fn admit(&self, parts: &Parts) -> Result<TenantContext, ApiError> {
        let context = self.known(parts).await?;
        if let Some(arrival) = parts.extensions.get::<Arrival>() {
            arrival.speaks_for(&context.tenant, context.cell.cell());
        }
        Ok(context)
    }

    async fn known(&self, parts: &Parts) -> Result<TenantContext, ApiError> {
        let connection = parts.extensions.get::<Connection>().ok_or_else(refused)?;
        let cell = match &connection.security {
            Security::Tls(Client::Agent(_)) => {
                return Err(ApiError::new(
                    ErrorCode::PermissionDenied,
                    "an agent's certificate is no credential for this interface",
                ));
            }
            Security::Tls(Client::Replica(_)) => return self.forwarded(parts).await,
            Security::Plain if self.operator.is_none() => named_cell(&parts.headers, None)?,
            Security::Plain | Security::Tls(Client::Stranger) => self.checked(&parts.headers)?,
        };
        connection.welcome();
        Ok(TenantContext {
            tenant: TenantId::from(DEFAULT),
            cell: self.cells.find(&cell).await?,
            admin: true,
        })
    }

    /// The cell that the operator means.
    fn checked(&self, headers: &HeaderMap) -> Result<CellId, ApiError> {
        let Some(operator) = &self.operator else {
            return Err(refused().hint("call over http on the machine of the control plane"));
        };
        match operator.shown(headers) {
            Shown::Operator(cell) => named_cell(headers, cell),
            Shown::Nothing => Err(refused().hint(
                "give the operator's credential: --credential FILE (INSULA_CREDENTIAL), or HTTP Basic or Bearer",
            )),
            Shown::Wrong => Err(ApiError::new(
                ErrorCode::Unauthenticated,
                "the credential is not the operator's",
            )),
        }
    }

    async fn forwarded(&self, parts: &Parts) -> Result<TenantContext, ApiError> {
        let forwarded = Forwarded::of(parts).ok_or_else(|| {
            ApiError::new(
                ErrorCode::PermissionDenied,
                "a replica does not say whom it asks for",
            )
        })?;
        Ok(TenantContext {
            tenant: forwarded.tenant,
            cell: self.cells.find(&forwarded.cell).await?,
            admin: forwarded.admin,
        })
    }
}

fn refused() -> ApiError {
    ApiError::new(ErrorCode::Unauthenticated, "no credential was given")
}

/// The cell that a request names, in a header or in its credential; `default` if it names none.
fn named_cell(headers: &HeaderMap, in_credential: Option<CellId>) -> Result<CellId, ApiError> {
    let Some(header) = headers.get(CELL_HEADER) else {
        return Ok(in_credential.unwrap_or_else(|| CellId::from(DEFAULT)));
    };
    let text = header.to_str().unwrap_or("?");
    let named = CellId::new(text)
        .map_err(|error| ApiError::invalid(format!("'{text}' is no cell: {error}")))?;
    match in_credential {
        Some(cell) if cell != named => Err(ApiError::invalid(format!(
            "the header names the cell '{named}', the credential '{cell}'"
        ))),
        _ => Ok(named),
    }
}
