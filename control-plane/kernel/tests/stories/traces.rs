//! Stories about traces, and about when a task passed each hop.

use insula_kernel::Input;
use insula_types::message::FromAgent;
use insula_types::task::AgentTimes;
use insula_types::trace::Origin;
use insula_types::{LaunchId, Source, Span, TaskState, TaskStatus, Time, TraceContext};

use crate::harness::traces::trace_of;
use crate::harness::{Cell, wanted};

impl Cell {
    /// An update with the agent's own times.
    fn report_with(&mut self, launch: LaunchId, state: TaskState, on_agent: AgentTimes) {
        let uuid = Some(self.new_uuid());
        let status = TaskStatus {
            uuid,
            on_agent,
            ..TaskStatus::new("t1".into(), state, Source::Executor, self.now)
        };
        let session = self.machine("a1").session.clone().unwrap();
        let message = FromAgent::Update {
            launch,
            status: Box::new(status),
            trace: TraceContext::default(),
        };
        self.step(Input::Agent {
            agent: "a1".into(),
            session,
            message,
        })
        .unwrap();
    }
}

#[test]
fn another_start_of_a_request_is_a_trace_of_its_own_that_leads_back() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let mut request = wanted("t1", "cpus:1;mem:64");
    request.retries = 2;
    cell.submit(vec![request]).unwrap();
    let given = trace_of("t1");
    let mut traces = Vec::new();
    for _ in 0..3 {
        cell.allocate();
        let launch = cell.store.rows().requests[0].launch.unwrap();
        traces.push(cell.store.task(launch).trace.clone());
        cell.obey("a1");
        cell.report("a1", launch, TaskState::Failed);
    }
    assert_eq!(traces, [given.clone(), given.again(1), given.again(2)]);
    let first = Origin::Earlier {
        trace_id: given.trace_id(),
        span_id: given.span_id(),
    };
    assert_eq!(traces[2].origin(), Some(first));
}

#[test]
fn what_is_sent_again_is_sent_in_the_same_trace() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    cell.kill(&client, "t1");
    // The harness compares the trace of whatever is sent with that of the row.
    cell.cut("a1");
    cell.register("a1").unwrap();
    let sent = cell.machine("a1").received.iter();
    assert_eq!(sent.filter(|said| said.launch().is_some()).count(), 2);
    cell.restart();
    cell.register("a1").unwrap();
    let sent = cell.machine("a1").received.iter();
    assert_eq!(sent.filter(|said| said.launch().is_some()).count(), 2);
}

#[test]
fn a_row_tells_when_its_task_passed_each_hop() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let launch = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    let accepted = cell.now;
    cell.obey("a1");
    cell.pass(Span::from_secs(1));
    let started = cell.now;
    let begun = AgentTimes {
        received: Some(Time(10)),
        started: Some(Time(20)),
        ended: None,
    };
    cell.report_with(launch, TaskState::Running, begun);
    let status = cell.update(&client);
    assert_eq!(status.on_agent, AgentTimes::default(), "for the row alone");
    cell.acknowledge(&client, &status);
    assert_eq!(cell.store.task(launch).times.acknowledged, None);
    cell.pass(Span::from_secs(1));
    let ended = cell.now;
    // An agent that was restarted knows no more when the launch arrived.
    let over = AgentTimes {
        ended: Some(Time(30)),
        ..AgentTimes::default()
    };
    cell.report_with(launch, TaskState::Finished, over);
    let status = cell.update(&client);
    cell.pass(Span::from_secs(1));
    cell.acknowledge(&client, &status);
    let times = cell.store.task(launch).times;
    assert_eq!(times.accepted, accepted);
    assert_eq!((times.started, times.ended), (Some(started), Some(ended)));
    assert_eq!(times.acknowledged, Some(cell.now));
    let on_agent = AgentTimes {
        ended: over.ended,
        ..begun
    };
    assert_eq!(times.on_agent, on_agent);
}
