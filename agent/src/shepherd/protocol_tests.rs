//! Every line carries a trace, and lines of former builds are still understood, by either side.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use insula_isolation::cgroup::Enforcement;
use insula_isolation::process::Identity;
use insula_types::TraceContext;
use serde::Deserialize;
use serde_json::Value;

use super::protocol::{
    Enforced, Event, Exited, Kind, Limits, REQUESTS, Request, Run, StartFailed, StartSpec, Started,
    Status, Stdin, TaskState, VERSION, Welcome,
};

fn trace() -> TraceContext {
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    TraceContext::parse(traceparent, "insula=p:00f067aa0ba902b8")
}

fn id() -> String {
    "1.2".to_owned()
}

fn requests() -> Vec<Request> {
    let spec = StartSpec {
        id: id(),
        kind: Kind::Task,
        run: Run::Shell("true".to_owned()),
        env: Vec::new(),
        cwd: "/".into(),
        stdin: Stdin::Null,
        stdout: "/dev/null".into(),
        stderr: "/dev/null".into(),
        limits: Limits::default(),
        user: None,
        cgroup: "t".parse().unwrap(),
        trace: trace(),
    };
    vec![
        Request::Hello {
            version: VERSION,
            trace: trace(),
        },
        Request::Start(Box::new(spec)),
        Request::Kill {
            id: id(),
            grace_ms: 1,
            trace: trace(),
        },
        Request::Forget {
            id: id(),
            trace: trace(),
        },
        Request::Leave { trace: trace() },
        Request::Shutdown,
    ]
}

fn process() -> Identity {
    Identity::of(std::process::id()).unwrap().unwrap()
}

fn states() -> Vec<TaskState> {
    vec![
        TaskState::Started(Started {
            id: id(),
            kind: Kind::Task,
            process: process(),
            at_us: 1,
            trace: trace(),
        }),
        TaskState::StartFailed(StartFailed {
            id: id(),
            kind: Kind::Task,
            error: "no".to_owned(),
            trace: trace(),
        }),
        TaskState::Exited(Exited {
            id: id(),
            kind: Kind::Task,
            status: Status::Code(0),
            oom_killed: false,
            pids_limit_hit: false,
            cpu_us: 1,
            memory_peak_bytes: 1,
            at_us: 1,
            trace: trace(),
        }),
    ]
}

fn events() -> Vec<Event> {
    let enforced = Enforced {
        grouping: Enforcement::Enforced,
        cpu: Enforcement::Enforced,
        memory: Enforcement::Enforced,
        pids: Enforcement::Enforced,
    };
    let others = [
        Event::Welcome(Welcome {
            version: VERSION,
            shepherd: process(),
            enforced,
            tasks: states(),
            requests: REQUESTS,
            trace: trace(),
        }),
        Event::Unknown {
            id: id(),
            trace: trace(),
        },
        Event::Refused {
            because: "no".to_owned(),
            trace: trace(),
        },
    ];
    let states = states().into_iter().map(Event::Task);
    others.into_iter().chain(states).collect()
}

/// A new variant has to be given a number here, and a line of it among the samples.
fn number_of_request(request: &Request) -> usize {
    match request {
        Request::Hello { .. } => 0,
        Request::Start(_) => 1,
        Request::Kill { .. } => 2,
        Request::Forget { .. } => 3,
        Request::Leave { .. } => 4,
        Request::Shutdown => 5,
    }
}

fn number_of_event(event: &Event) -> usize {
    match event {
        Event::Welcome(_) => 0,
        Event::Unknown { .. } => 1,
        Event::Refused { .. } => 2,
        Event::Task(TaskState::Started(_)) => 3,
        Event::Task(TaskState::StartFailed(_)) => 4,
        Event::Task(TaskState::Exited(_)) => 5,
    }
}

/// The trace of a line: beside what it says, however deep that is named.
fn trace_of(line: &Value) -> Option<TraceContext> {
    let content = line.as_object()?.values().next()?;
    match content.get("trace") {
        Some(trace) => serde_json::from_value(trace.clone()).ok(),
        None => trace_of(content),
    }
}

#[test]
fn every_line_of_either_side_has_its_trace() {
    let mut seen = BTreeSet::new();
    for request in requests() {
        seen.insert(number_of_request(&request));
        let line = serde_json::to_value(&request).unwrap();
        // What is said to shepherds of former builds only is as it was.
        let expected = (request != Request::Shutdown).then(trace);
        assert_eq!(trace_of(&line), expected, "{line}");
        assert_eq!(serde_json::from_value::<Request>(line).unwrap(), request);
    }
    assert!(seen.into_iter().eq(0..6), "there is no sample of a variant");
    let mut seen = BTreeSet::new();
    for event in events() {
        seen.insert(number_of_event(&event));
        let line = serde_json::to_value(&event).unwrap();
        assert_eq!(trace_of(&line), Some(trace()), "{line}");
        assert_eq!(serde_json::from_value::<Event>(line).unwrap(), event);
    }
    assert!(seen.into_iter().eq(0..6), "there is no sample of a variant");
}

/// What a shepherd understands that knows nothing of traces.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FormerRequest {
    Hello { version: u32 },
    Start(Value),
    Kill { id: String, grace_ms: u64 },
    Forget { id: String },
    Shutdown,
}

#[test]
fn a_former_shepherd_understands_all_but_what_it_is_never_told() {
    for request in requests() {
        let line = serde_json::to_string(&request).unwrap();
        let former = serde_json::from_str::<FormerRequest>(&line);
        let is_new = matches!(request, Request::Leave { .. });
        assert_eq!(former.is_err(), is_new, "{line}");
    }
}

#[test]
fn lines_of_former_builds_are_understood() {
    let kill: Request = serde_json::from_str(r#"{"kill":{"id":"1.2","grace_ms":1}}"#).unwrap();
    let trace = TraceContext::default();
    let expected = Request::Kill {
        id: id(),
        grace_ms: 1,
        trace,
    };
    assert_eq!(kill, expected);
    let mut welcome = serde_json::to_value(&events()[0]).unwrap();
    let content = welcome["welcome"].as_object_mut().unwrap();
    content.remove("requests");
    content.remove("trace");
    let Event::Welcome(welcome) = serde_json::from_value(welcome).unwrap() else {
        panic!("no welcome")
    };
    assert_eq!(welcome.requests, 0);
    assert!(welcome.trace.is_empty());
}
