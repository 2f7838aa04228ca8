//! Which path is which endpoint.

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use http::Method;
use insula_types::ErrorCode;

use super::refusal::Refusal;
use super::{MesosState, read, scheduler};
use crate::auth::TenantContext;
use crate::gateway::ApiError;
use crate::gateway::requests::Arrival;

/// Everything of the Mesos interface, and the answer to every other path.
///
/// It is a fallback, since Mesos routes by prefix: `/api/v1/scheduler/` is `/api/v1/scheduler`, and
/// most paths are also reached below `/master`. Routes of other interfaces go before it.
pub fn router(state: MesosState) -> Router {
    Router::new().fallback(serve).with_state(state)
}

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Scheduler,
    Read(read::Document),
    Health,
    Redirect,
    Version,
    Metrics,
    /// Known to Mesos; which, and what to do instead.
    Unsupported(&'static str, &'static str),
    Nothing,
}

async fn serve(State(state): State<MesosState>, request: Request) -> Result<Response, Refusal> {
    let endpoint = endpoint(request.uri().path());
    let (mut head, body) = request.into_parts();
    if endpoint == Endpoint::Health {
        // Whoever watches over the process has no credential; that it answers is all it says.
        only(&[Method::GET, Method::HEAD], "GET, HEAD", &head.method)?;
        return Ok(Response::default());
    }
    let context = TenantContext::from_request_parts(&mut head, &state).await;
    let context = context.map_err(|error| refused(error, endpoint))?;
    match endpoint {
        Endpoint::Nothing => Err(Refusal::NotFound),
        Endpoint::Unsupported(what, instead) => Err(Refusal::Unsupported { what, instead }),
        Endpoint::Scheduler => {
            only(&[Method::POST], "POST", &head.method)?;
            let arrival = Arrival::of(&head.extensions, &head.headers);
            scheduler::serve(&state, context, &arrival, &head.headers, body).await
        }
        readable => {
            only(&[Method::GET, Method::HEAD], "GET, HEAD", &head.method)?;
            match readable {
                Endpoint::Read(document) => {
                    read::document(&state, context, document, &head.uri).await
                }
                Endpoint::Metrics => read::metrics(&state, context).await,
                Endpoint::Redirect => Ok(read::redirect(&state.master)),
                Endpoint::Version => Ok(read::version()),
                _ => Ok(Response::default()),
            }
        }
    }
}

/// Mesos names a realm for each part of its interface, and clients may look for it.
fn refused(error: ApiError, endpoint: Endpoint) -> Refusal {
    if error.code() != ErrorCode::Unauthenticated {
        return error.into();
    }
    let realm = match endpoint {
        Endpoint::Scheduler => "mesos-master-scheduler",
        _ => "mesos-master-readonly",
    };
    Refusal::Unauthenticated { realm, error }
}

fn only(known: &[Method], allowed: &'static str, method: &Method) -> Result<(), Refusal> {
    if known.contains(method) {
        return Ok(());
    }
    Err(Refusal::Method {
        allowed,
        received: method.to_string(),
    })
}

/// The route of a path as a pattern, for metrics; none for what there is not.
pub(crate) fn route(path: &str) -> Option<&'static str> {
    match endpoint(path) {
        Endpoint::Scheduler => Some("/api/v1/scheduler"),
        Endpoint::Read(read::Document::State) => Some("/state"),
        Endpoint::Read(read::Document::Tasks) => Some("/tasks"),
        Endpoint::Read(read::Document::Agents) => Some("/slaves"),
        Endpoint::Read(read::Document::Frameworks) => Some("/frameworks"),
        Endpoint::Health => Some("/health"),
        Endpoint::Redirect => Some("/redirect"),
        Endpoint::Version => Some("/version"),
        Endpoint::Metrics => Some("/metrics/snapshot"),
        Endpoint::Unsupported(..) => Some("/mesos/unsupported"),
        Endpoint::Nothing => None,
    }
}

const OPERATOR: Endpoint = Endpoint::Unsupported(
    "The operator API of Mesos (/api/v1)",
    "read /state, /tasks, /slaves and /frameworks, and change things through the Insula API at /v1",
);
const READ_ONLY: &str = "read /state, /tasks, /slaves and /frameworks instead";
const INSULA: &str = "use the Insula API at /v1 instead";

fn endpoint(path: &str) -> Endpoint {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    // What is of the process and not of its master is never prefixed.
    match parts[..] {
        ["version"] => return Endpoint::Version,
        ["metrics", "snapshot"] => return Endpoint::Metrics,
        ["files" | "logging" | "system", _, ..] => {
            return Endpoint::Unsupported("This endpoint of Mesos", INSULA);
        }
        _ => {}
    }
    let within = match parts[..] {
        ["master", ..] => &parts[1..],
        _ => &parts[..],
    };
    match within {
        ["api", "v1", "scheduler", ..] => Endpoint::Scheduler,
        ["api", "v1", ..] => OPERATOR,
        ["health", ..] => Endpoint::Health,
        ["redirect"] => Endpoint::Redirect,
        ["state", ..] => Endpoint::Read(read::Document::State),
        ["tasks", ..] => Endpoint::Read(read::Document::Tasks),
        ["slaves", ..] => Endpoint::Read(read::Document::Agents),
        ["frameworks", ..] => Endpoint::Read(read::Document::Frameworks),
        [
            "state-summary" | "roles" | "quota" | "weights" | "flags",
            ..,
        ] => Endpoint::Unsupported("This endpoint of Mesos", READ_ONLY),
        [
            "maintenance" | "machine" | "teardown" | "reserve" | "unreserve" | "create-volumes"
            | "destroy-volumes",
            ..,
        ] => Endpoint::Unsupported("This endpoint of Mesos", INSULA),
        _ => Endpoint::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_they_lead_in_mesos() {
        for path in [
            "/api/v1/scheduler",
            "/api/v1/scheduler/",
            "/master/api/v1/scheduler",
            "/master//api/v1/scheduler/x",
        ] {
            assert_eq!(endpoint(path), Endpoint::Scheduler, "{path}");
        }
        assert_eq!(endpoint("/api/v1"), OPERATOR);
        assert_eq!(endpoint("/api/v1/operator"), OPERATOR);
        assert_eq!(endpoint("/version"), Endpoint::Version);
        assert_eq!(endpoint("/master/redirect"), Endpoint::Redirect);
        assert_eq!(
            endpoint("/master/frameworks/"),
            Endpoint::Read(read::Document::Frameworks)
        );
        for path in [
            "/",
            "/master",
            "/master/version",
            "/redirect/x",
            "/api/v2",
            "/master/master/state",
        ] {
            assert_eq!(endpoint(path), Endpoint::Nothing, "{path}");
        }
    }
}
