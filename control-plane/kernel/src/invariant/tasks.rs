//! Tasks and their updates.

use crate::Kernel;
use crate::invariant::{Violation, must};

/// INV-6: a task id is live once per framework: each task that a framework can name has its name to
/// itself.
pub(super) fn a_task_id_is_live_once_per_framework(kernel: &Kernel) -> Result<(), Violation> {
    let mut visible = 0;
    for task in kernel.tasks.iter().filter(|task| task.is_visible()) {
        visible += 1;
        let named = kernel.tasks.named(task.framework, &task.row.key.task);
        must(named == Some(task.row.launch), 6, || {
            format!("{} is live and its name means {named:?}", task.row.key)
        })?;
    }
    let names = kernel.tasks.names().count();
    must(names == visible, 6, || {
        format!("{names} task ids are taken, and {visible} tasks can be named")
    })
}

/// INV-7: an update with a uuid is kept until it is acknowledged: it is the last one applied, and a
/// task whose end is acknowledged has none.
pub(super) fn an_unacknowledged_update_is_kept(kernel: &Kernel) -> Result<(), Violation> {
    for task in kernel.tasks.iter() {
        let row = &task.row;
        let is_last = row.status.uuid.is_none() || row.status.uuid == row.last_uuid;
        let is_open = row.ack.is_none() || row.status.uuid.is_none();
        must(is_last && is_open, 7, || {
            format!(
                "{} keeps an update that is not its last open one",
                row.launch
            )
        })?;
    }
    Ok(())
}

/// INV-8: an ended task is kept as long as somebody waits for something of it, and not longer; only an
/// ended task is acknowledged for good.
pub(super) fn an_ended_task_is_kept_only_while_somebody_waits(
    kernel: &Kernel,
) -> Result<(), Violation> {
    for task in kernel.tasks.iter() {
        let row = &task.row;
        let ended = row.status.state.is_terminal();
        must(!row.archived, 8, || {
            format!("{} is history and still here", row.launch)
        })?;
        must(ended || row.ack.is_none(), 8, || {
            format!(
                "{} is acknowledged for good and {}",
                row.launch, row.status.state
            )
        })?;
        let agent = kernel.agents.get(task.agent);
        let released = row.ack.is_some() || agent.absent.contains(&row.launch);
        let over =
            ended && row.status.uuid.is_none() && released && task.last_seq() <= agent.watermark;
        must(!over, 8, || {
            format!("nobody waits for {} and it is not history", row.launch)
        })?;
    }
    Ok(())
}

/// INV-9: a launch id is given once: none is above what this epoch has handed out, and none is of a
/// later epoch.
pub(super) fn a_launch_id_is_given_once(kernel: &Kernel) -> Result<(), Violation> {
    for task in kernel.tasks.iter() {
        let launch = task.row.launch;
        let earlier = launch.epoch < kernel.epoch;
        let ours = launch.epoch == kernel.epoch && launch.number <= kernel.launches;
        must(earlier || ours, 9, || {
            format!("{launch} was not given out yet in epoch {}", kernel.epoch)
        })?;
    }
    Ok(())
}

/// INV-10: a task stands in the list of its agent and of its framework, and of no other.
pub(super) fn a_task_is_known_to_both_sides(kernel: &Kernel) -> Result<(), Violation> {
    for task in kernel.tasks.iter() {
        let launch = task.row.launch;
        let agent = kernel.agents.get(task.agent);
        let framework = kernel.frameworks.get(task.framework);
        let fine = agent.tasks.contains(&launch)
            && framework.tasks.contains(&launch)
            && agent.row.agent == task.row.agent
            && framework.key == task.row.key.framework;
        must(fine, 10, || format!("{launch} is not known to both sides"))?;
    }
    let of_agents: usize = kernel.agents.iter().map(|each| each.tasks.len()).sum();
    let of_frameworks: usize = kernel.frameworks.iter().map(|each| each.tasks.len()).sum();
    let all = kernel.tasks.len();
    must(of_agents == all && of_frameworks == all, 10, || {
        format!(
            "there are {all} tasks, agents know of {of_agents} and frameworks of {of_frameworks}"
        )
    })
}
