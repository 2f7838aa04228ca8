//! What an earlier shepherd of the same directory left when it died.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use insula_isolation::cgroup::Parent;
use insula_isolation::process::{Tree, boot_id};

use insula_types::TraceContext;

use super::Error;
use super::error::sentence;
use super::herd::now_us;
use super::journal::{Entry, Intention, Journal};
use super::protocol::{Exited, Started, Status, TaskState};

/// How long killed processes get to end. One that does not is waiting for a device; it does not keep the others from
/// being told.
const CLEAR_MAX: Duration = Duration::from_secs(10);
const CLEAR_AGAIN: Duration = Duration::from_millis(1);

/// Kills what runs, removes its groups, and gives the end of every task that is not forgotten: those that had not
/// ended are lost, since only their parent could have waited for them.
pub(super) fn recover(dir: &Path, parent: Option<&Parent>) -> Result<Vec<TaskState>, Error> {
    let boot_id = boot_id()?;
    let tasks = Journal::read(dir)?;
    for entry in tasks.values() {
        kill_tree(entry, &boot_id);
    }
    // All groups below the parent are this directory's, whether or not the log still has their names.
    if let Some(Err(error)) = parent.map(|parent| parent.sweep(CLEAR_MAX)) {
        tracing::warn!(
            error = sentence(&error),
            "a control group of an earlier shepherd stays"
        );
    }
    Ok(tasks
        .into_iter()
        .filter_map(|(id, entry)| ended(id, entry, &boot_id))
        .collect())
}

fn ended(id: String, entry: Entry, boot_id: &str) -> Option<TaskState> {
    match (entry.state, entry.intention) {
        (Some(TaskState::Started(started)), _) => {
            let because = if started.process.boot_id == boot_id {
                "the shepherd that kept it ended, and what was left of it was killed"
            } else {
                "the machine was restarted"
            };
            Some(lost(id, started.kind, started.trace, because))
        }
        (Some(ended), _) => Some(ended),
        (None, Some(Intention { kind, trace, .. })) => Some(lost(
            id,
            kind,
            trace,
            "the shepherd ended before it knew whether it had started",
        )),
        (None, None) => None,
    }
}

fn lost(id: String, kind: super::Kind, trace: TraceContext, because: &str) -> TaskState {
    TaskState::Exited(Exited {
        id,
        kind,
        status: Status::Lost {
            because: because.to_owned(),
        },
        oom_killed: false,
        pids_limit_hit: false,
        cpu_us: 0,
        memory_peak_bytes: 0,
        at_us: now_us(),
        trace,
    })
}

/// A task without a control group is found by its session and its mark.
fn kill_tree(entry: &Entry, boot_id: &str) {
    let Some(variable) = entry
        .intention
        .as_ref()
        .and_then(|intention| intention.variable.as_ref())
    else {
        return;
    };
    let leader = match &entry.state {
        Some(TaskState::Started(Started { process, .. })) if process.boot_id == boot_id => {
            Some(process.clone())
        }
        Some(TaskState::Started(_)) => return,
        Some(TaskState::StartFailed(_) | TaskState::Exited(_)) => return,
        None => None,
    };
    let mut tree = Tree::new(leader, variable);
    let deadline = Instant::now() + CLEAR_MAX;
    while !tree.clear() && Instant::now() < deadline {
        thread::sleep(CLEAR_AGAIN);
    }
}
