//! Tasks of all kinds on a system that is well, and then everything else that frameworks say and agents
//! and replicas suffer, short of death: no span is ever left without its parent.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use insula_faults::Load;
use insula_faults::receiver::{Link, Received, Trace};

use crate::caller::Caller;
use crate::hops::{
    AGENT, FOREIGN, KILLED, MEASURED, NATIVE, SERVER, STEPS_OF_FOREIGN, STEPS_OF_NATIVE, WASM,
    wrong_steps,
};
use crate::support::{Run, shell, submit};
use crate::traffic;

/// Stand in the names and command lines of everything in the one cell and in the other.
const MARKS: [&str; 2] = ["alphamark", "betamark"];

const OTHER: &str = "neighbour";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_followed_through_every_hop() {
    let Some(mut run) = Run::start().await else {
        return;
    };
    let mut caller = Caller::default();
    a_native_task(&run, &mut caller).await;
    a_module(&run, &mut caller).await;
    a_frameworks_tasks(&run).await;
    a_frameworks_task_with_a_caller(&run, &mut caller).await;
    another_cell(&mut run).await;
    traffic::of_all_kinds(&mut run).await;
    run.settle("nothing tells of", unheard).await;
    nothing_is_an_orphan(&run, &caller).await;
    no_trace_names_two_cells(&run.receiver.received());
    everybody_has_exported(&run);
}

async fn a_native_task(run: &Run, caller: &mut Caller) {
    let asked = caller.ask();
    let http = asked.on(run.aside("default").await);
    let task = submit(&http, shell(MARKS[0], "sleep 0.05")).await;
    run.until_state(&task, "TASK_FINISHED").await;
    let trace = run.whole(asked.trace, asked.span, &NATIVE).await;
    steps(run, &trace, STEPS_OF_NATIVE).await;
    is_flat(&trace);
    is_linked_from(run, &trace, "POST /v1/tasks", "").await;
    assert!(replicas(&trace) >= 2, "{}", trace.shown());
}

/// By the command line, which takes the caller from its environment as tasks find theirs.
async fn a_module(run: &Run, caller: &mut Caller) {
    let asked = caller.ask();
    let module =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wasm-executor/samples/hello.wat");
    let person = run.cluster.person("default", ["run", "--name", MARKS[0]]);
    let person = person.arg(module).env("TRACEPARENT", asked.traceparent());
    let said = tokio::task::spawn_blocking(|| person.run()).await.unwrap();
    assert_eq!(said, "Hello, world!\n");
    let trace = run.whole(asked.trace, asked.span, &WASM).await;
    for name in MEASURED {
        let found = trace.named(name).filter(|span| span.service() == AGENT);
        assert_eq!(found.count(), 1, "{name}:\n{}", trace.shown());
    }
    steps(run, &trace, STEPS_OF_NATIVE).await;
    is_flat(&trace);
}

/// Nobody calls it, so each task has a trace of its own.
async fn a_frameworks_tasks(run: &Run) {
    let load = Load {
        per_second: 10,
        short: Duration::from_millis(20),
        endless: 1,
    };
    let name = format!("{}-mesos", MARKS[0]);
    let framework = run.framework(&name, run.aside("default").await, load);
    framework.until_steady().await;
    let endless = framework.endless().remove(0);
    framework.come_to_rest().await;
    let short = run.trace_of(&format!("{name}-2")).await;
    let trace = run.whole(short, 0, &FOREIGN).await;
    steps(run, &trace, STEPS_OF_FOREIGN).await;
    is_flat(&trace);
    is_linked_from(run, &trace, "POST /api/v1/scheduler", "ACCEPT").await;
    is_wanted_by(run, &trace, "process acknowledge", "ACKNOWLEDGE").await;
    assert!(replicas(&trace) >= 2, "{}", trace.shown());
    let killed = run.trace_of(&endless).await;
    let trace = run.whole(killed, 0, &KILLED).await;
    is_flat(&trace);
    is_wanted_by(run, &trace, "process kill", "KILL").await;
}

/// All its calls are of one trace, which one task joins.
async fn a_frameworks_task_with_a_caller(run: &Run, caller: &mut Caller) {
    let asked = caller.ask();
    let http = asked.on(run.aside("default").await);
    let load = Load {
        per_second: 0,
        short: Duration::ZERO,
        endless: 1,
    };
    let framework = run.framework(&format!("{}-called", MARKS[0]), http, load);
    framework.until_steady().await;
    framework.come_to_rest().await;
    let trace = run.whole(asked.trace, asked.span, &KILLED).await;
    steps_are(run, &trace, "task accepted", 1).await;
}

/// Of another's tasks in the same partition, which the same commits carry.
async fn another_cell(run: &mut Run) {
    run.cluster.add_cell(OTHER).await;
    let load = Load {
        per_second: 10,
        short: Duration::from_millis(20),
        endless: 2,
    };
    let frameworks = [("default", MARKS[0]), (OTHER, MARKS[1])].map(|(cell, mark)| {
        let http = run.cluster.http(cell);
        run.framework(&format!("{mark}-beside"), http, load)
    });
    for framework in &frameworks {
        framework.until_steady().await;
    }
    for framework in &frameworks {
        framework.come_to_rest().await;
    }
}

async fn steps(run: &Run, trace: &Trace, wanted: &[&str]) {
    let id = trace.spans()[0].trace;
    let wrong = |received: &Received| wrong_steps(received, &received.trace(id), wanted);
    run.settle("the commits are wrong", wrong).await;
}

async fn steps_are(run: &Run, trace: &Trace, step: &str, count: usize) {
    let id = trace.spans()[0].trace;
    let wrong = |received: &Received| {
        let trace = received.trace(id);
        let steps = trace.named("commit");
        let found = steps
            .filter(|span| span.attribute("insula.step") == step)
            .count();
        let is_wrong = found != count;
        is_wrong
            .then(|| format!("'{step}' {found} times"))
            .into_iter()
            .collect()
    };
    run.settle("the commits are wrong", wrong).await;
}

/// What agents tell of a task hangs from its first span, and from nothing that might get lost.
fn is_flat(trace: &Trace) {
    let task = trace.named("task").next().map(|task| task.id);
    let mut of_agents = trace.spans().iter().filter(|span| span.service() == AGENT);
    assert!(
        of_agents.all(|span| Some(span.parent) == task),
        "{}",
        trace.shown()
    );
}

/// A request that was about the task points to it.
async fn is_linked_from(run: &Run, trace: &Trace, name: &str, call: &str) {
    let task = task_of(trace);
    let unlinked = |received: &Received| {
        let mut linking = received.linking_to(task);
        let is_it = |found: &str, of: &str| found == name && of == call;
        let found = linking.any(|span| is_it(&span.name, span.attribute("insula.call")));
        (!found).then(|| trace.shown()).into_iter().collect()
    };
    let what = format!("no '{name}' {call} points to the task");
    run.settle(&what, unlinked).await;
}

/// A call that wanted something of the task has a trace of its own, where the owner's span of it points
/// to the task: only the owner knows whose task the name is.
async fn is_wanted_by(run: &Run, trace: &Trace, name: &str, call: &str) {
    let task = task_of(trace);
    let unlinked = |received: &Received| {
        let owners = received.linking_to(task).filter(|span| span.name == name);
        let requests = owners.filter_map(|span| {
            let (trace, span) = (span.trace, span.parent);
            received.at(&Link { trace, span })
        });
        let mut calls = requests.map(|request| request.attribute("insula.call"));
        let found = calls.any(|found| found == call);
        (!found).then(|| trace.shown()).into_iter().collect()
    };
    let what = format!("no '{name}' of a call {call} points to the task");
    run.settle(&what, unlinked).await;
}

fn task_of(trace: &Trace) -> Link {
    trace.named("task").next().map(|task| task.link()).unwrap()
}

fn replicas(trace: &Trace) -> usize {
    let processes = trace.processes().into_iter();
    processes.filter(|(service, _)| *service == SERVER).count()
}

/// What was said to owners in this test without leaving a span.
fn unheard(received: &Received) -> Vec<String> {
    let names: BTreeSet<&str> = received.spans().map(|span| span.name.as_str()).collect();
    let unheard = traffic::SAID.iter().filter(|name| !names.contains(**name));
    unheard.map(ToString::to_string).collect()
}

async fn nothing_is_an_orphan(run: &Run, caller: &Caller) {
    let orphans = |received: &Received| {
        let orphans = received.orphans(|trace, span| caller.sent(trace, span));
        orphans.iter().map(ToString::to_string).collect()
    };
    run.settle("spans have parents that nobody sent", orphans)
        .await;
    let received = run.receiver.received();
    assert_eq!(received.contradictions(), []);
}

fn no_trace_names_two_cells(received: &Received) {
    let marked = |mark: &str| -> BTreeSet<u128> {
        let spans = received.spans();
        let spans = spans.filter(|span| span.texts().any(|text| text.contains(mark)));
        spans.map(|span| span.trace).collect()
    };
    let [one, other] = MARKS.map(marked);
    assert!(!one.is_empty() && !other.is_empty());
    let both: Vec<_> = one.intersection(&other).collect();
    assert!(both.is_empty(), "{}", received.trace(*both[0]).shown());
    // What the partition's cells have in common names nobody.
    let commits = received
        .spans()
        .filter(|span| span.name == "commit" && span.parent == 0);
    for commit in commits {
        let named = commit
            .texts()
            .find(|text| MARKS.iter().any(|mark| text.contains(mark)));
        assert_eq!(named, None);
        assert!(!one.contains(&commit.trace) && !other.contains(&commit.trace));
    }
}

fn everybody_has_exported(run: &Run) {
    let received = run.receiver.received();
    let of_service = |service: &str| -> BTreeSet<String> {
        let spans = received.spans().filter(|span| span.service() == service);
        spans.map(|span| span.instance().to_owned()).collect()
    };
    assert_eq!(of_service(SERVER).len(), run.cluster.replicas.len());
    assert_eq!(of_service(AGENT).len(), run.cluster.agents.len());
    let exports = run.receiver.exports();
    let metrics = exports.iter().flat_map(|export| &export.metrics);
    let measuring: BTreeSet<&str> = metrics.map(|(service, _)| service.as_str()).collect();
    assert!(
        measuring.contains(SERVER),
        "only {measuring:?} send metrics"
    );
}
