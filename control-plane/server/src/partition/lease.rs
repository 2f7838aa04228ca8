//! The lease of a partition, as its driver and its keeper share it (rule R9).

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use insula_pipeline::lease::Tenure;
use insula_types::membership::Claim;
use insula_types::{Epoch, PartitionId, Span, Time};
use tokio::sync::watch;

use super::boot_clock::BootClock;

/// The driver takes the partition and says that it makes progress; the keeper renews the lease as long
/// as it does, and says when it is lost.
#[derive(Debug)]
pub struct Lease {
    partition: PartitionId,
    claim: Claim,
    margin: Span,
    clock: BootClock,
    held: Mutex<Option<Held>>,
    /// Turns of the driver's loop; and as many of them as the keeper has seen.
    turns: AtomicU64,
    turns_seen: AtomicU64,
    /// The highest epoch that is over.
    lost: watch::Sender<Epoch>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    epoch: Epoch,
    tenure: Tenure,
}

impl Lease {
    /// A lease that is not held yet.
    ///
    /// # Errors
    /// If the machine has no clock for leases.
    pub fn new(partition: PartitionId, claim: Claim, margin: Span) -> io::Result<Self> {
        Ok(Self {
            partition,
            claim,
            margin,
            clock: BootClock::open()?,
            held: Mutex::default(),
            turns: AtomicU64::new(1),
            turns_seen: AtomicU64::new(0),
            lost: watch::Sender::new(Epoch::default()),
        })
    }

    /// Of which partition.
    #[must_use]
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// Who holds it.
    #[must_use]
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// How often its driver is to look around: several times within the time to live, so that a
    /// driver without work is not taken for one that hangs.
    pub(super) fn tick(&self) -> Duration {
        Duration::from(self.claim.ttl) / 8
    }

    /// The time by which it is reckoned.
    #[must_use]
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// The partition was taken by a request that was sent at that time.
    pub(super) fn begin(&self, epoch: Epoch, sent: Time) {
        let tenure = Tenure::granted(sent, self.claim.ttl, self.margin);
        *self.lock() = Some(Held { epoch, tenure });
        self.progress();
    }

    /// The driver's loop has turned.
    pub(super) fn progress(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether what may leave on the lease alone may leave now (rule R3).
    pub(super) fn holds(&self) -> bool {
        let held = *self.lock();
        held.is_some_and(|held| held.tenure.holds(self.clock.now()))
    }

    /// For how long the lease is to be over, and a commit under way, before the commit is given up.
    pub(super) fn patience(&self) -> Duration {
        self.claim.ttl.into()
    }

    /// Whether the lease has been over for as long as it lives: somebody else has had the time to take
    /// the partition, so nobody should go on waiting for this owner.
    pub(super) fn is_long_over(&self) -> bool {
        let held = *self.lock();
        held.is_some_and(|held| {
            let over_at = held.tenure.until() + self.margin;
            self.clock.now() >= over_at + self.claim.ttl
        })
    }

    /// Completes once an epoch is over. Cancel-safe.
    pub(super) async fn lost(&self, epoch: Epoch) {
        let mut lost = self.lost.subscribe();
        // The sender lives as long as the lease.
        let _ = lost.wait_for(|lost| *lost >= epoch).await;
    }

    /// The epoch to renew: none if the partition was not taken yet, or its driver has not made a turn
    /// since this was asked last. A driver that hangs must lose its lease, so that another serves.
    #[must_use]
    pub fn to_renew(&self) -> Option<Epoch> {
        let turns = self.turns.load(Ordering::Relaxed);
        if self.turns_seen.swap(turns, Ordering::Relaxed) == turns {
            return None;
        }
        self.epoch()
    }

    /// The epoch that it is held under.
    #[must_use]
    pub fn epoch(&self) -> Option<Epoch> {
        Some(self.lock().as_ref()?.epoch)
    }

    /// A renewal that was sent at that time was granted.
    pub fn renewed(&self, epoch: Epoch, sent: Time) {
        let granted = Tenure::granted(sent, self.claim.ttl, self.margin);
        if let Some(held) = self.lock().as_mut().filter(|held| held.epoch == epoch) {
            held.tenure.renew(granted);
        }
    }

    /// For how long the lease was not renewed; nothing before it is held.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let held = (*self.lock())?;
        let asked_at = held.tenure.until() + self.margin - self.claim.ttl;
        Some(self.clock.now().since(asked_at).into())
    }

    /// A renewal was refused: somebody else has the partition.
    pub fn refused(&self, epoch: Epoch) {
        self.lost.send_if_modified(|lost| {
            let is_news = *lost < epoch;
            *lost = epoch.max(*lost);
            is_news
        });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lease() -> Lease {
        let claim = Claim {
            replica: "me".into(),
            ttl: Span::from_secs(5),
        };
        Lease::new(PartitionId(3), claim, Span::from_secs(1)).unwrap()
    }

    #[test]
    fn a_driver_that_hangs_is_not_renewed() {
        let lease = lease();
        assert_eq!(lease.to_renew(), None, "it is not taken yet");
        lease.begin(Epoch(7), lease.now());
        assert_eq!(lease.to_renew(), Some(Epoch(7)));
        assert_eq!(lease.to_renew(), None);
        lease.progress();
        assert_eq!(lease.to_renew(), Some(Epoch(7)));
    }

    #[test]
    fn it_holds_for_its_time_less_the_margin_from_when_it_was_asked_for() {
        let lease = lease();
        assert!(!lease.holds());
        let now = lease.now();
        lease.begin(Epoch(7), now - Span::from_secs(4));
        assert!(!lease.holds());
        lease.renewed(Epoch(6), now);
        assert!(!lease.holds(), "that was another epoch");
        lease.renewed(Epoch(7), now);
        assert!(lease.holds());
    }

    #[test]
    fn it_is_long_over_once_it_was_over_for_as_long_as_it_lives() {
        let lease = lease();
        assert!(!lease.is_long_over(), "it was never held");
        let now = lease.now();
        lease.begin(Epoch(7), now - Span::from_secs(9));
        assert!(!lease.holds() && !lease.is_long_over());
        lease.begin(Epoch(8), now - Span::from_secs(10));
        assert!(lease.is_long_over());
        lease.renewed(Epoch(8), now);
        assert!(!lease.is_long_over());
    }

    #[tokio::test]
    async fn the_loss_of_an_older_epoch_is_no_news_to_a_newer_one() {
        let lease = lease();
        lease.refused(Epoch(7));
        lease.lost(Epoch(7)).await;
        let later = lease.lost(Epoch(8));
        tokio::select! {
            biased;
            () = later => panic!("epoch 8 was not lost"),
            () = std::future::ready(()) => {}
        }
    }
}
