//! Submitting, waiting, explaining, ending, retrying, and what became of it.

use futures::StreamExt;
use insula_client::api::{KillTask, StepStatus, TaskPhase};
use insula_types::TaskState;
use insula_types::task::Exit;
use serde_json::json;

use crate::support::{Plane, eventually, shell, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_no_machine_fits_says_what_it_waits_for() {
    let plane = Plane::start().await;
    let _agent = plane.agent().await;
    let id = plane
        .submit(json!({"run": {"shell": "true"}, "resources": "cpus:64"}))
        .await;
    let task = plane.client.task(&id).await.unwrap();
    assert_eq!(task.phase, TaskPhase::Waiting);
    assert_eq!((task.agent, task.launch), (None, None));
    let why = plane.client.why(&id).await.unwrap();
    assert_eq!(why.id, id);
    let first = &why.reasons[0].sentence;
    assert!(first.contains("cpus"), "{first}");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_the_task_or_with_the_time() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane.submit(shell()).await;
    let launch = agent.runs().await;
    eventually("it runs", async || {
        plane.client.task(&id).await.unwrap().state == "TASK_RUNNING"
    })
    .await;
    let unchanged = soon(plane.client.wait(&id, 0)).await.unwrap();
    assert_eq!(unchanged.phase, TaskPhase::Active);
    let (done, ()) = tokio::join!(plane.done(&id), agent.finishes(&launch));
    assert_eq!(done.state, "TASK_FINISHED");
    let why = plane.client.why(&id).await.unwrap();
    assert!(!why.reasons[0].sentence.is_empty());
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_waits_is_taken_back() {
    let plane = Plane::start().await;
    let id = plane.submit(shell()).await;
    let wait = plane.client.wait(&id, 50);
    let kill = async {
        plane.client.task(&id).await.unwrap();
        plane.client.kill(&id, &KillTask::default()).await.unwrap();
    };
    let (waited, ()) = soon(async { tokio::join!(wait, kill) }).await;
    let task = waited.unwrap();
    assert_eq!(
        (task.phase, task.state.as_str()),
        (TaskPhase::Done, "TASK_KILLED")
    );
    assert_eq!(task.message, "taken back before it was started");
    assert!(task.launch.is_none() && task.times.ended.is_some());
    let why = plane.client.why(&id).await.unwrap();
    assert!(why.reasons[0].sentence.contains("taken back"));
    let output = plane.get(&format!("/v1/tasks/{id}/output/stdout")).await;
    assert_eq!((output.status.as_u16(), output.text.as_str()), (200, ""));
    let again = plane.post(&format!("/v1/tasks/{id}/kill"), "").await;
    assert_eq!(again.failure().1, "failed_precondition");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_killed_is_said() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane.submit(shell()).await;
    let launch = agent.runs().await;
    agent.finishes(&launch).await;
    plane.done(&id).await;
    let path = format!("/v1/tasks/{id}/kill");
    eventually("its request is over", async || {
        plane.post(&path, "").await.status == 412
    })
    .await;
    let (_, code, sentence) = plane.post(&path, "{}").await.failure();
    assert_eq!(code, "failed_precondition");
    assert_eq!(
        sentence,
        format!("task '{id}' is over already: it is TASK_FINISHED")
    );
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_is_started_again_as_often_as_asked() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane
        .submit(json!({"run": {"shell": "false"}, "retries": 1}))
        .await;
    let first = agent.runs().await;
    agent
        .update(&first, TaskState::Failed, Some(Exit::Code(1)))
        .await;
    let second = agent.runs().await;
    assert_ne!(first.launch, second.launch);
    agent
        .update(&second, TaskState::Failed, Some(Exit::Code(1)))
        .await;
    let task = plane.done(&id).await;
    assert_eq!((task.state.as_str(), task.attempt), ("TASK_FAILED", 1));
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_the_story_of_a_task() {
    let plane = Plane::start().await;
    let mut events = plane.client.events(0, true).await.unwrap();
    let mut agent = plane.agent().await;
    let id = plane.submit(shell()).await;
    let launch = agent.runs().await;
    agent.finishes(&launch).await;
    plane.done(&id).await;
    let mut story = Vec::new();
    while story.last().is_none_or(|last| last != "TASK_FINISHED") {
        let event = soon(events.next()).await.unwrap().unwrap();
        assert!(event.commit > 0 && event.at > 0);
        if event.task.as_deref() == Some(&id) {
            assert_eq!(event.trace_id.len(), 32);
            story.push(event.state.unwrap_or(event.event));
        }
    }
    let expected = [
        "task_submitted",
        "task_launched",
        "TASK_RUNNING",
        "TASK_FINISHED",
    ];
    assert_eq!(story, expected);

    let past = plane.get("/v1/events?tail=2").await;
    assert_eq!(past.text.lines().count(), 2);
    assert!(past.text.ends_with('\n'));
    let none = plane.get("/v1/events").await;
    assert_eq!((none.status.as_u16(), none.text.as_str()), (200, ""));
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_trace_is_gone_on_with() {
    let plane = Plane::start().await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let header = format!("00-{trace}-b7ad6b7169203331-01");
    let body = json!({"tasks": [shell()]}).to_string();
    let answer = plane
        .call(
            http::Method::POST,
            "/v1/tasks",
            &[("traceparent", &header)],
            body,
        )
        .await;
    let id = answer.json()["ids"][0].as_str().unwrap().to_owned();
    assert_eq!(plane.client.task(&id).await.unwrap().trace_id, trace);
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_tells_every_start_and_whose_trace_it_is_in() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane
        .submit(json!({"run": {"shell": "false"}, "retries": 1}))
        .await;
    let first = agent.runs().await;
    agent
        .update(&first, TaskState::Failed, Some(Exit::Code(1)))
        .await;
    let second = agent.runs().await;
    eventually("it runs", async || {
        plane.client.task(&id).await.unwrap().state == "TASK_RUNNING"
    })
    .await;
    let trace = plane.client.trace(&id, None).await.unwrap();
    assert_eq!((trace.id.as_str(), trace.earlier), (id.as_str(), false));
    let attempts: Vec<u32> = trace.starts.iter().map(|start| start.attempt).collect();
    assert_eq!(attempts, [0, 1]);
    let launches: Vec<_> = trace
        .starts
        .iter()
        .map(|start| start.launch.clone())
        .collect();
    let expected = [&first, &second].map(|launch| Some(launch.launch.to_string()));
    assert_eq!(launches, expected);
    let [ended, running] = [&trace.starts[0], &trace.starts[1]];
    assert_eq!(ended.hostname.as_deref(), Some("machine"));
    let failed = ended
        .steps
        .iter()
        .find(|step| step.name == "running")
        .unwrap();
    assert_eq!(failed.status, StepStatus::Failed);
    assert_eq!(failed.place, "agent machine");
    let waited = &running.steps[0];
    assert!(failed.until.is_some_and(|until| waited.from >= until));
    let last = running.steps.last().unwrap();
    assert_eq!((last.name.as_str(), last.until), ("running", None));
    assert!(trace.at >= last.from);
    assert_eq!(running.trace_id, second.trace.trace_id_text());
    let link = running.first.as_ref().unwrap();
    assert_eq!(link.trace_id, ended.trace_id);
    let one = plane.client.trace(&id, Some(1)).await.unwrap();
    assert_eq!(one.starts.len(), 1);
    assert_eq!(one.starts[0].launch, running.launch);
    let none = plane.get(&format!("/v1/tasks/{id}/trace?attempt=7")).await;
    assert_eq!(none.failure().0, 404);
    plane.stop().await;
}
