//! Timelines of rows as they come.
#![allow(clippy::unwrap_used)]

use insula_types::record::{RequestRow, TaskRow};
use insula_types::request::TaskRequest;
use insula_types::task::{AgentTimes, Exit, TaskTimes};
use insula_types::{
    FrameworkKey, Resources, Source, TaskKey, TaskKind, TaskState, TaskStatus, Time, TraceContext,
    UpdateUuid,
};

use super::{Place, Progress, Step, Timeline, What, of_request, of_start};

const NOW: Time = Time(1_000_000);

/// A task that was submitted at 100 and accepted at 200.
fn row(state: TaskState, times: TaskTimes) -> TaskRow {
    let task = "web-1";
    TaskRow {
        launch: "1.1".parse().unwrap(),
        key: TaskKey {
            framework: FrameworkKey {
                tenant: "default".into(),
                framework: "insula".into(),
            },
            task: task.into(),
        },
        name: "web".into(),
        kind: TaskKind::Native,
        user: String::new(),
        agent: "agent-1".into(),
        role: "*".into(),
        resources: Resources::default(),
        status: TaskStatus::new(task.into(), state, Source::Executor, Time(1)),
        last_uuid: None,
        launch_seq: 1,
        kill_seq: None,
        kill_grace: None,
        ack: None,
        archived: false,
        attempt: 0,
        times: TaskTimes {
            submitted: Some(Time(100)),
            accepted: Time(200),
            ..times
        },
        trace: TraceContext::default(),
    }
}

fn on_agent(received: u64, started: u64, ended: u64) -> AgentTimes {
    let some = |at| Some(Time(at));
    AgentTimes {
        received: some(received),
        started: some(started),
        ended: some(ended),
    }
}

fn shown(timeline: &Timeline) -> Vec<(What, u64, Option<u64>)> {
    let points = |step: &Step| (step.what, step.from.0, step.until.map(|until| until.0));
    timeline.steps.iter().map(points).collect()
}

/// The steps of one start touch, and none is negative.
fn assert_whole(timeline: &Timeline) {
    for pair in timeline.steps.windows(2) {
        assert_eq!(pair[0].until, Some(pair[1].from), "{timeline:?}");
    }
    for step in &timeline.steps {
        assert!(
            step.until.is_none_or(|until| until >= step.from),
            "{step:?}"
        );
    }
}

fn ended() -> TaskTimes {
    TaskTimes {
        started: Some(Time(500)),
        ended: Some(Time(900)),
        acknowledged: Some(Time(950)),
        ..TaskTimes::default()
    }
}

#[test]
fn a_task_that_ran_has_every_step() {
    let times = TaskTimes {
        on_agent: on_agent(300, 400, 800),
        ..ended()
    };
    let timeline = of_start(&row(TaskState::Finished, times), None, NOW);
    let expected = [
        (What::WaitingForOffer, 100, Some(200)),
        (What::LaunchUnderWay, 200, Some(300)),
        (What::Starting, 300, Some(400)),
        (What::Running, 400, Some(800)),
        (What::EndUnderWay, 800, Some(900)),
        (What::Acknowledgement, 900, Some(950)),
    ];
    assert_eq!(shown(&timeline), expected);
    assert!(timeline.notes.is_empty());
    assert!(
        timeline
            .steps
            .iter()
            .all(|step| step.progress == Progress::Done)
    );
    assert_whole(&timeline);
}

#[test]
fn without_the_agents_times_the_steps_are_coarser() {
    let timeline = of_start(&row(TaskState::Finished, ended()), None, NOW);
    let expected = [
        (What::WaitingForOffer, 100, Some(200)),
        (What::LaunchUnderWay, 200, Some(500)),
        (What::Running, 500, Some(900)),
        (What::Acknowledgement, 900, Some(950)),
    ];
    assert_eq!(shown(&timeline), expected);
    assert_whole(&timeline);
}

#[test]
fn a_clock_that_differs_keeps_its_lengths() {
    for (behind, told) in [(0, 0), (1_000_000, 0), (0, 1_000_000)] {
        let agent = |at: u64| at + told + 2_000_000 - behind;
        let later = |at: u64| Time(at + 2_000_000);
        let mut row = row(TaskState::Finished, TaskTimes::default());
        row.times = TaskTimes {
            submitted: Some(later(100)),
            accepted: later(200),
            started: Some(later(500)),
            ended: Some(later(900)),
            acknowledged: None,
            on_agent: on_agent(agent(300), agent(400), agent(800)),
        };
        let timeline = of_start(&row, None, Time(9_000_000));
        assert_whole(&timeline);
        let running = timeline
            .steps
            .iter()
            .find(|step| step.what == What::Running);
        let running = running.unwrap();
        assert_eq!(running.until.unwrap().since(running.from).0, 400);
        assert_eq!(timeline.notes.len(), usize::from(behind + told > 0));
        for note in &timeline.notes {
            let sentence = "the clock of the agent differs by about 1.0 s; ";
            assert!(note.starts_with(sentence), "{note}");
        }
    }
}

#[test]
fn what_well_kept_clocks_differ_by_is_not_worth_a_word() {
    let times = TaskTimes {
        on_agent: on_agent(350, 520, 800),
        ..ended()
    };
    let timeline = of_start(&row(TaskState::Finished, times), None, NOW);
    let expected = [
        (What::WaitingForOffer, 100, Some(200)),
        (What::LaunchUnderWay, 200, Some(330)),
        (What::Starting, 330, Some(500)),
        (What::Running, 500, Some(780)),
        (What::EndUnderWay, 780, Some(900)),
        (What::Acknowledgement, 900, Some(950)),
    ];
    assert_eq!(shown(&timeline), expected);
    assert!(timeline.notes.is_empty());
}

#[test]
fn no_clock_makes_a_step_negative() {
    let wild = [0, 1, 150, 450, 901, 2_000_000, u64::MAX];
    for received in wild {
        for started in wild {
            for ended_at in wild {
                for times in [ended(), TaskTimes::default()] {
                    let times = TaskTimes {
                        on_agent: on_agent(received, started, ended_at),
                        ..times
                    };
                    let timeline = of_start(&row(TaskState::Failed, times), None, NOW);
                    assert_whole(&timeline);
                    let last = timeline.steps.last().unwrap();
                    assert!(last.from <= NOW, "{timeline:?}");
                }
            }
        }
    }
}

#[test]
fn a_failure_is_said_where_it_happened() {
    let times = TaskTimes {
        ended: Some(Time(900)),
        on_agent: AgentTimes {
            received: Some(Time(300)),
            started: None,
            ended: Some(Time(700)),
        },
        ..TaskTimes::default()
    };
    let mut row = row(TaskState::Failed, times);
    row.status.uuid = Some(UpdateUuid(uuid::Uuid::nil()));
    row.status.message = "cannot run /no/such".into();
    let timeline = of_start(&row, None, NOW);
    let expected = [
        (What::WaitingForOffer, 100, Some(200)),
        (What::LaunchUnderWay, 200, Some(300)),
        (What::Starting, 300, Some(700)),
        (What::EndUnderWay, 700, Some(900)),
        (What::Acknowledgement, 900, None),
    ];
    assert_eq!(shown(&timeline), expected);
    let failed: Vec<&Step> = timeline
        .steps
        .iter()
        .filter(|step| step.progress == Progress::Failed)
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (failed[0].what, failed[0].detail.as_str()),
        (What::Starting, "cannot run /no/such")
    );
}

#[test]
fn what_has_not_ended_is_open() {
    let staging = row(TaskState::Staging, TaskTimes::default());
    let last = of_start(&staging, None, NOW).steps.pop().unwrap();
    assert_eq!(
        (last.what, last.progress),
        (What::LaunchUnderWay, Progress::UnderWay)
    );

    let times = TaskTimes {
        started: Some(Time(500)),
        ..TaskTimes::default()
    };
    let last = of_start(&row(TaskState::Running, times), None, NOW)
        .steps
        .pop()
        .unwrap();
    assert_eq!((last.what, last.until), (What::Running, None));

    let mut away = row(TaskState::Unreachable, times);
    away.status.unreachable_since = Some(Time(800));
    let last = of_start(&away, None, NOW).steps.pop().unwrap();
    assert_eq!(
        (last.what, last.from, last.until),
        (What::OutOfReach, Time(800), None)
    );
}

#[test]
fn another_frameworks_task_was_not_submitted_and_waits_for_its_framework() {
    let mut row = row(TaskState::Finished, ended());
    row.key.framework.framework = "marathon".into();
    row.times.submitted = None;
    row.status.exit = Some(Exit::Code(0));
    let timeline = of_start(&row, None, NOW);
    assert_eq!(timeline.steps[0].what, What::LaunchUnderWay);
    let running = &timeline.steps[1];
    assert_eq!(
        (running.place, running.detail.as_str()),
        (Place::Agent, "exit code 0")
    );
    assert_eq!(timeline.steps.last().unwrap().place, Place::Framework);
}

#[test]
fn another_start_waits_from_the_end_of_the_one_before() {
    let timeline = of_start(
        &row(TaskState::Staging, TaskTimes::default()),
        Some(Time(150)),
        NOW,
    );
    assert_eq!(timeline.steps[0].from, Time(150));

    let mut request = RequestRow {
        tenant: "default".into(),
        request: TaskRequest {
            task: "web-1".into(),
            name: "web".into(),
            kind: TaskKind::Native,
            resources: Resources::default(),
            constraints: Vec::new(),
            retries: 0,
            payload: bytes::Bytes::new(),
            trace: TraceContext::default(),
        },
        launch: None,
        attempts: 1,
        submitted_at: Time(100),
        withdrawn_at: None,
    };
    let waiting = of_request(&request, Some(Time(900)));
    assert_eq!(shown(&waiting), [(What::WaitingForOffer, 900, None)]);
    request.withdrawn_at = Some(Time(950));
    let taken_back = of_request(&request, None);
    assert_eq!(
        shown(&taken_back),
        [(What::WaitingForOffer, 100, Some(950))]
    );
}
