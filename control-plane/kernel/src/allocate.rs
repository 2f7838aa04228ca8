//! Allocations become offers, or tasks of a built-in framework.

use std::collections::BTreeMap;
use std::sync::Arc;

use insula_types::event::EventKind;
use insula_types::message::{Offer as Offered, ToFramework};

use crate::Kernel;
use crate::allocator::{Allocation, FrameworkIdx, Progress};
use crate::framework::Side;
use crate::offer::Offer;
use crate::out::Out;

/// Candidate checks of one round: a few milliseconds of work on one core even if each of them makes an
/// offer (rule R11).
const CHECKS_PER_ROUND: usize = 1_000;

/// How often one step lets the allocator go on after built-in frameworks gave something back at once.
/// A slice that is refused comes back doubled, so this is enough for the largest machines.
const ROUNDS_PER_STEP: usize = 16;

/// The offers of one step by framework.
type Batch = BTreeMap<FrameworkIdx, Vec<Offered>>;

impl Kernel {
    /// Runs the allocation if it is due: something changed, or a filter has ended.
    pub(crate) fn allocate_if_due(&mut self, out: &mut Out) {
        let filter_ended = self
            .allocator
            .next_filter_expiry()
            .is_some_and(|at| at <= self.now);
        let due = self.allocation_due.is_some_and(|at| at <= self.now);
        if due || filter_ended {
            self.allocate(out);
        }
    }

    /// Sees to it that an allocation follows a step after which something could be given. It waits
    /// for a moment, so that a burst of inputs costs one cycle.
    pub(crate) fn schedule_allocation(&mut self) {
        if self.allocation_due.is_none() && self.allocator.is_dirty() {
            self.allocation_due = Some(self.now + self.config.allocation_batch);
        }
    }

    fn allocate(&mut self, out: &mut Out) {
        let mut batch = Batch::new();
        let mut launches_left = self.config.slice;
        let mut goes_on = true;
        for _ in 0..ROUNDS_PER_STEP {
            let mut made = Vec::new();
            let progress = self
                .allocator
                .allocate(self.now, CHECKS_PER_ROUND, &mut made);
            for allocation in made {
                match self.frameworks.get(allocation.framework).side {
                    Side::BuiltIn => self.fill(allocation, &mut launches_left, out),
                    Side::Client(_) => self.offer(allocation, &mut batch),
                }
            }
            goes_on = progress == Progress::More || self.allocator.is_dirty();
            if !goes_on || progress == Progress::More || launches_left == 0 {
                break;
            }
        }
        self.send_offers(batch, out);
        self.allocation_due = goes_on.then_some(self.now);
        self.counters.allocations += 1;
        self.watch_waits();
    }

    fn offer(&mut self, allocation: Allocation, batch: &mut Batch) {
        self.counters.offers_made += 1;
        let tag = self.offers.next_tag();
        let agent = self.agents.get_mut(allocation.agent);
        agent.offers.insert(tag);
        let offered = Offered {
            id: self.offers.id(tag),
            agent: agent.row.agent.clone(),
            hostname: agent.row.info.hostname.clone(),
            role: allocation.role.to_string(),
            resources: allocation.resources.clone(),
            attributes: agent.row.info.attributes.clone(),
        };
        self.frameworks
            .get_mut(allocation.framework)
            .offers
            .insert(tag);
        self.offers.insert(Offer {
            tag,
            framework: allocation.framework,
            agent: allocation.agent,
            role: Arc::clone(&allocation.role),
            resources: allocation.resources,
            made_at: self.now,
            check_at: self.now
                + self
                    .config
                    .offer_lease_contended
                    .min(self.config.offer_lease),
        });
        batch.entry(allocation.framework).or_default().push(offered);
    }

    fn send_offers(&self, batch: Batch, out: &mut Out) {
        for (idx, offers) in batch {
            let framework = self.frameworks.get(idx);
            let count = offers.len();
            if let Some(peer) = framework.peer() {
                out.tell_framework(peer, ToFramework::Offers(offers));
            }
            let framework = framework.key.clone();
            self.announce(EventKind::OffersMade { framework, count }, out);
        }
    }
}
