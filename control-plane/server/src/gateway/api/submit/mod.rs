//! `POST /v1/tasks`: what people want run becomes requests to their built-in framework.

mod check;
mod describe;
mod name;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use insula_kernel::{Input, Outcome};
use insula_proto::rest::{SubmitTask, SubmitTasks, Submitted, WhatToRun};
use insula_telemetry::Admission;
use insula_types::framework::BUILT_IN;
use insula_types::request::TaskRequest;
use insula_types::{ErrorCode, FrameworkId, FrameworkKey, TaskKind, TraceContext};

use super::{ApiError, body, modules};
use crate::auth::TenantContext;
use crate::gateway::requests::{Admitted, Arrival};
use crate::service::Service;

/// Most tasks of one submission: all of them become one step of the kernel (rule R12).
const TASKS_MAX: usize = 1_000;
/// Longest description of one task, in bytes; the kernel keeps it for as long as the task waits.
const TASK_BYTES_MAX: usize = 256 << 10;
/// Longest descriptions of one submission together, in bytes: a short document may ask for a thousand
/// copies of a long one.
const SUBMISSION_BYTES_MAX: usize = 16 << 20;

pub(super) async fn submit(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    arrival: Arrival,
    body: Body,
) -> Result<(StatusCode, Json<Submitted>), ApiError> {
    let submission: SubmitTasks = body::json(body).await?;
    let admission = Admission::of(arrival.caller(), &context.tenant);
    let mut requests = Vec::new();
    let mut bytes = 0;
    for task in &submission.tasks {
        check::check(task)?;
        check_module(&service, &context, &task.run).await?;
        let copies = usize::try_from(task.count).unwrap_or(usize::MAX);
        if requests.len().saturating_add(copies) > TASKS_MAX {
            let sentence = format!("one submission may hold {TASKS_MAX} tasks; send more of them");
            return Err(ApiError::new(ErrorCode::TooLarge, sentence));
        }
        for _ in 0..copies {
            let request = request(task, admission.task())?;
            bytes += size(&request)?;
            if bytes > SUBMISSION_BYTES_MAX {
                let sentence = format!(
                    "the tasks of one submission may have {SUBMISSION_BYTES_MAX} bytes together; send more of them"
                );
                return Err(ApiError::new(ErrorCode::TooLarge, sentence));
            }
            requests.push(request);
        }
    }
    if requests.is_empty() {
        return Err(ApiError::invalid("the submission holds no task"));
    }
    let framework = FrameworkKey {
        tenant: context.tenant.clone(),
        framework: FrameworkId::from(BUILT_IN),
    };
    let asked = requests
        .iter()
        .map(|request| (&request.task, &request.trace));
    let admitted = Admitted::new(&arrival, context.cell.cell(), &framework, asked);
    let outcome = context
        .cell
        .ask(arrival.context(), |request| Input::Submit {
            request,
            tenant: framework.tenant,
            tasks: requests,
        })
        .await;
    let outcome = outcome.inspect_err(|unavailable| admitted.unanswered(unavailable))?;
    match outcome {
        Outcome::Submitted(ids) => {
            admitted.accepted();
            let ids = ids.iter().map(ToString::to_string).collect();
            Ok((StatusCode::CREATED, Json(Submitted { ids })))
        }
        Outcome::Refused(rejection) => {
            let error = ApiError::from(rejection);
            admitted.refused(error.code().as_str(), error.message());
            Err(error)
        }
        Outcome::Accepted | Outcome::Subscribed(_) => Err(ApiError::new(
            ErrorCode::Internal,
            "the scheduler answered something else than was asked",
        )),
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

fn size(request: &TaskRequest) -> Result<usize, ApiError> {
    let constraints = request.constraints.iter();
    let constraints: usize = constraints
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let bytes = request.payload.len() + constraints;
    if bytes > TASK_BYTES_MAX {
        let sentence = format!(
            "the task has {bytes} bytes of words, environment and attributes, more than the limit of {TASK_BYTES_MAX}"
        );
        return Err(ApiError::new(ErrorCode::TooLarge, sentence));
    }
    Ok(bytes)
}

fn request(task: &SubmitTask, trace: TraceContext) -> Result<TaskRequest, ApiError> {
    let resources = check::resources(&task.resources)?;
    let timeout = check::timeout(task)?;
    let id = name::task_id(task)?;
    let kind = match task.run {
        WhatToRun::Module { .. } => TaskKind::Wasm,
        WhatToRun::Command(_) | WhatToRun::Shell(_) => TaskKind::Native,
    };
    Ok(TaskRequest {
        name: task.name.clone().unwrap_or_else(|| name::base(task)),
        payload: describe::payload(task, &id, &resources, timeout),
        task: id,
        kind,
        resources,
        constraints: task.constraints.clone().into_iter().collect(),
        retries: task.retries,
        trace,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use insula_telemetry::fresh;

    use super::*;

    fn task(json: &str) -> SubmitTask {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn equal_tasks_get_ids_of_their_own() {
        let task = task(r#"{"run":{"command":["/bin/Sleep","1"]}}"#);
        let (first, second) = (
            request(&task, fresh()).unwrap(),
            request(&task, fresh()).unwrap(),
        );
        assert_ne!(first.task, second.task);
        assert!(first.task.as_str().starts_with("sleep-"), "{}", first.task);
        assert_ne!(first.trace, second.trace);
        assert_eq!(first.name, "sleep");
    }
}
