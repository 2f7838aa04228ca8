//! Calls of subscribed frameworks.

use http::HeaderMap;
use insula_kernel::input::{Call as Asked, Filters};
use insula_kernel::{Input, Outcome, Rejection};
use insula_proto::convert::{offer, task};
use insula_proto::mesos::v1;
use insula_proto::mesos::v1::scheduler::Call;
use insula_proto::mesos::v1::scheduler::call::{Kill, Reconcile, Type};
use insula_telemetry::Admission;
use insula_types::message::Peer;
use insula_types::{AgentId, CellId, FrameworkId, FrameworkKey, SessionId, TaskId, UpdateUuid};

use super::accept;
use crate::auth::TenantContext;
use crate::gateway::mesos::headers;
use crate::gateway::mesos::refusal::Refusal;
use crate::gateway::requests::{Admitted, Arrival};

/// Puts a call to the kernel; returns when it was taken.
pub(super) async fn call(
    context: TenantContext,
    arrival: &Arrival,
    r#type: Type,
    mut call: Call,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let framework = FrameworkKey {
        tenant: context.tenant,
        framework: FrameworkId::from(call.framework_id.take().unwrap_or_default().value),
    };
    arrival.calls(&framework.framework, r#type.as_str_name());
    // A caller's flag counts for the tasks that it asks for, and for nothing else.
    let admission = || Admission::of(arrival.caller(), &framework.tenant);
    let asked = asked(r#type, call, admission)?;
    let admitted = admitted(arrival, context.cell.cell(), &framework, &asked);
    // No session has an empty id, so that a call without one is refused by the kernel: only after
    // the framework was looked up, which is the order of Mesos.
    let session = headers::text(headers, headers::STREAM_ID);
    let stream = SessionId::from(session.clone().unwrap_or_default());
    let outcome = context
        .cell
        .ask(arrival.context(), |request| Input::Call {
            request,
            framework: framework.clone(),
            session: stream.clone(),
            call: asked,
            trace: arrival.context().clone(),
        })
        .await;
    let refused = match outcome {
        Ok(Outcome::Refused(Rejection::WrongStream { .. })) if session.is_none() => {
            Refusal::NoStreamId
        }
        // To its callers, a framework that was removed is as unknown as one that never was.
        Ok(Outcome::Refused(Rejection::FrameworkRemoved)) => {
            Refusal::Rejected(Rejection::FrameworkUnknown)
        }
        Ok(Outcome::Refused(rejection)) => Refusal::Rejected(rejection),
        Ok(_) => {
            admitted.accepted();
            return Ok(());
        }
        Err(unavailable) => {
            if unavailable.uncertain {
                let session = stream;
                let peer = Peer::Framework { framework, session };
                context.cell.close(&peer);
            }
            admitted.unanswered(&unavailable);
            return Err(unavailable.into());
        }
    };
    admitted.refused(refused.kind(), &refused.to_string());
    Err(refused)
}

/// The tasks of an accept; none of any other call.
fn admitted(arrival: &Arrival, cell: &CellId, framework: &FrameworkKey, asked: &Asked) -> Admitted {
    let launches = match asked {
        Asked::Accept { launches, .. } => launches.as_slice(),
        _ => &[],
    };
    let tasks = launches.iter().map(|launch| (&launch.task, &launch.trace));
    Admitted::new(arrival, cell, framework, tasks)
}

/// The call in the kernel's words. The parts of its type are there, as was validated.
///
/// Ids that break the rules of ids are passed on, here and in an accept: nothing has such an id, so
/// the kernel's answer that it knows no such thing is the right one.
fn asked(
    r#type: Type,
    call: Call,
    admission: impl FnOnce() -> Admission,
) -> Result<Asked, Refusal> {
    match r#type {
        Type::Teardown => Ok(Asked::Teardown),
        Type::Accept => accept::asked(call.accept.unwrap_or_default(), &admission()),
        Type::Decline => {
            let decline = call.decline.unwrap_or_default();
            let filters = filters(decline.filters.as_ref());
            let offers = accept::known_offers(&decline.offer_ids);
            Ok(Asked::Decline { offers, filters })
        }
        Type::Revive => Ok(Asked::Revive(call.revive.unwrap_or_default().roles)),
        Type::Suppress => Ok(Asked::Suppress(call.suppress.unwrap_or_default().roles)),
        Type::Kill => Ok(kill(call.kill.unwrap_or_default())),
        Type::Acknowledge => {
            let acknowledge = call.acknowledge.unwrap_or_default();
            Ok(Asked::Acknowledge {
                agent: AgentId::from(acknowledge.agent_id.value),
                task: TaskId::from(acknowledge.task_id.value),
                uuid: UpdateUuid::from_slice(&acknowledge.uuid)
                    .expect("validated to have sixteen bytes"),
            })
        }
        Type::Reconcile => Ok(reconcile(call.reconcile.unwrap_or_default())),
        Type::Request => Ok(Asked::Request),
        _ => Err(unsupported(r#type)),
    }
}

/// How long offers of what is declined or left over are kept away.
pub(super) fn filters(filters: Option<&v1::Filters>) -> Filters {
    Filters {
        refuse: offer::refuse(filters),
    }
}

fn kill(kill: Kill) -> Asked {
    Asked::Kill {
        task: TaskId::from(kill.task_id.value),
        agent: kill.agent_id.map(|id| AgentId::from(id.value)),
        grace: task::grace_period(kill.kill_policy.as_ref()),
    }
}

fn reconcile(reconcile: Reconcile) -> Asked {
    let tasks = reconcile.tasks.into_iter().map(|task| {
        let agent = task.agent_id.map(|id| AgentId::from(id.value));
        (TaskId::from(task.task_id.value), agent)
    });
    Asked::Reconcile(tasks.collect())
}

fn unsupported(r#type: Type) -> Refusal {
    let instead = match r#type {
        Type::Shutdown | Type::Message => {
            "there are no custom executors; use tasks with a command, and KILL"
        }
        Type::AcceptInverseOffers | Type::DeclineInverseOffers => {
            "no inverse offers are made, so there is none to answer"
        }
        Type::AcknowledgeOperationStatus | Type::ReconcileOperations => {
            "no operation has a status here; learn of tasks by UPDATE and RECONCILE"
        }
        Type::UpdateFramework => "subscribe again with the new FrameworkInfo",
        _ => "leave it out",
    };
    Refusal::Unsupported {
        what: r#type.as_str_name(),
        instead,
    }
}
