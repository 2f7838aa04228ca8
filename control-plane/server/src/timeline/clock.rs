//! Points of time by an agent's wall clock, moved to where they fit into kernel time.
//!
//! What an agent did with a launch, it did between the accept and the status that told of it. Where
//! its clock says otherwise, that clock differs; what it says about lengths is still right. So all of
//! its points are moved by the same amount: if the clocks differ by no more than well kept ones do, by
//! as little as makes them fit; else by the middle of what would, as NTP assumes that both ways take
//! equally long (RFC 5905, section 8).

use insula_types::task::TaskTimes;
use insula_types::{Span, Time};

/// Clocks that are kept by NTP differ by so much, in microseconds, and nobody needs to be told.
const USUAL: u64 = 10_000;

/// Points in kernel time, each within what the control plane has seen itself, and in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fitted {
    /// When the launch arrived.
    pub(super) received: Option<Time>,
    /// When the process began to run.
    pub(super) started: Option<Time>,
    /// When it ended.
    pub(super) ended: Option<Time>,
    /// By how much they were moved, if that is worth a word.
    pub(super) moved: Option<Span>,
}

impl Fitted {
    /// What must be said of them.
    pub(super) fn note(&self) -> Option<String> {
        let moved = self.moved?;
        Some(format!(
            "the clock of the agent differs by about {moved}; what it reports is moved by that"
        ))
    }
}

pub(super) fn fit(times: &TaskTimes, now: Time) -> Fitted {
    let on_agent = &times.on_agent;
    let shift = shift(times);
    let moved = |at: Option<Time>| at.map(|at| add(at, shift));
    let accepted = times.accepted;
    let latest = times.ended.unwrap_or(now).max(accepted);
    let latest_start = times.started.unwrap_or(latest).clamp(accepted, latest);
    let received = moved(on_agent.received).map(|at| at.clamp(accepted, latest_start));
    let earliest = received.unwrap_or(accepted);
    let started = moved(on_agent.started).map(|at| at.clamp(earliest, latest_start));
    let earliest = started.or(times.started).unwrap_or(earliest).min(latest);
    let ended = times
        .ended
        .and(moved(on_agent.ended))
        .map(|at| at.clamp(earliest, latest));
    Fitted {
        received,
        started,
        ended,
        moved: (shift.unsigned_abs() > USUAL).then_some(Span(shift.unsigned_abs())),
    }
}

/// What must be added to an agent's times, in microseconds; 0 if they fit as they are.
fn shift(times: &TaskTimes) -> i64 {
    let on_agent = &times.on_agent;
    let first = on_agent.received.or(on_agent.started).or(on_agent.ended);
    let Some(first) = first else {
        return 0;
    };
    let least = difference(times.accepted, first);
    let told = [
        (on_agent.started.or(on_agent.received), times.started),
        (on_agent.ended, times.ended),
    ];
    let most = told
        .into_iter()
        .filter_map(|(there, here)| Some(difference(here?, there?)))
        .min()
        .unwrap_or(i64::MAX);
    // A clock that was set meanwhile fits with no shift.
    if most < least {
        return least;
    }
    let smallest = 0.clamp(least, most);
    if smallest.unsigned_abs() <= USUAL || most == i64::MAX {
        return smallest;
    }
    least.midpoint(most)
}

fn difference(here: Time, there: Time) -> i64 {
    let signed = |time: Time| i64::try_from(time.0).unwrap_or(i64::MAX);
    signed(here).saturating_sub(signed(there))
}

fn add(at: Time, shift: i64) -> Time {
    Time(at.0.saturating_add_signed(shift))
}
