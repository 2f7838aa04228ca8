//! Effects leave behind the fence (rules R1, R3).

use insula_kernel::{Effect, Outcome};
use insula_types::Epoch;
use insula_types::event::EventKind;
use insula_types::message::{Message, ToFramework};

use super::{Violation, must};

/// What an owner says rests on a commit of its own epoch.
pub(crate) fn an_effect_leaves_behind_its_owners_commit(
    owner: Epoch,
    committed_by: Option<Epoch>,
) -> Result<(), Violation> {
    must(
        committed_by == Some(owner),
        "an effect leaves behind a commit of its owner",
        || format!("the owner of {owner} speaks behind a commit of {committed_by:?}"),
    )
}

/// The commit behind which an answer leaves was begun after the question was stepped.
pub(crate) fn an_answer_leaves_behind_a_fence_begun_after_its_step(
    step: Option<u64>,
    fenced: u64,
) -> Result<(), Violation> {
    must(
        step.is_some_and(|step| step <= fenced),
        "an answer leaves behind a fence begun after its step",
        || format!("step {step:?} is answered, and {fenced} steps are fenced"),
    )
}

/// Nothing but what is about offers, and why requests wait, leaves on the lease alone.
pub(crate) fn only_what_may_leaves_on_the_lease(effect: &Effect) -> Result<(), Violation> {
    let may = match effect {
        Effect::Send(_, _, Message::ToFramework(message)) => {
            matches!(message, ToFramework::Offers(_) | ToFramework::Rescind(_))
        }
        Effect::Reply(_, outcome) => *outcome == Outcome::Accepted,
        Effect::Publish(event) => matches!(
            event.kind,
            EventKind::OffersMade { .. }
                | EventKind::OffersDeclined { .. }
                | EventKind::OffersRescinded { .. }
                | EventKind::RequestWaits { .. }
        ),
        Effect::Persist(_) | Effect::Send(_, _, Message::ToAgent(_)) => false,
    };
    must(
        may,
        "only what is about offers leaves on the lease alone",
        || format!("{effect:?} left without a fence"),
    )
}

/// While an owner may believe in its lease, nobody else was granted one.
pub(crate) fn who_has_the_lease_is_the_owner(epoch: Epoch, owner: Epoch) -> Result<(), Violation> {
    must(
        epoch == owner,
        "while an owner believes in its lease nobody else is the owner",
        || format!("the owner of {epoch} speaks on its lease, and the owner is that of {owner}"),
    )
}
