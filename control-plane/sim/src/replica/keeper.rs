//! The keeper: renews leases on a connection of its own, learns who is there, and decides which
//! partitions to take and to give away (rules R9, R10).

use insula_pipeline::lease::{Decision, Tenure};
use insula_types::membership::{Beat, Claim, Membership};
use insula_types::{PartitionId, Span, Time};

use super::ReplicaNo;
use crate::check::Violation;
use crate::driver::DriverId;
use crate::event::Event;
use crate::store::{Take, Taken};
use crate::world::World;

/// How long a lease lives without a renewal.
pub(crate) const LEASE_TTL: Span = Span::from_secs(5);

/// How often leases are renewed.
pub(crate) const RENEW_EVERY: Span = Span::from_millis(1_500);

/// How much sooner an owner stops believing in its lease.
const MARGIN: Span = Span::from_secs(1);

/// The longest that a message to or from the database takes, in milliseconds.
const WAY_MAX: u64 = 10;

impl World {
    pub(crate) fn keeper_beats(&mut self, no: ReplicaNo) {
        let Some(replica) = self.replicas.get(&no) else {
            return;
        };
        self.ctx.after(RENEW_EVERY, Event::KeeperBeats(no));
        if self.ctx.now < replica.stuck_until {
            return;
        }
        let drivers = replica.drivers.values();
        let beat = Beat {
            replica: no.id(),
            advertise: String::new(),
            version: String::new(),
            state: replica.state(),
            ttl: LEASE_TTL,
            hold: drivers
                .map(|driver| (driver.id.partition, driver.id.epoch))
                .collect(),
        };
        let sent = replica.clock(self.ctx.now);
        let event = Event::BeatArrives(no, sent, Box::new(beat));
        self.ctx.within(0, WAY_MAX, event);
    }

    /// A beat arrives at the database, whatever became of its sender.
    pub(crate) fn beat_arrives(&mut self, no: ReplicaNo, sent: Time, beat: &Beat) {
        if let Some(found) = self.store.beat(&self.ctx, beat) {
            let event = Event::BeatAnswered(no, sent, beat.hold.clone(), Box::new(found));
            self.ctx.within(0, WAY_MAX, event);
        }
    }

    pub(crate) fn beat_is_answered(
        &mut self,
        no: ReplicaNo,
        sent: Time,
        asked: &[(PartitionId, insula_types::Epoch)],
        found: &Membership,
    ) -> Result<(), Violation> {
        if !self.replicas.contains_key(&no) {
            return Ok(());
        }
        for (partition, epoch) in asked {
            let driver = DriverId {
                replica: no,
                partition: *partition,
                epoch: *epoch,
            };
            if found.held.contains(partition) {
                self.lease_is_renewed(driver, sent);
            } else {
                self.driver_ends(driver, "its lease is lost")?;
            }
        }
        for partition in (0..found.partitions).map(PartitionId) {
            if let Some((row, epoch)) = found.owner(partition)
                && let Some(owner) = ReplicaNo::of(&row.replica)
            {
                self.gateway_learns(no, partition, epoch, owner)?;
            }
        }
        self.excuse_whom_the_broker_hides(no)?;
        self.decide(no, found)
    }

    fn lease_is_renewed(&mut self, id: DriverId, sent: Time) {
        let shared = self.ctx.options.shared_store;
        if let Some(driver) = self.driver_mut(id).filter(|_| shared) {
            driver
                .tenure
                .renew(Tenure::granted(sent, LEASE_TTL, MARGIN));
        }
    }

    /// While the broker is away, and once more when it is back, nobody's silence counts (rule R24).
    fn excuse_whom_the_broker_hides(&mut self, no: ReplicaNo) -> Result<(), Violation> {
        let is_away = self.broker.is_away(&self.ctx);
        let Some(replica) = self.replicas.get_mut(&no) else {
            return Ok(());
        };
        let was_away = std::mem::replace(&mut replica.broker_was_away, is_away);
        if !is_away && !was_away {
            return Ok(());
        }
        let drivers: Vec<DriverId> = replica.drivers.values().map(|driver| driver.id).collect();
        for driver in drivers {
            self.excuse_everyone(driver)?;
        }
        Ok(())
    }

    fn decide(&mut self, no: ReplicaNo, found: &Membership) -> Result<(), Violation> {
        let now = self.ctx.now;
        let Some(replica) = self.replicas.get_mut(&no) else {
            return Ok(());
        };
        let (clock, mine) = (replica.clock(now), replica.mine());
        for decision in replica.balancer.decide(clock, found, &mine) {
            match decision {
                Decision::Claim(partition) => self.claims(no, partition),
                Decision::Give(partition) => self.gives(no, partition)?,
            }
        }
        self.end_if_drained(no)
    }

    fn claims(&mut self, no: ReplicaNo, partition: PartitionId) {
        if let Some(replica) = self.replicas.get_mut(&no) {
            replica.taking.insert(partition);
            let sent = replica.clock(self.ctx.now);
            let event = Event::TakeArrives(no, sent, partition);
            self.ctx.within(0, WAY_MAX, event);
        }
    }

    fn gives(&mut self, no: ReplicaNo, partition: PartitionId) -> Result<(), Violation> {
        let driver = self.replicas.get_mut(&no);
        let Some(driver) = driver.and_then(|replica| replica.drivers.get_mut(&partition)) else {
            return Ok(());
        };
        driver.giving = true;
        let id = driver.id;
        self.ctx.note(id, format_args!("is given away"));
        self.pump(id)
    }

    /// A claim arrives at the database, whatever became of its sender.
    pub(crate) fn take_arrives(&mut self, no: ReplicaNo, sent: Time, partition: PartitionId) {
        let claim = Claim {
            replica: no.id(),
            ttl: LEASE_TTL,
        };
        let taken = match self.store.take(&mut self.ctx, partition, &claim) {
            Some(Take::Taken(taken)) => {
                let epoch = taken.head.epoch;
                self.checks.owners.took(partition, epoch, no);
                self.ctx
                    .note("store", format_args!("{no} takes {partition:?} in {epoch}"));
                Some(taken)
            }
            Some(Take::Refused) | None => None,
        };
        let most = WAY_MAX + self.ctx.options.commit_max;
        self.ctx
            .within(0, most, Event::Taken(no, sent, partition, taken));
    }

    pub(crate) fn taken(
        &mut self,
        no: ReplicaNo,
        sent: Time,
        partition: PartitionId,
        taken: Option<Taken>,
    ) -> Result<(), Violation> {
        let Some(replica) = self.replicas.get_mut(&no) else {
            return Ok(());
        };
        replica.taking.remove(&partition);
        match taken {
            Some(taken) => {
                let tenure = Tenure::granted(sent, LEASE_TTL, MARGIN);
                self.driver_starts(no, partition, taken, tenure)
            }
            None => self.end_if_drained(no),
        }
    }

    /// A partition was given: its lease ends when the database hears of it.
    pub(crate) fn lease_is_given(&mut self, id: DriverId) {
        self.ctx.within(0, WAY_MAX, Event::GiveArrives(id));
    }
}
