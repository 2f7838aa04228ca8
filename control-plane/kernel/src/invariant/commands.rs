//! Numbered commands.

use crate::Kernel;
use crate::agent::{Agent, Outgoing};
use crate::invariant::{Violation, must};

/// INV-11: a command's number stands in its task's row and is above the agent's watermark and below
/// the next number; so none is given twice, and each can be made again after a load.
pub(super) fn commands_are_numbered_once_and_in_order(kernel: &Kernel) -> Result<(), Violation> {
    for agent in kernel.agents.iter() {
        let id = &agent.row.agent;
        let ordered = agent.row.confirmed <= agent.watermark
            && agent.watermark < agent.next_seq
            && agent.sent < agent.next_seq;
        must(ordered, 11, || {
            format!(
                "agent {id}: {} persisted, {} confirmed, {} sent, {} next",
                agent.row.confirmed, agent.watermark, agent.sent, agent.next_seq
            )
        })?;
        for (seq, (launch, what)) in &agent.outbox {
            let row = kernel.tasks.get(*launch).map(|task| &task.row);
            let in_row = row.is_some_and(|row| match what {
                Outgoing::Launch => row.launch_seq == *seq && !row.status.state.is_terminal(),
                Outgoing::Kill => row.kill_seq == Some(*seq),
                Outgoing::Acknowledge => row.ack.is_some_and(|(ack, _)| ack == *seq),
            });
            let in_range = *seq > agent.watermark && *seq < agent.next_seq;
            must(in_row && in_range, 11, || {
                format!("agent {id}: command {seq} ({what:?} {launch}) follows from no row")
            })?;
        }
        numbers_are_taken(kernel, agent)?;
    }
    Ok(())
}

fn numbers_are_taken(kernel: &Kernel, agent: &Agent) -> Result<(), Violation> {
    for task in agent
        .tasks
        .iter()
        .filter_map(|launch| kernel.tasks.get(*launch))
    {
        must(task.last_seq() < agent.next_seq, 11, || {
            format!("{} has a number that is not given out", task.row.launch)
        })?;
    }
    Ok(())
}

/// INV-12: as long as a launch may have to be sent again, its description is there, and no longer
/// than its row says that it may.
pub(super) fn a_launch_can_be_sent_again_until_it_is_confirmed(
    kernel: &Kernel,
) -> Result<(), Violation> {
    for agent in kernel.agents.iter() {
        for (launch, what) in agent.outbox.values() {
            let task = kernel.tasks.get(*launch);
            let described =
                task.is_some_and(|task| agent.payloads.contains_key(&task.row.launch_seq));
            must(*what != Outgoing::Launch || described, 12, || {
                format!("{launch} is to be sent and has no description")
            })?;
        }
        let first = agent.payloads.keys().next().copied();
        let fine = first.is_none_or(|first| first > agent.row.confirmed);
        must(fine, 12, || {
            format!(
                "agent {} keeps a description that is confirmed",
                agent.row.agent
            )
        })?;
    }
    Ok(())
}
