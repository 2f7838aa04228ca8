//! A task from its offer to the acknowledgement of its end.

use insula_types::message::{CommandBody, FromAgent, Launch, ToAgent};
use insula_types::trace::Origin;
use insula_types::{Source, TaskState, TaskStatus, Time, TraceContext, UpdateUuid};
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{Agent, Answer, Cell, JSON, Subscribed};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn report(agent: &Agent, launch: &Launch, state: TaskState) -> UpdateUuid {
    let uuid = UpdateUuid(Uuid::new_v4());
    let at = Time(1_795_328_180_740_442);
    let status = TaskStatus {
        agent: Some(agent.id.clone()),
        uuid: Some(uuid),
        ..TaskStatus::new(launch.task.clone(), state, Source::Executor, at)
    };
    agent
        .say(FromAgent::Update {
            launch: launch.launch,
            status: Box::new(status),
            trace: TraceContext::default(),
        })
        .await;
    uuid
}

async fn acknowledge(framework: &mut Subscribed, state: &str) {
    let update = framework.events.next_of("UPDATE").await;
    let status = &update["update"]["status"];
    assert_eq!(status["state"], state);
    assert_eq!(status["timestamp"], json!(1_795_328_180.740_442));
    let acknowledge = json!({
        "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"],
    });
    framework.accepted("ACKNOWLEDGE", acknowledge).await;
}

#[tokio::test]
async fn a_task_runs_and_each_update_is_acknowledged() {
    let cell = Cell::start().await;
    let mut agent = cell.agent("a1").await;
    let mut framework = cell
        .subscribe(json!({"user": "root", "name": "probe"}))
        .await;
    let offer = framework.offer().await;
    let call = accept(&framework.id, &offer["id"]);
    let stream_id = format!("Mesos-Stream-Id: {}", framework.stream_id);
    let trace = format!("traceparent: {TRACE}");
    let accepted = cell
        .post(&[JSON, &stream_id, &trace], call.to_string())
        .await;
    let accepted = Answer::of(accepted).await;
    assert_eq!((accepted.status.as_u16(), accepted.text()), (202, ""));

    let launch = agent.launched().await;
    assert_eq!(launch.task.as_str(), "t1");
    // A span of its own in the caller's trace.
    let caller = TraceContext::parse(TRACE, "");
    let (span_id, own) = (caller.span_id(), &launch.trace);
    assert_eq!(own.trace_id(), caller.trace_id());
    assert_eq!(own.origin(), Some(Origin::Caller { span_id }));
    assert_ne!(own.span_id(), span_id);
    assert_eq!(launch.resources.to_string(), "cpus:0.5;ports:[31005-31005]");

    let running = report(&agent, &launch, TaskState::Running).await;
    acknowledge(&mut framework, "TASK_RUNNING").await;
    let ToAgent::Acknowledge { uuid, .. } = agent.hear().await else {
        panic!("an acknowledgement");
    };
    assert_eq!(uuid, running);

    let finished = report(&agent, &launch, TaskState::Finished).await;
    acknowledge(&mut framework, "TASK_FINISHED").await;
    let ToAgent::Command(command) = agent.hear().await else {
        panic!("a numbered acknowledgement");
    };
    let CommandBody::AcknowledgeTerminal { uuid, .. } = command.body else {
        panic!("an acknowledgement of the end: {command:?}");
    };
    assert_eq!(uuid, finished);
}

fn accept(framework: &str, offer: &Value) -> Value {
    json!({
        "type": "ACCEPT",
        "framework_id": {"value": framework},
        "accept": {
            "offer_ids": [offer],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": [{
                "name": "first",
                "task_id": {"value": "t1"},
                "agent_id": {"value": "a1"},
                "slave_id": {"value": "a1"},
                "resources": [
                    {"name": "cpus", "type": "SCALAR", "scalar": {"value": "0.5"}},
                    {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31005, "end": 31005}]}},
                ],
                "command": {"value": "true"},
            }]}}],
            "filters": {"refuse_seconds": 0},
        },
    })
}
