//! Offers come back: returned, rescinded, or their lease has ended.

use insula_types::event::{EventKind, Rescinded};
use insula_types::message::ToFramework;

use crate::Kernel;
use crate::allocator::{AgentKey, FrameworkIdx};
use crate::offer::{Offer, Tag};
use crate::out::Out;

/// Most leases that one step looks at (rule R12).
const LEASES_PER_STEP: usize = 1_000;

impl Kernel {
    /// Takes an offer out of the cell; its resources stay charged to the framework.
    pub(crate) fn take_offer(&mut self, tag: Tag) -> Option<Offer> {
        let offer = self.offers.remove(tag)?;
        self.frameworks.get_mut(offer.framework).offers.remove(&tag);
        self.agents.get_mut(offer.agent).offers.remove(&tag);
        Some(offer)
    }

    pub(crate) fn release_offer(&mut self, offer: &Offer) {
        self.allocator
            .release(offer.framework, &offer.role, offer.agent, &offer.resources);
    }

    /// Takes an offer back and frees its resources, without a word to the framework.
    pub(crate) fn return_offer(&mut self, tag: Tag) -> Option<Offer> {
        let offer = self.take_offer(tag)?;
        self.release_offer(&offer);
        Some(offer)
    }

    fn rescind(&mut self, tag: Tag, why: Rescinded, out: &mut Out) -> Option<Offer> {
        let offer = self.return_offer(tag)?;
        self.count_rescinded(offer.framework, why, out);
        if let Some(peer) = self.frameworks.get(offer.framework).peer() {
            out.tell_framework(peer, ToFramework::Rescind(self.offers.id(tag)));
        }
        Some(offer)
    }

    pub(crate) fn rescind_agent(&mut self, key: AgentKey, out: &mut Out) {
        let tags: Vec<Tag> = self.agents.get(key).offers.iter().copied().collect();
        for tag in tags {
            self.rescind(tag, Rescinded::AgentChanged, out);
        }
    }

    pub(crate) fn count_rescinded(
        &mut self,
        framework: FrameworkIdx,
        why: Rescinded,
        out: &mut Out,
    ) {
        *self.counters.offers_rescinded.entry(why).or_default() += 1;
        out.count_rescinded(framework, why);
    }

    /// Tells whoever watches of the offers that this step took back.
    pub(crate) fn announce_rescinded(&self, out: &mut Out) {
        for ((framework, why), count) in out.take_rescinded() {
            let framework = self.frameworks.get(framework).key.clone();
            let event = EventKind::OffersRescinded {
                framework,
                count,
                why,
            };
            self.announce(event, out);
        }
    }

    /// Rescinds offers whose lease has ended. A lease is short while another framework wants the
    /// same agent and long otherwise, so each offer is looked at once per short lease.
    pub(crate) fn end_leases(&mut self, out: &mut Out) {
        for _ in 0..LEASES_PER_STEP {
            let due = self.offers.next_check().filter(|(at, _)| *at <= self.now);
            let Some((_, tag)) = due else {
                return;
            };
            let Some(offer) = self.offers.get(tag) else {
                return;
            };
            let (framework, agent) = (offer.framework, offer.agent);
            let end = offer.made_at + self.config.offer_lease;
            if self.allocator.is_wanted_by_others(agent, framework) {
                self.pass_on(tag, out);
            } else if end <= self.now {
                self.rescind(tag, Rescinded::Expired, out);
            } else {
                let again = self.now + self.config.offer_lease_contended;
                self.offers.check_again(tag, again.min(end));
            }
        }
    }

    /// Rescinds an offer that others wait for, and lets them go first.
    fn pass_on(&mut self, tag: Tag, out: &mut Out) {
        let Some(offer) = self.rescind(tag, Rescinded::OthersWait, out) else {
            return;
        };
        let until = self.now + self.config.offer_lease_contended;
        self.allocator.filter(
            offer.framework,
            &offer.role,
            offer.agent,
            &offer.resources,
            until,
        );
    }
}
