//! What is said of a task is said in its trace (rule R31).

use insula_types::message::{Message, Peer, ToFramework};
use insula_types::record::TaskRow;
use insula_types::{FrameworkKey, TaskId, TaskStatus, TraceContext};

use super::store::Store;

/// A trace of a task's own: the same for the same name.
pub(crate) fn trace_of(task: &str) -> TraceContext {
    let number = task
        .bytes()
        .fold(7, |all: u64, byte| all * 31 + u64::from(byte));
    TraceContext::start(u128::from(number) << 64 | 1, number, true)
}

/// Checks a message against the rows.
pub(crate) fn check(store: &Store, peer: &Peer, trace: &TraceContext, message: &Message) {
    match (peer, message) {
        (_, Message::ToAgent(said)) => match said.launch() {
            Some(launch) => {
                // A kernel knows nothing of history, nor of what a store forgot that was rolled back.
                if let Some(row) = store.find(launch).filter(|row| !row.archived) {
                    assert_eq!(trace, &row.trace, "{said:?}");
                    assert!(!trace.is_empty(), "{said:?}");
                }
            }
            None => assert!(trace.is_empty(), "{said:?} is about no task"),
        },
        (Peer::Framework { framework, .. }, Message::ToFramework(ToFramework::Update(status))) => {
            check_status(store, framework, trace, status);
        }
        (_, said) => assert!(trace.is_empty(), "{said:?} is about no task"),
    }
}

/// One of the starts of the task, where a framework's own id returns; any trace for a task that was
/// never started.
fn check_status(
    store: &Store,
    framework: &FrameworkKey,
    trace: &TraceContext,
    status: &TaskStatus,
) {
    let is_meant =
        |task: &TaskId, row: &&TaskRow| row.key.framework == *framework && row.key.task == *task;
    let mut starts = store.tasks().filter(|row| is_meant(&status.task, row));
    let of_a_start = starts.clone().any(|row| row.trace == *trace);
    let must_be_of_one = status.uuid.is_some() || !trace.is_empty() && starts.next().is_some();
    assert!(of_a_start || !must_be_of_one, "{status:?} in {trace}");
}
