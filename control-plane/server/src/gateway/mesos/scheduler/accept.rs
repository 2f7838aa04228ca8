//! ACCEPT: what to do with offers.

use insula_kernel::input::{Call as Asked, LaunchTask, NamedOffer};
use insula_proto::mesos::v1::OfferId;
use insula_proto::mesos::v1::offer::Operation;
use insula_proto::mesos::v1::offer::operation::Type;
use insula_proto::mesos::v1::scheduler::call::Accept;
use insula_telemetry::Admission;

use super::calls::filters;
use super::launch;
use crate::gateway::mesos::refusal::Refusal;

/// The accept in the kernel's words. One without operations gives the offers back, as in Mesos.
///
/// An accept with an operation that is not supported is refused as a whole: its offers stay valid,
/// so that the framework can use them otherwise.
pub(super) fn asked(accept: Accept, admission: &Admission) -> Result<Asked, Refusal> {
    let filters = filters(accept.filters.as_ref());
    if accept.operations.is_empty() {
        let offers = known_offers(&accept.offer_ids);
        return Ok(Asked::Decline { offers, filters });
    }
    for (index, operation) in accept.operations.iter().enumerate() {
        check_supported(index, operation)?;
    }
    let launches: Vec<LaunchTask> = accept
        .operations
        .into_iter()
        .flat_map(|operation| {
            let has_id = operation.id.is_some();
            let tasks = operation.launch.unwrap_or_default().task_infos;
            tasks.into_iter().map(move |task| (task, has_id))
        })
        .map(|(task, has_id)| launch::task(&task, has_id, admission.task()))
        .collect();
    Ok(Asked::Accept {
        offers: accept.offer_ids.into_iter().map(named).collect(),
        launches,
        filters,
    })
}

/// The ids that can be ours; a decline of others has no effect.
pub(super) fn known_offers(ids: &[OfferId]) -> Vec<insula_types::OfferId> {
    ids.iter().filter_map(|id| id.value.parse().ok()).collect()
}

fn named(id: OfferId) -> NamedOffer {
    NamedOffer {
        id: id.value.parse().ok(),
        text: id.value,
    }
}

fn check_supported(index: usize, operation: &Operation) -> Result<(), Refusal> {
    let instead = match operation.r#type() {
        Type::Launch => return Ok(()),
        Type::Unknown => return Err(Refusal::OperationType(index)),
        Type::LaunchGroup => "launch its tasks one by one, each with a command",
        Type::Reserve | Type::Unreserve => {
            "resources are not reserved; a quota limit is set through the Insula API"
        }
        Type::Create
        | Type::Destroy
        | Type::GrowVolume
        | Type::ShrinkVolume
        | Type::CreateDisk
        | Type::DestroyDisk => "there are no volumes; a task has its sandbox",
    };
    Err(Refusal::Unsupported {
        what: operation.r#type().as_str_name(),
        instead,
    })
}
