//! `POST /v1/tasks`: what people want run becomes requests to their built-in framework.

mod describe;
mod name;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use insula_kernel::{Input, Outcome};
use insula_proto::rest::{SubmitTask, SubmitTasks, Submitted, WhatToRun};
use insula_types::request::TaskRequest;
use insula_types::resources::Scalar;
use insula_types::{ErrorCode, Resources, TaskKind, TraceContext};
use uuid::Uuid;

use super::{ApiError, body, modules};
use crate::auth::TenantContext;
use crate::service::Service;

/// Most tasks of one submission: all of them become one step of the kernel (rule R12).
const TASKS_MAX: usize = 1_000;
/// What a task gets that names no amount, in thousandths: a tenth of a core and 64 MiB.
const DEFAULTS: [(Scalar, u64); 2] = [(Scalar::Cpus, 100), (Scalar::Mem, 64_000)];

pub(super) async fn submit(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Submitted>), ApiError> {
    let submission: SubmitTasks = body::json(body).await?;
    let given = caller_trace(&headers);
    let mut requests = Vec::new();
    for task in &submission.tasks {
        check(task)?;
        check_module(&service, &context, &task.run).await?;
        let copies = usize::try_from(task.count).unwrap_or(usize::MAX);
        if requests.len().saturating_add(copies) > TASKS_MAX {
            let sentence = format!("one submission may hold {TASKS_MAX} tasks; send more of them");
            return Err(ApiError::new(ErrorCode::TooLarge, sentence));
        }
        for _ in 0..copies {
            requests.push(request(task, &given)?);
        }
    }
    if requests.is_empty() {
        return Err(ApiError::invalid("the submission holds no task"));
    }
    let tenant = context.tenant;
    let outcome = service
        .handle
        .ask(|request| Input::Submit {
            request,
            tenant,
            tasks: requests,
        })
        .await?;
    match outcome {
        Outcome::Submitted(ids) => {
            let ids = ids.iter().map(ToString::to_string).collect();
            Ok((StatusCode::CREATED, Json(Submitted { ids })))
        }
        Outcome::Refused(rejection) => Err(rejection.into()),
        Outcome::Accepted | Outcome::Subscribed(_) => Err(ApiError::new(
            ErrorCode::Internal,
            "the scheduler answered something else than was asked",
        )),
    }
}

/// A trace that the caller began is gone on with.
fn caller_trace(headers: &HeaderMap) -> TraceContext {
    let header = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    TraceContext::parse(header("traceparent"), header("tracestate"))
}

fn fresh_trace() -> TraceContext {
    let (span_id, _) = Uuid::new_v4().as_u64_pair();
    TraceContext::start(Uuid::new_v4().as_u128(), span_id)
}

/// What can be said of a task without looking anything up.
fn check(task: &SubmitTask) -> Result<(), ApiError> {
    if task.count == 0 {
        return Err(ApiError::invalid("count is 0; leave it out for one task"));
    }
    if task.stdin && (task.retries > 0 || task.count > 1) {
        let error = ApiError::invalid("input can be given to one start of one task only");
        return Err(error.hint("leave out stdin, or retries and count"));
    }
    if let Some(seconds) = task.timeout_seconds
        && !(seconds.is_finite() && seconds > 0.0)
    {
        return Err(ApiError::invalid(format!(
            "{seconds} is no timeout, in seconds"
        )));
    }
    if let Some(name) = task
        .env
        .keys()
        .find(|name| name.is_empty() || name.contains(['=', '\0']))
    {
        return Err(ApiError::invalid(format!(
            "'{name}' is no name of an environment variable"
        )));
    }
    if let Some((name, _)) = task.env.iter().find(|(_, value)| value.contains('\0')) {
        return Err(ApiError::invalid(format!(
            "the value of {name} contains a zero byte"
        )));
    }
    match &task.run {
        WhatToRun::Command(words) if words.first().is_none_or(String::is_empty) => {
            Err(ApiError::invalid("the command is empty"))
        }
        WhatToRun::Shell(line) if line.trim().is_empty() => {
            Err(ApiError::invalid("the shell line is empty"))
        }
        _ => Ok(()),
    }
}

async fn check_module(
    service: &Service,
    context: &TenantContext,
    run: &WhatToRun,
) -> Result<(), ApiError> {
    let WhatToRun::Module { digest, .. } = run else {
        return Ok(());
    };
    let parsed = modules::parse(digest)?;
    match service.store.module(&context.tenant, &parsed).await? {
        Some(_) => Ok(()),
        None => Err(ApiError::not_found(format!("there is no module {digest}"))
            .hint("upload it first, with `insula module push FILE.wasm`")),
    }
}

fn request(task: &SubmitTask, given: &TraceContext) -> Result<TaskRequest, ApiError> {
    let resources = resources(&task.resources)?;
    let id = name::task_id(task)?;
    let trace = if given.is_empty() {
        fresh_trace()
    } else {
        given.clone()
    };
    let kind = match task.run {
        WhatToRun::Module { .. } => TaskKind::Wasm,
        WhatToRun::Command(_) | WhatToRun::Shell(_) => TaskKind::Native,
    };
    Ok(TaskRequest {
        name: task.name.clone().unwrap_or_else(|| name::base(task)),
        payload: describe::payload(task, &id, &resources),
        task: id,
        kind,
        resources,
        constraints: task.constraints.clone().into_iter().collect(),
        retries: task.retries,
        trace,
    })
}

fn resources(text: &str) -> Result<Resources, ApiError> {
    let mut resources: Resources =
        text.parse()
            .map_err(|error: insula_types::resources::ParseError| {
                ApiError::invalid(error.to_string())
            })?;
    for (scalar, millis) in DEFAULTS {
        if resources.get(scalar) == 0 {
            if text.contains(&format!("{}:", scalar.name())) {
                return Err(ApiError::invalid(format!(
                    "a task needs some {}",
                    scalar.name()
                )));
            }
            resources.add_scalar(scalar.name(), millis);
        }
    }
    Ok(resources)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn task(json: &str) -> SubmitTask {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_not_named_has_a_default() {
        assert_eq!(resources("").unwrap().to_string(), "cpus:0.1;mem:64");
        assert_eq!(resources("mem:8").unwrap().to_string(), "cpus:0.1;mem:8");
        assert_eq!(
            resources("cpus:0").unwrap_err().message(),
            "a task needs some cpus"
        );
        assert!(resources("cpus").is_err());
    }

    #[test]
    fn a_task_that_cannot_be_meant_is_refused() {
        for (json, sentence) in [
            (r#"{"run":{"command":[]}}"#, "the command is empty"),
            (r#"{"run":{"shell":" "}}"#, "the shell line is empty"),
            (
                r#"{"run":{"shell":"x"},"count":0}"#,
                "count is 0; leave it out for one task",
            ),
            (
                r#"{"run":{"shell":"x"},"timeout_seconds":-1}"#,
                "-1 is no timeout, in seconds",
            ),
            (
                r#"{"run":{"shell":"x"},"env":{"A=B":"c"}}"#,
                "'A=B' is no name of an environment variable",
            ),
        ] {
            assert_eq!(check(&task(json)).unwrap_err().message(), sentence);
        }
        let fed = task(r#"{"run":{"shell":"cat"},"stdin":true,"retries":1}"#);
        assert!(check(&fed).is_err());
    }

    #[test]
    fn equal_tasks_get_ids_of_their_own() {
        let task = task(r#"{"run":{"command":["/bin/Sleep","1"]}}"#);
        let (first, second) = (
            request(&task, &TraceContext::default()).unwrap(),
            request(&task, &TraceContext::default()).unwrap(),
        );
        assert_ne!(first.task, second.task);
        assert!(first.task.as_str().starts_with("sleep-"), "{}", first.task);
        assert_ne!(first.trace, second.trace);
        assert_eq!(first.name, "sleep");
    }
}
