//! What must hold after every step, each with its number in `control-plane/docs/invariants.md`.
//!
//! One file per subject, one function per invariant, named as a sentence. Those that speak of more
//! than one state (INV-1, INV-4) cannot be seen in a kernel that stands still; the document says which
//! test or proof keeps them.

mod agents;
mod commands;
mod figures;
mod frameworks;
mod offers;
mod requests;
mod resources;
mod tasks;

use crate::Kernel;

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("INV-{number} is violated: {sentence}")]
pub struct Violation {
    /// The invariant's number.
    pub number: u32,
    /// What was found.
    pub sentence: String,
}

type Invariant = fn(&Kernel) -> Result<(), Violation>;

/// Fails with the invariant's number and a sentence unless the condition holds.
fn must(holds: bool, number: u32, sentence: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds {
        return Ok(());
    }
    Err(Violation {
        number,
        sentence: sentence(),
    })
}

/// Checks every invariant that one state can show; costs time in proportion to the whole cell.
///
/// # Errors
/// The first invariant that does not hold.
pub fn check(kernel: &Kernel) -> Result<(), Violation> {
    let all: [Invariant; 17] = [
        resources::free_offered_and_used_make_the_whole,
        offers::an_offer_is_known_to_both_sides,
        offers::only_who_can_be_reached_takes_part_in_offers,
        tasks::a_task_id_is_live_once_per_framework,
        tasks::an_unacknowledged_update_is_kept,
        tasks::an_ended_task_is_kept_only_while_somebody_waits,
        tasks::a_launch_id_is_given_once,
        tasks::a_task_is_known_to_both_sides,
        commands::commands_are_numbered_once_and_in_order,
        commands::a_launch_can_be_sent_again_until_it_is_confirmed,
        requests::a_request_waits_or_is_started,
        requests::the_oldest_of_each_shape_is_in_front,
        agents::silence_and_absence_are_watched,
        agents::time_never_falls_below_what_was_persisted,
        frameworks::a_successor_waits_for_a_session_that_stands,
        figures::the_figures_are_what_a_recount_finds,
        figures::every_offer_is_accounted_for,
    ];
    all.into_iter().try_for_each(|invariant| invariant(kernel))
}

/// Checks that the rows hold everything that must survive (INV-15, rule R7): a kernel that is loaded
/// from them has the same rows. Costs a load of the whole cell.
///
/// # Errors
/// The kind of rows that differ.
pub fn check_reload(kernel: &Kernel) -> Result<(), Violation> {
    let rows = kernel.rows();
    let epoch = insula_types::Epoch(kernel.epoch.0 + 1);
    let loaded = Kernel::load(kernel.config.clone(), epoch, kernel.now, rows.clone());
    let again = loaded.rows();
    for (kind, same) in [
        ("the cell", rows.cell == again.cell),
        ("roles", rows.roles == again.roles),
        ("agents", rows.agents == again.agents),
        ("frameworks", rows.frameworks == again.frameworks),
        ("tasks", rows.tasks == again.tasks),
        ("payloads", rows.payloads == again.payloads),
        ("requests", rows.requests == again.requests),
    ] {
        must(same, 15, || format!("{kind} differ after a load"))?;
    }
    check(&loaded)
}
