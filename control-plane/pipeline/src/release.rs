//! What an effect that rests on no record of its step has to wait for (rule R3).

use insula_kernel::input::Call;
use insula_kernel::{Effect, Input, Outcome};
use insula_types::event::EventKind;
use insula_types::message::{Message, ToFramework};

/// Whether the answer to an input may leave on the lease alone, if it persists nothing: a call about
/// offers only. Nothing that it changed outlives the epoch, so nobody is misled by an owner that has
/// lost its partition without noticing.
pub(crate) fn is_about_offers(input: &Input) -> bool {
    let Input::Call { call, .. } = input else {
        return false;
    };
    matches!(
        call,
        Call::Decline { .. } | Call::Suppress(_) | Call::Revive(_)
    )
}

/// Whether an effect may leave on the lease alone. Offers name their epoch, so the owner's successor
/// refuses those that are not its own; rescinds and the events about them go with them. So does why a
/// request waits, which every owner finds out for itself.
pub(crate) fn is_on_lease(effect: &Effect, about_offers: bool) -> bool {
    match effect {
        Effect::Send(_, _, Message::ToFramework(message)) => {
            matches!(message, ToFramework::Offers(_) | ToFramework::Rescind(_))
        }
        Effect::Publish(event) => matches!(
            event.kind,
            EventKind::OffersMade { .. }
                | EventKind::OffersDeclined { .. }
                | EventKind::OffersRescinded { .. }
                | EventKind::RequestWaits { .. }
        ),
        Effect::Reply(_, outcome) => about_offers && *outcome == Outcome::Accepted,
        Effect::Send(_, _, Message::ToAgent(_)) | Effect::Persist(_) => false,
    }
}
