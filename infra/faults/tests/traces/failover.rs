//! The owner dies with tasks under way, and with what it had not exported yet.

use std::collections::BTreeSet;

use insula_faults::receiver::{Received, Trace};

use crate::caller::Caller;
use crate::hops::{ACKNOWLEDGED, AGENT, LAUNCHED, SERVER, TOLD};
use crate::support::{Run, shell, submit};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_stays_whole_when_the_owner_dies() {
    let Some(mut run) = Run::start().await else {
        return;
    };
    let mut caller = Caller::default();
    let gate = run.cluster.place().file("gate");
    let line = format!("until [ -e '{}' ]; do sleep 0.05; done", gate.display());
    let http = run.aside("default").await;
    let owner = run.cluster.owner().await;

    let running = caller.ask();
    let long = submit(&running.on(http.clone()), shell("long", &line)).await;
    run.until_state(&long, "TASK_RUNNING").await;
    let _begun = run.whole(running.trace, running.span, &[LAUNCHED]).await;
    let has_commits = |received: &Received| {
        let commits = received.trace(running.trace).named("commit").count();
        (commits == 0)
            .then(|| "no commit".to_owned())
            .into_iter()
            .collect()
    };
    run.settle("the owner has exported nothing", has_commits)
        .await;
    // Of this one the owner has hardly exported a span when it dies.
    let taken = caller.ask();
    let late = submit(&taken.on(http.clone()), shell("late", &line)).await;
    run.cluster.replicas[owner].kill();

    let _other = run.cluster.until_taken_over_from(owner).await;
    run.cluster.place().write("gate", "");
    run.until_state(&long, "TASK_FINISHED").await;
    run.until_state(&late, "TASK_FINISHED").await;
    for asked in [running, taken] {
        let is_open = |received: &Received| has_no_end(&received.trace(asked.trace));
        run.settle("no end was committed and acknowledged", is_open)
            .await;
        let hops = [TOLD, ACKNOWLEDGED];
        let _trace = run.whole(asked.trace, asked.span, &hops).await;
    }
    let trace = run.receiver.received().trace(running.trace);
    has_spans_of_two_owners(&trace, run.cluster.replicas.len());
}

/// The trace, if it does not tell of its task's end and of the acknowledgement of that.
fn has_no_end(trace: &Trace) -> Vec<String> {
    let mut steps = trace.named("commit");
    let end = steps.find(|step| step.attribute("insula.task.state") == "TASK_FINISHED");
    let is_over = end.is_some_and(|end| {
        let mut acknowledged = trace.named("process acknowledge");
        acknowledged.any(|span| span.service() == AGENT && span.from > end.from)
    });
    (!is_over).then(|| trace.shown()).into_iter().collect()
}

/// What the dead owner had exported is there beside what its successor and the gateway did.
fn has_spans_of_two_owners(trace: &Trace, replicas: usize) {
    let owners: BTreeSet<&str> = trace.named("commit").map(|step| step.instance()).collect();
    assert_eq!(owners.len(), 2, "{}", trace.shown());
    let servers = trace.processes().into_iter();
    let servers = servers.filter(|(service, _)| *service == SERVER).count();
    assert!((2..=replicas).contains(&servers), "{}", trace.shown());
}
