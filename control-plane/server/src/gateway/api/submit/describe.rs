//! A task as a Mesos `TaskInfo`, the one description that agents understand.

use bytes::Bytes;
use insula_proto::convert::resources::{View, to_wire};
use insula_proto::mesos::v1::{
    AgentId, CommandInfo, DurationInfo, Environment, TaskId as WireTaskId, TaskInfo, WasmInfo,
    environment,
};
use insula_proto::rest::{SubmitTask, WhatToRun};
use insula_types::{Resources, Span, TaskId};
use prost::Message;

/// Encodes the description; the agent id is left empty, since nobody has chosen one yet.
pub(super) fn payload(
    task: &SubmitTask,
    id: &TaskId,
    resources: &Resources,
    timeout: Option<Span>,
) -> Bytes {
    let mut info = TaskInfo {
        name: id.to_string(),
        task_id: WireTaskId {
            value: id.to_string(),
        },
        agent_id: AgentId::default(),
        resources: to_wire(
            resources,
            View {
                role: None,
                refined: false,
            },
        ),
        stdin: task.stdin.then_some(true),
        max_completion_time: timeout.map(|span| DurationInfo {
            nanoseconds: i64::try_from(span.0.saturating_mul(1_000)).unwrap_or(i64::MAX),
        }),
        ..TaskInfo::default()
    };
    match &task.run {
        WhatToRun::Command(words) => {
            info.command = Some(CommandInfo {
                shell: Some(false),
                value: words.first().cloned(),
                arguments: words.clone(),
                environment: environment(task),
                ..CommandInfo::default()
            });
        }
        WhatToRun::Shell(line) => {
            info.command = Some(CommandInfo {
                shell: Some(true),
                value: Some(line.clone()),
                environment: environment(task),
                ..CommandInfo::default()
            });
        }
        WhatToRun::Module { digest, args } => {
            info.wasm = Some(WasmInfo {
                module: digest.clone(),
                args: args.clone(),
                environment: environment(task),
                wall_seconds: timeout.map(Span::as_secs_f64),
                ..WasmInfo::default()
            });
        }
    }
    info.encode_to_vec().into()
}

fn environment(task: &SubmitTask) -> Option<Environment> {
    if task.env.is_empty() {
        return None;
    }
    let variable = |(name, value): (&String, &String)| environment::Variable {
        name: name.clone(),
        value: Some(value.clone()),
        ..environment::Variable::default()
    };
    Some(Environment {
        variables: task.env.iter().map(variable).collect(),
    })
}
