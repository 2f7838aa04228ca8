//! What kernels count, over all cells and all loads of them.

use std::collections::BTreeMap;

use insula_kernel::figures::Counters;
use insula_telemetry::metrics::labels::{EndState, OfferEvent};
use insula_telemetry::metrics::{Labels as _, Metrics, Point, Shown, approximate, table};
use insula_types::event::Rescinded;
use insula_types::{CellId, Epoch};

use super::kinds;

const OFFERS: usize = OfferEvent::ALL.len();
const ENDS: usize = EndState::ALL.len();

/// The counters of a kernel that are shown.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    offers: [u64; OFFERS],
    ended: [u64; ENDS],
    launched: u64,
    submitted: u64,
    retried: u64,
    candidates: u64,
}

/// Adds up what kernels count from their load on. The sums never go down, whichever cells come and go.
pub(super) struct Totals {
    offers: Shown,
    ended: Shown,
    launched: Shown,
    submitted: Shown,
    retried: Shown,
    candidates: Shown,
    last: BTreeMap<(CellId, Epoch), Counted>,
    sums: Counted,
}

impl Counted {
    fn of(counters: &Counters) -> Self {
        let mut counted = Self {
            launched: counters.launches,
            submitted: counters.requests_submitted,
            retried: counters.requests_retried,
            candidates: counters.candidates,
            ..Self::default()
        };
        counted.offers[OfferEvent::Made.index()] = counters.offers_made;
        counted.offers[OfferEvent::Accepted.index()] = counters.offers_accepted;
        counted.offers[OfferEvent::Declined.index()] = counters.offers_declined;
        for (why, count) in &counters.offers_rescinded {
            let event = match why {
                Rescinded::Expired => OfferEvent::Expired,
                Rescinded::AgentChanged | Rescinded::OthersWait | Rescinded::SessionOver => {
                    OfferEvent::Rescinded
                }
            };
            counted.offers[event.index()] += count;
        }
        for (state, count) in &counters.tasks_ended {
            if let Some(end) = kinds::end(*state) {
                counted.ended[end.index()] += count;
            }
        }
        counted
    }

    /// Adds what has come since; a kernel that was loaded anew began at 0.
    fn add(&mut self, last: &Self, now: &Self) {
        let more = |sum: &mut u64, last: u64, now: u64| {
            *sum += now.checked_sub(last).unwrap_or(now);
        };
        for (index, sum) in self.offers.iter_mut().enumerate() {
            more(sum, last.offers[index], now.offers[index]);
        }
        for (index, sum) in self.ended.iter_mut().enumerate() {
            more(sum, last.ended[index], now.ended[index]);
        }
        more(&mut self.launched, last.launched, now.launched);
        more(&mut self.submitted, last.submitted, now.submitted);
        more(&mut self.retried, last.retried, now.retried);
        more(&mut self.candidates, last.candidates, now.candidates);
    }
}

impl Totals {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            offers: metrics.shown(&table::OFFERS),
            ended: metrics.shown(&table::TASKS_ENDED),
            launched: metrics.shown(&table::TASKS_LAUNCHED),
            submitted: metrics.shown(&table::REQUESTS_SUBMITTED),
            retried: metrics.shown(&table::REQUESTS_RETRIED),
            candidates: metrics.shown(&table::ALLOCATION_CANDIDATES),
            last: BTreeMap::new(),
            sums: Counted::default(),
        }
    }

    /// A kernel has counted so far, in an ownership.
    pub(super) fn add(&mut self, cell: &CellId, epoch: Epoch, counters: &Counters) {
        let now = Counted::of(counters);
        let last = self.last.insert((cell.clone(), epoch), now);
        self.sums.add(&last.unwrap_or_default(), &now);
    }

    /// A kernel has counted so far and is gone. To be told after all that it said while it was there.
    pub(super) fn end(&mut self, cell: &CellId, epoch: Epoch, counters: &Counters) {
        self.add(cell, epoch, counters);
        self.last.remove(&(cell.clone(), epoch));
    }

    pub(super) fn show(&self) {
        let sums = &self.sums;
        let offers = OfferEvent::ALL.iter();
        self.offers.replace(offers.map(|event| {
            let count = sums.offers[event.index()];
            Point::of(*event, approximate(count))
        }));
        let ended = EndState::ALL.iter();
        self.ended.replace(ended.map(|state| {
            let count = sums.ended[state.index()];
            Point::of(*state, approximate(count))
        }));
        self.launched.set(approximate(sums.launched));
        self.submitted.set(approximate(sums.submitted));
        self.retried.set(approximate(sums.retried));
        self.candidates.set(approximate(sums.candidates));
    }
}

#[cfg(test)]
mod tests {
    use insula_telemetry::metrics::Identity;

    use super::*;

    fn made(offers_made: u64) -> Counters {
        Counters {
            offers_made,
            ..Counters::default()
        }
    }

    #[test]
    fn a_total_never_goes_down() {
        let metrics = Metrics::new(Identity {
            service: "insula-server",
            version: "1.0.0",
            instance: String::new(),
        });
        let mut totals = Totals::new(&metrics);
        let cells = [CellId::from("a"), CellId::from("b")];
        totals.add(&cells[0], Epoch(1), &made(10));
        totals.add(&cells[1], Epoch(1), &made(5));
        totals.add(&cells[0], Epoch(1), &made(12));
        assert_eq!(totals.sums.offers[OfferEvent::Made.index()], 17);
        // The first was loaded anew under its epoch.
        totals.add(&cells[0], Epoch(1), &made(3));
        assert_eq!(totals.sums.offers[OfferEvent::Made.index()], 20);
        // The second left with more than was seen, and has come back meanwhile.
        totals.add(&cells[1], Epoch(2), &made(7));
        totals.end(&cells[1], Epoch(1), &made(9));
        assert_eq!(totals.sums.offers[OfferEvent::Made.index()], 31);
        assert_eq!(totals.last.len(), 2);
        totals.show();
        let line = r#"insula_offers_total{event="made"} 31"#;
        assert!(metrics.text().contains(line), "{}", metrics.text());
    }
}
