//! Requests to built-in frameworks.

use crate::Kernel;
use crate::invariant::{Violation, must};

/// INV-13: a request waits in line or has a task that has not ended.
pub(super) fn a_request_waits_or_is_started(kernel: &Kernel) -> Result<(), Violation> {
    for requests in kernel.requests.values() {
        let mut waiting = 0;
        for (id, row) in &requests.rows {
            let Some(launch) = row.launch else {
                waiting += 1;
                must(requests.is_in_line(row), 13, || {
                    format!("request {id} is neither started nor in line")
                })?;
                continue;
            };
            let task = kernel.tasks.get(launch);
            let lives = task.is_some_and(|task| !task.row.status.state.is_terminal());
            must(lives, 13, || {
                format!("request {id} was started as {launch}, which has ended")
            })?;
        }
        must(requests.waiting() == waiting, 13, || {
            format!(
                "{waiting} requests wait, and {} are in line",
                requests.waiting()
            )
        })?;
    }
    Ok(())
}

/// INV-14: requests of one shape are served in the order in which they came.
pub(super) fn the_oldest_of_each_shape_is_in_front(kernel: &Kernel) -> Result<(), Violation> {
    for requests in kernel.requests.values() {
        must(requests.heads_are_the_oldest(), 14, || {
            "a younger request is in front of an older one of its shape".to_owned()
        })?;
    }
    Ok(())
}
