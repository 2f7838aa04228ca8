//! What holds after every step.

use insula_types::LaunchId;

use crate::Core;
use crate::task::Phase;
use crate::timers::Timer;

/// An invariant that does not hold: a defect of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}{}", launch.map(|launch| format!(" (launch {launch})")).unwrap_or_default())]
pub struct Violation {
    /// The rule, as a sentence.
    pub rule: &'static str,
    /// The launch that breaks it, if it is about one.
    pub launch: Option<LaunchId>,
}

/// Checks every invariant; O(n log n) in the number of launches.
///
/// # Errors
/// The first [`Violation`] found.
pub fn check(core: &Core) -> Result<(), Violation> {
    an_update_waits_exactly_while_it_may_be_sent(core)?;
    an_acknowledged_update_exists(core)?;
    a_deadline_is_watched_only_while_its_task_runs(core)?;
    an_open_session_has_a_heartbeat(core)?;
    timers_belong_to_known_launches(core)?;
    the_records_make_the_same_core(core)
}

fn rule(holds: bool, rule: &'static str, launch: Option<LaunchId>) -> Result<(), Violation> {
    if holds {
        Ok(())
    } else {
        Err(Violation { rule, launch })
    }
}

fn an_update_waits_exactly_while_it_may_be_sent(core: &Core) -> Result<(), Violation> {
    for (launch, task) in &core.tasks {
        let is_sent = core.timers.get(Timer::Send(*launch)).is_some();
        let may_be_sent = core.is_registered() && task.pending().is_some();
        rule(
            is_sent == may_be_sent,
            "an update is sent again and again exactly while a session is registered",
            Some(*launch),
        )?;
    }
    Ok(())
}

fn an_acknowledged_update_exists(core: &Core) -> Result<(), Violation> {
    for (launch, task) in &core.tasks {
        rule(
            task.running.is_some() || !task.running_acknowledged,
            "only an update that was made is acknowledged",
            Some(*launch),
        )?;
        rule(
            task.ended
                .as_ref()
                .is_none_or(|update| update.state.is_terminal())
                && task
                    .running
                    .as_ref()
                    .is_none_or(|update| !update.state.is_terminal()),
            "a terminal update is the last one of its task",
            Some(*launch),
        )?;
    }
    Ok(())
}

fn a_deadline_is_watched_only_while_its_task_runs(core: &Core) -> Result<(), Violation> {
    for (launch, task) in &core.tasks {
        let is_watched = core.timers.get(Timer::Deadline(*launch)).is_some();
        let has_deadline = task.phase() == Phase::Running && task.deadline().is_some();
        rule(
            has_deadline || !is_watched,
            "a deadline is watched only while its task runs",
            Some(*launch),
        )?;
    }
    Ok(())
}

fn an_open_session_has_a_heartbeat(core: &Core) -> Result<(), Violation> {
    let beats = core.timers.get(Timer::Heartbeat).is_some();
    rule(
        beats == core.session().is_some(),
        "the heartbeat runs exactly while a session is open",
        None,
    )
}

fn timers_belong_to_known_launches(core: &Core) -> Result<(), Violation> {
    for timer in core.timers.iter() {
        match timer {
            Timer::Heartbeat => {}
            Timer::Send(launch) | Timer::Deadline(launch) => rule(
                core.tasks.contains_key(&launch),
                "a timer belongs to a launch that is known",
                Some(launch),
            )?,
        }
    }
    Ok(())
}

fn the_records_make_the_same_core(core: &Core) -> Result<(), Violation> {
    let records = core.records();
    let again = Core::load(
        core.config.clone(),
        core.identity.clone(),
        0,
        records.clone(),
    );
    rule(
        again.is_ok_and(|again| again.records() == records),
        "the records of a core make a core with the same records",
        None,
    )
}
