//! The hops of a task, in the order of causes: by which service, and what.

use std::collections::BTreeSet;

use insula_faults::receiver::{Received, Span, Trace};

/// A service, and the name of a span of it.
pub(crate) type Hop = (&'static str, &'static str);

pub(crate) const SERVER: &str = "insula-server";
pub(crate) const AGENT: &str = "insula-agent";

/// A task of a person: the control plane itself acknowledges its updates.
pub(crate) const NATIVE: [&[Hop]; 6] = [ASKED, LAUNCHED, RAN, ACKNOWLEDGED, TOLD, ACKNOWLEDGED];

/// The same for a module that no agent has yet.
pub(crate) const WASM: [&[Hop]; 7] = [
    ASKED,
    LAUNCHED,
    &[
        (AGENT, "fetch module"),
        (SERVER, "insula.agent.v1.AgentService/FetchModule"),
        (AGENT, "compile"),
    ],
    RAN,
    ACKNOWLEDGED,
    TOLD,
    ACKNOWLEDGED,
];

/// What the process that runs modules measures by itself, and tells when a guest is over. Their place
/// among the others is as good as two readings of the clock.
pub(crate) const MEASURED: [&str; 2] = ["wait for slot", "instantiate"];

/// A task of a framework, which acknowledges what it is told.
pub(crate) const FOREIGN: [&[Hop]; 8] = [
    &[(SERVER, "accept")],
    LAUNCHED,
    RAN,
    DELIVERED,
    ACKNOWLEDGED,
    TOLD,
    DELIVERED,
    ACKNOWLEDGED,
];

/// The end of a task that its framework has killed.
pub(crate) const KILLED: [&[Hop]; 4] = [
    &[(SERVER, "send kill"), (AGENT, "process kill")],
    TOLD,
    DELIVERED,
    ACKNOWLEDGED,
];

const ASKED: &[Hop] = &[
    (SERVER, "POST /v1/tasks"),
    (SERVER, "accept"),
    (SERVER, "process submit"),
];

pub(crate) const LAUNCHED: &[Hop] = &[
    (SERVER, "send launch"),
    (AGENT, "process launch"),
    (AGENT, "start"),
];

const RAN: &[Hop] = &[
    (AGENT, "run"),
    (AGENT, "send update"),
    (SERVER, "process update"),
];

/// An update on its way to the owner; see [`unreceived`] as well.
pub(crate) const TOLD: &[Hop] = &[(AGENT, "send update"), (SERVER, "process update")];

/// An update on its way from the owner to a framework that another replica speaks to.
const DELIVERED: &[Hop] = &[
    (SERVER, "relay update"),
    (SERVER, "forward update"),
    (SERVER, "deliver update"),
];

/// An acknowledgement, by whomever, on its way to the agent.
pub(crate) const ACKNOWLEDGED: &[Hop] =
    &[(SERVER, "send acknowledge"), (AGENT, "process acknowledge")];

/// The replicas that spoke to the agent, are not the owner, and say nothing of its updates.
pub(crate) fn unreceived(trace: &Trace) -> Vec<String> {
    let instances = |name: &str| -> BTreeSet<&str> {
        let spans = trace.spans().iter();
        let named = spans.filter(|span| span.name == name);
        named.map(Span::instance).collect()
    };
    let (owners, receivers) = (instances("process update"), instances("receive update"));
    let gateways = instances("send acknowledge");
    let silent = gateways
        .iter()
        .filter(|gateway| !owners.contains(**gateway));
    silent
        .filter(|gateway| !receivers.contains(**gateway))
        .map(|gateway| format!("no 'receive update' of {gateway}"))
        .collect()
}

/// What the commits of a task of a person made true of it, as often as it happened.
pub(crate) const STEPS_OF_NATIVE: &[&str] = &[
    "request submitted",
    "task accepted",
    "task updated",
    "task updated",
];

/// Likewise of a framework's task.
pub(crate) const STEPS_OF_FOREIGN: &[&str] = &[
    "task accepted",
    "task acknowledged",
    "task acknowledged",
    "task updated",
    "task updated",
];

/// What is wrong with the steps of a task: each has its commit, and points to it, and it points back to
/// the task. They stand apart from the other hops because their times are those of the kernel.
pub(crate) fn wrong_steps(received: &Received, trace: &Trace, wanted: &[&str]) -> Vec<String> {
    let Some(task) = trace.named("task").next() else {
        return vec!["there is no task".to_owned()];
    };
    let mut wrong = Vec::new();
    let steps: Vec<&Span> = trace.named("commit").collect();
    let mut made: Vec<&str> = steps
        .iter()
        .map(|step| step.attribute("insula.step"))
        .collect();
    made.sort_unstable();
    if made != wanted {
        wrong.push(format!("the steps are {made:?}"));
    }
    let last_update = steps.iter().rposition(|step| is_step(step, "task updated"));
    for (place, step) in steps.iter().enumerate() {
        let commits = step.links.iter().filter_map(|link| received.at(link));
        let commits: Vec<&Span> = commits
            .filter(|commit| commit.name == "commit" && commit.parent == 0)
            .collect();
        // That an update was acknowledged changes no row, unless it was the last.
        let is_carried = !is_step(step, "task acknowledged") || Some(place) > last_update;
        let is_right = match commits.as_slice() {
            [commit] => !is_carried || commit.links.contains(&task.link()),
            _ => false,
        };
        if !is_right {
            let what = step.attribute("insula.step");
            wrong.push(format!(
                "'{what}' has {} commits, or the wrong one",
                commits.len()
            ));
        }
    }
    wrong
}

fn is_step(span: &Span, step: &str) -> bool {
    span.attribute("insula.step") == step
}
