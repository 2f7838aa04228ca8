//! What is known of the links to the owners of one partition, and what follows from each event.
//!
//! Pure: it neither sends nor waits. `A` is whatever answers an asker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use insula_kernel::Outcome;
use insula_types::{CellId, Epoch, LinkId, RequestId};
use tokio::time::Instant;

use super::rest::Rest;
use crate::partition::Unavailable;

/// Asks that may wait for their answers on one link. An owner answers within milliseconds, so this is
/// what some seconds of a busy gateway's asks come to; beyond it they are certainly not sent.
const PENDING_MAX: usize = 8_192;

/// How long the asks of a link that ended wait to hear whether they were applied: a hand-over takes
/// milliseconds, and after a crash whoever asked is told that nobody knows.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);

/// What an asker is told.
pub(super) type Answered = Result<Outcome, Unavailable>;

/// The gateway's side of one partition whose owner is another replica.
#[derive(Debug)]
pub(super) struct Conversation<A> {
    silence: Duration,
    /// The highest epoch seen; what comes of a lower one is dropped (rule R17).
    highest: Epoch,
    current: Option<Current<A>>,
    former: Vec<Former<A>>,
    /// The cells that were ever spoken for: those whose sessions a link's end concerns.
    cells: BTreeSet<CellId>,
    /// A link has ended, so the next owner does not know the agents that are connected.
    is_resync_due: bool,
    /// Since when the owner that there is has not answered although somebody has something to say.
    unheard_since: Option<Instant>,
    rest: Rest,
}

/// The link that is open.
#[derive(Debug)]
struct Current<A> {
    link: LinkId,
    epoch: Epoch,
    since: Instant,
    is_welcomed: bool,
    /// When the owner last said something, beats included.
    heard: Option<Instant>,
    /// Up to which number the owner applied what was sent.
    applied: u64,
    asked: u64,
    pending: BTreeMap<RequestId, Pending<A>>,
}

#[derive(Debug)]
struct Pending<A> {
    seq: u64,
    answer: A,
}

/// A link that ended, with asks of which it is not known whether they were applied.
#[derive(Debug)]
struct Former<A> {
    link: LinkId,
    pending: Vec<Pending<A>>,
    until: Instant,
}

/// What is to be done, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Do<A> {
    /// Make the writer of this link to the owner of this epoch, and say hello.
    Open(LinkId, Epoch),
    /// Drop the writer of this link.
    Drop(LinkId),
    /// Tell whoever waits for this link that the owner has answered.
    Ready(LinkId),
    /// Tell an asker.
    Answer(A, Answered),
    /// End the frameworks' sessions of a cell: the frameworks subscribe again.
    EndFrameworks(CellId),
    /// Ask the agents of a cell to register again, with the owner of this epoch.
    Resync(CellId, Epoch),
}

/// Whether there is a way to an owner.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This link is open, and the owner has answered on it.
    Ready(LinkId),
    /// A link is opening.
    Opening,
    /// The owner did not answer just now, and is not asked again before a moment has passed.
    Resting,
    /// A later owner is known.
    Outdated,
}

impl<A> Conversation<A> {
    /// Nothing is known yet. A link on which nothing is heard for as long as `silence` is over.
    pub(super) fn new(silence: Duration) -> Self {
        Self {
            silence,
            highest: Epoch::default(),
            current: None,
            former: Vec::new(),
            cells: BTreeSet::new(),
            is_resync_due: false,
            unheard_since: None,
            rest: Rest::default(),
        }
    }

    /// The epoch of the open link.
    pub(super) fn epoch(&self) -> Option<Epoch> {
        self.current.as_ref().map(|current| current.epoch)
    }

    /// Whether it is this link that is open.
    pub(super) fn is_current(&self, link: &LinkId) -> bool {
        self.current_of(link).is_some()
    }

    /// Whether the agents of the partition wait for an owner to register with.
    pub(super) fn is_waiting(&self) -> bool {
        self.current.is_none() && self.is_resync_due
    }

    /// Looks for the way to the owner of an epoch, and opens a link if there is none. `fresh` names
    /// one that was never used.
    pub(super) fn reach(
        &mut self,
        epoch: Epoch,
        fresh: impl FnOnce() -> LinkId,
        now: Instant,
        orders: &mut Vec<Do<A>>,
    ) -> Reach {
        if epoch < self.highest {
            return Reach::Outdated;
        }
        self.saw(epoch, now, orders);
        match &self.current {
            Some(current) if current.is_welcomed => Reach::Ready(current.link.clone()),
            Some(_) => Reach::Opening,
            None if self.rest.lasts(now) => Reach::Resting,
            None => {
                self.unheard_since.get_or_insert(now);
                let link = fresh();
                orders.push(Do::Open(link.clone(), epoch));
                self.current = Some(Current {
                    link,
                    epoch,
                    since: now,
                    is_welcomed: false,
                    heard: None,
                    applied: 0,
                    asked: 0,
                    pending: BTreeMap::new(),
                });
                Reach::Opening
            }
        }
    }

    /// Somebody speaks for a cell: a link's end concerns it.
    pub(super) fn speaks_for(&mut self, cell: &CellId) {
        if !self.cells.contains(cell) {
            self.cells.insert(cell.clone());
        }
    }

    /// A number for an ask; nothing if too many wait already. Those whose asker has gone away, as
    /// `is_gone` says, count no more.
    pub(super) fn number(
        &mut self,
        link: &LinkId,
        is_gone: impl Fn(&A) -> bool,
    ) -> Option<RequestId> {
        let current = self.current_of_mut(link)?;
        if current.pending.len() >= PENDING_MAX {
            current
                .pending
                .retain(|_, pending| !is_gone(&pending.answer));
        }
        if current.pending.len() >= PENDING_MAX {
            return None;
        }
        current.asked += 1;
        Some(RequestId(current.asked))
    }

    /// A message for a cell was sent under a number, with an ask if somebody waits.
    pub(super) fn sent(
        &mut self,
        link: &LinkId,
        cell: &CellId,
        seq: u64,
        ask: Option<(RequestId, A)>,
    ) {
        self.speaks_for(cell);
        if let (Some(current), Some((request, answer))) = (self.current_of_mut(link), ask) {
            current.pending.insert(request, Pending { seq, answer });
        }
    }

    /// The owner said something at that time, if only that it lives.
    pub(super) fn heard(&mut self, link: &LinkId, at: Option<Instant>) {
        if let Some(current) = self.current_of_mut(link) {
            current.heard = current.heard.max(at);
        }
    }

    /// The owner has answered, with the marks of former links: above its link's mark an ask was
    /// certainly not applied and never will be.
    pub(super) fn welcomed(
        &mut self,
        link: &LinkId,
        marks: &BTreeMap<LinkId, u64>,
        orders: &mut Vec<Do<A>>,
    ) {
        let Some(current) = self.current_of_mut(link) else {
            return;
        };
        current.is_welcomed = true;
        let epoch = current.epoch;
        self.unheard_since = None;
        self.rest = Rest::default();
        orders.push(Do::Ready(link.clone()));
        for former in std::mem::take(&mut self.former) {
            let mark = marks.get(&former.link).copied().unwrap_or_default();
            for pending in former.pending {
                let uncertain = pending.seq <= mark;
                orders.push(Do::Answer(pending.answer, unavailable(uncertain)));
            }
        }
        self.resync(epoch, orders);
    }

    /// This process owns the partition itself in this epoch.
    pub(super) fn home(&mut self, epoch: Epoch, now: Instant, orders: &mut Vec<Do<A>>) {
        self.saw(epoch, now, orders);
        self.unheard_since = None;
        if self.current.is_none() {
            self.resync(epoch, orders);
        }
    }

    /// Nobody is known to own the partition, so nobody fails to answer.
    pub(super) fn unowned(&mut self) {
        self.unheard_since = None;
    }

    /// The cells whose agents should look for the owner by themselves, through another replica: it
    /// serves, and has not been reached from here for so long that it will not be soon. Such as when
    /// the broker is away for this replica alone (rule R24).
    pub(super) fn forsaken(&self, now: Instant) -> Option<&BTreeSet<CellId>> {
        let since = self.unheard_since?;
        (now.duration_since(since) > self.silence).then_some(&self.cells)
    }

    fn resync(&mut self, epoch: Epoch, orders: &mut Vec<Do<A>>) {
        if std::mem::take(&mut self.is_resync_due) {
            let cells = self.cells.iter().cloned();
            orders.extend(cells.map(|cell| Do::Resync(cell, epoch)));
        }
    }

    /// The owner has applied what was sent up to a number.
    pub(super) fn applied(&mut self, link: &LinkId, seq: u64) {
        if let Some(current) = self.current_of_mut(link) {
            current.applied = current.applied.max(seq);
        }
    }

    /// The owner has answered an ask.
    pub(super) fn replied(
        &mut self,
        link: &LinkId,
        request: RequestId,
        answered: Answered,
        orders: &mut Vec<Do<A>>,
    ) {
        let current = self.current_of_mut(link);
        if let Some(pending) = current.and_then(|current| current.pending.remove(&request)) {
            orders.push(Do::Answer(pending.answer, answered));
        }
    }

    /// Somebody owns the partition in this epoch: a link to an earlier owner is over.
    pub(super) fn saw(&mut self, epoch: Epoch, now: Instant, orders: &mut Vec<Do<A>>) {
        if self.highest < epoch {
            self.highest = epoch;
            // Another owner, of whom nothing is known yet.
            self.rest = Rest::default();
            self.unheard_since = self.unheard_since.map(|_| now);
        }
        if self.epoch().is_some_and(|current| current < epoch) {
            self.end(now, orders);
        }
    }

    /// The owner of this epoch has given the partition away.
    pub(super) fn given(&mut self, epoch: Epoch, now: Instant, orders: &mut Vec<Do<A>>) {
        if self.epoch().is_some_and(|current| current <= epoch) {
            self.end(now, orders);
        }
    }

    /// This link is over, if it was open.
    pub(super) fn broken(&mut self, link: &LinkId, now: Instant, orders: &mut Vec<Do<A>>) {
        if self.is_current(link) {
            self.end(now, orders);
        }
    }

    /// The open link is over, whichever it is.
    pub(super) fn end(&mut self, now: Instant, orders: &mut Vec<Do<A>>) {
        let Some(current) = self.current.take() else {
            return;
        };
        orders.push(Do::Drop(current.link.clone()));
        let mut unknown = Vec::new();
        for pending in current.pending.into_values() {
            if pending.seq <= current.applied {
                orders.push(Do::Answer(pending.answer, unavailable(true)));
            } else {
                unknown.push(pending);
            }
        }
        if !unknown.is_empty() {
            self.former.push(Former {
                link: current.link,
                pending: unknown,
                until: now + SETTLED_WITHIN,
            });
        }
        if current.is_welcomed {
            self.is_resync_due = true;
            self.unheard_since = Some(now);
            orders.extend(self.cells.iter().cloned().map(Do::EndFrameworks));
        } else {
            // It never was a link, and told nobody anything.
            self.rest.begin(now);
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant, orders: &mut Vec<Do<A>>) {
        let silence = self.silence;
        let is_silent = self.current.as_ref().is_some_and(|current| {
            let last = current.heard.unwrap_or(current.since).max(current.since);
            now.duration_since(last) > silence
        });
        if is_silent {
            self.end(now, orders);
        }
        for former in self.former.extract_if(.., |former| former.until <= now) {
            let answers = former.pending.into_iter().map(|pending| pending.answer);
            orders.extend(answers.map(|answer| Do::Answer(answer, unavailable(true))));
        }
    }

    /// Whether the owner was heard of within the silence that breaks a link (rule R17).
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.current.as_ref().is_some_and(|current| {
            let heard = current.heard.filter(|_| current.is_welcomed);
            heard.is_some_and(|heard| now.duration_since(heard) <= self.silence)
        })
    }

    /// How many asks wait.
    pub(super) fn pending(&self) -> usize {
        let former: usize = self.former.iter().map(|former| former.pending.len()).sum();
        let current = self.current.as_ref();
        former + current.map_or(0, |current| current.pending.len())
    }

    fn current_of(&self, link: &LinkId) -> Option<&Current<A>> {
        self.current
            .as_ref()
            .filter(|current| current.link == *link)
    }

    fn current_of_mut(&mut self, link: &LinkId) -> Option<&mut Current<A>> {
        self.current
            .as_mut()
            .filter(|current| current.link == *link)
    }
}

fn unavailable(uncertain: bool) -> Answered {
    Err(Unavailable {
        uncertain,
        reason: None,
    })
}

#[cfg(test)]
mod tests;
