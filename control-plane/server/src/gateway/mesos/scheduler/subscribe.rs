//! SUBSCRIBE: opens the event stream.

use axum::response::Response;
use insula_kernel::input::Subscribe;
use insula_kernel::{Input, Outcome};
use insula_proto::convert::framework::{self, FrameworkError};
use insula_proto::mesos::v1::scheduler::Call;
use insula_proto::mesos::v1::scheduler::call;
use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span};
use insula_types::framework::FrameworkInfo;
use insula_types::{CellId, FrameworkId, FrameworkKey, SessionId};
use uuid::Uuid;

use super::events::Events;
use super::stream;
use super::subscription::Subscription;
use crate::auth::TenantContext;
use crate::gateway::mesos::MesosState;
use crate::gateway::mesos::headers::MediaType;
use crate::gateway::mesos::refusal::Refusal;
use crate::gateway::requests::Arrival;

/// What a framework says of itself, checked.
struct Description {
    id: Option<FrameworkId>,
    info: FrameworkInfo,
    suppressed: Vec<String>,
}

/// Subscribes a framework and answers with its events. A framework that describes itself wrongly, or
/// whose subscription the kernel refuses, gets a stream of one ERROR event, as in Mesos.
pub(super) async fn subscribe(
    state: &MesosState,
    context: TenantContext,
    arrival: &Arrival,
    call: Call,
    media_type: MediaType,
) -> Result<Response, Refusal> {
    let TenantContext { tenant, cell, .. } = context;
    let subscribe = call.subscribe.unwrap_or_default();
    refuse_constraints(&subscribe)?;
    let id = SessionId::from(Uuid::new_v4().to_string());
    let description = match describe(&subscribe) {
        Ok(description) => description,
        Err(error) => return Ok(stream::refusal(&id, media_type, error.to_string())),
    };
    // Random, so that a tenant cannot count the frameworks of others (rule R19).
    let fresh = FrameworkId::from(Uuid::new_v4().to_string());
    let framework = FrameworkKey {
        tenant: tenant.clone(),
        framework: description.id.clone().unwrap_or_else(|| fresh.clone()),
    };
    arrival.calls(&framework.framework, "SUBSCRIBE");
    let opening = opening(arrival, cell.cell(), &framework, &id);
    let refined = description.info.capabilities.reservation_refinement;
    let trace = opening.context().clone();
    let mut subscription = Subscription::open(&cell, framework, id.clone(), trace);
    let outcome = cell
        .ask(opening.context(), |request| {
            Input::Subscribe(Box::new(Subscribe {
                request,
                tenant,
                framework: description.id,
                fresh,
                session: id.clone(),
                info: description.info,
                suppressed: description.suppressed,
            }))
        })
        .await;
    match outcome {
        Ok(Outcome::Subscribed(_)) => {
            let events = Events::new(state, subscription.framework(), refined);
            Ok(stream::response(
                subscription,
                events,
                media_type,
                state.heartbeat_interval,
            ))
        }
        Ok(Outcome::Refused(rejection)) => {
            subscription.forget();
            fail(opening, "refused", &rejection.to_string());
            Ok(stream::refusal(&id, media_type, rejection.to_string()))
        }
        Ok(Outcome::Accepted | Outcome::Submitted(_)) => {
            let (doing, cause) = ("understand its own answer", None);
            Err(Refusal::Internal { doing, cause })
        }
        Err(unavailable) => {
            // The owner failed; the framework did not disconnect.
            subscription.forget();
            fail(opening, "unavailable", &unavailable.to_string());
            Err(unavailable.into())
        }
    }
}

/// A session is a trace of its own: what is said in it about no task belongs there, however long it
/// lasts. This is its first span, from the request to the subscription.
fn opening(arrival: &Arrival, cell: &CellId, framework: &FrameworkKey, id: &SessionId) -> Span {
    let mut opening = Span::root(span::FRAMEWORK_SESSION, Kind::Internal)
        .from(arrival.at())
        .of(&framework.tenant)
        .with_id(key::CELL, cell)
        .with_id(key::FRAMEWORK, &framework.framework)
        .with_id(key::SESSION, id);
    opening.link(arrival.context());
    arrival.concerns(opening.context());
    opening
}

/// The session did not come to be; where nobody looks at it, its request says so.
fn fail(mut opening: Span, kind: &'static str, sentence: &str) {
    if opening.is_recorded() {
        opening.fail(kind, sentence);
    }
}

fn describe(subscribe: &call::Subscribe) -> Result<Description, FrameworkError> {
    let info = framework::info_from_wire(&subscribe.framework_info)?;
    Ok(Description {
        id: framework::id_from_wire(&subscribe.framework_info)?,
        suppressed: framework::suppressed_roles(&info, &subscribe.suppressed_roles)?,
        info,
    })
}

/// A framework that sets constraints counts on them, so they are not ignored.
fn refuse_constraints(subscribe: &call::Subscribe) -> Result<(), Refusal> {
    match &subscribe.offer_constraints {
        Some(constraints) if !constraints.role_constraints.is_empty() => {
            Err(Refusal::Unsupported {
                what: "'subscribe.offer_constraints'",
                instead: "leave it out and decline offers by their attributes",
            })
        }
        _ => Ok(()),
    }
}
