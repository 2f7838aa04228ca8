//! Who signs what.

use std::sync::Arc;
use std::time::SystemTime;

use insula_store::{Authority as StoredAuthority, Store};
use insula_types::CellId;

use super::StartError;
use crate::auth::DEFAULT;
use crate::authority::Authority;
use crate::front::{Clients, ServerCertificate, Tls, TlsError};
use crate::service::wall_clock;

/// The authority of that name: the one that the store keeps, or a new one that it keeps from now on.
/// Of several replicas that make it at once, all get the same.
pub(super) async fn kept(
    store: &Store,
    name: &str,
    cell: Option<CellId>,
    failed: impl Fn(insula_store::Error) -> StartError,
) -> Result<Authority, StartError> {
    if let Some(kept) = store.authority(name).await.map_err(&failed)? {
        return Ok(Authority::load(&kept.certificate, &kept.private_key)?);
    }
    let made = Authority::generate(&format!("insula {name}"), SystemTime::now())?;
    let row = StoredAuthority {
        name: name.to_owned(),
        cell,
        certificate: made.certificate().to_vec(),
        private_key: made.key().to_vec(),
        created_at: wall_clock(),
    };
    let kept = store.keep_authority(&row).await.map_err(&failed)?;
    Ok(Authority::load(&kept.certificate, &kept.private_key)?)
}

/// The one authority that signs agents of all cells, until there are organizations.
pub(super) async fn organization(
    store: &Store,
    failed: impl Fn(insula_store::Error) -> StartError,
) -> Result<Authority, StartError> {
    let name = format!("organization {DEFAULT}");
    kept(store, &name, Some(CellId::from(DEFAULT)), failed).await
}

/// The TLS side of the port: it shows a certificate of the service for these names, and accepts the
/// organization's agents and, if there are any, the service's other replicas.
pub(super) fn tls(
    service: &Arc<Authority>,
    organization: &Authority,
    names: Vec<String>,
    has_replicas: bool,
) -> Result<Tls, TlsError> {
    let replicas = has_replicas.then(|| service.certificate());
    let organizations = std::slice::from_ref(organization.certificate());
    let clients = Clients::new(organizations, replicas)?;
    Tls::new(ServerCertificate::new(Arc::clone(service), names)?, clients)
}
