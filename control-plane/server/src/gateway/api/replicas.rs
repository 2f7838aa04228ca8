//! The replicas of the control plane, and which of them owns what.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use insula_proto::rest::{Page, Partition, Replica};
use insula_types::membership::ReplicaRow;
use insula_types::{ErrorCode, PartitionId};

use super::ApiError;
use crate::auth::TenantContext;
use crate::service::Service;

pub(super) async fn replicas(
    State(service): State<Arc<Service>>,
    context: TenantContext,
) -> Result<Json<Page<Replica>>, ApiError> {
    for_operators(&context)?;
    let owners = service.cells.owners();
    let membership = owners.membership();
    let shown = |row: &ReplicaRow| {
        let live = membership.leases.iter().filter(|lease| lease.live);
        let owned = live.filter(|lease| lease.replica.as_ref() == Some(&row.replica));
        let state = if row.live {
            row.state.as_str()
        } else {
            "silent"
        };
        Replica {
            id: row.replica.to_string(),
            advertise: row.advertise.clone(),
            version: row.version.clone(),
            state: state.to_owned(),
            partitions: u32::try_from(owned.count()).unwrap_or(u32::MAX),
            started_at: row.started_at.0,
            seen_at: row.seen_at.0,
            answers: row.replica == *owners.me(),
        }
    };
    Ok(whole(membership.replicas.iter().map(shown).collect()))
}

pub(super) async fn partitions(
    State(service): State<Arc<Service>>,
    context: TenantContext,
) -> Result<Json<Page<Partition>>, ApiError> {
    for_operators(&context)?;
    let mut cells: HashMap<PartitionId, u32> = HashMap::new();
    for (_, partition) in service.store.all_cells().await? {
        *cells.entry(partition).or_default() += 1;
    }
    let membership = service.cells.owners().membership();
    let shown = |number| {
        let partition = PartitionId(number);
        let owner = membership.owner(partition);
        let lease = membership.lease(partition);
        Partition {
            partition: number,
            epoch: lease
                .map(|lease| lease.epoch)
                .unwrap_or_default()
                .to_string(),
            owner: owner.map(|(replica, _)| replica.replica.to_string()),
            advertise: owner.map(|(replica, _)| replica.advertise.clone()),
            cells: cells.get(&partition).copied().unwrap_or_default(),
        }
    };
    Ok(whole((0..membership.partitions).map(shown).collect()))
}

/// Lists that have some hundreds of entries at most.
fn whole<T>(items: Vec<T>) -> Json<Page<T>> {
    Json(Page { items, next: None })
}

fn for_operators(context: &TenantContext) -> Result<(), ApiError> {
    if context.admin {
        return Ok(());
    }
    let sentence = "only an operator may look at the replicas";
    Err(ApiError::new(ErrorCode::PermissionDenied, sentence))
}
