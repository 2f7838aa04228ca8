//! All durations of a replica in one place.

use std::time::Duration;

/// How long things take and last; [`Durations::default`] is what production uses.
///
/// The defaults are made for one region: a replica that died is replaced within a lease and a
/// renewal, and nothing short of that (a pause of a second, a restart of the broker) is taken for a
/// death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durations {
    /// How long a replica and its leases live without a renewal (rule R9).
    pub lease_ttl: Duration,
    /// Time between two renewals.
    pub lease_renewal: Duration,
    /// How long before the end of its lease an owner stops to speak on the lease alone (rule R3): more
    /// than clocks of two machines drift apart within one lease.
    pub lease_margin: Duration,
    /// Time between two looks for new cells of the partitions owned.
    pub cells_poll: Duration,
    /// How long the last commit may take when a partition is handed over or the process stops.
    pub flush: Duration,
    /// Time between two beats of a link between replicas.
    pub link_beat: Duration,
    /// How long a link may be silent before it counts as broken.
    pub link_silence: Duration,
    /// Time between two heartbeats of a Mesos event stream.
    pub heartbeat: Duration,
    /// Time between two signs of life of an agent.
    pub agent_ping: Duration,
    /// How long an agent may be silent before its tasks are unreachable.
    pub unreachable_after: Duration,
    /// How long an offer lives while nobody else waits for its resources.
    pub offer_lease: Duration,
    /// How long an offer lives while others wait.
    pub offer_lease_contended: Duration,
    /// The least time that a framework has to come back after an outage of ours (rule R18).
    pub outage_grace: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            lease_ttl: Duration::from_secs(5),
            lease_renewal: Duration::from_millis(1_500),
            lease_margin: Duration::from_secs(1),
            cells_poll: Duration::from_secs(2),
            flush: Duration::from_secs(5),
            link_beat: Duration::from_secs(1),
            link_silence: Duration::from_secs(5),
            heartbeat: Duration::from_secs(15),
            agent_ping: Duration::from_secs(15),
            unreachable_after: Duration::from_secs(75),
            offer_lease: Duration::from_secs(60),
            offer_lease_contended: Duration::from_secs(5),
            outage_grace: Duration::from_secs(60),
        }
    }
}

/// Durations that cannot work together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unworkable {
    /// One of them is zero.
    #[error("{0} must be longer than nothing")]
    Zero(&'static str),
    /// A lease would end although its owner lives.
    #[error(
        "lease_ttl ({ttl:?}) must be longer than two lease_renewals ({renewal:?} each) and lease_margin ({margin:?}) together, or one late renewal costs every partition"
    )]
    Lease {
        /// `lease_ttl`.
        ttl: Duration,
        /// `lease_renewal`.
        renewal: Duration,
        /// `lease_margin`.
        margin: Duration,
    },
    /// A link would break although both ends live.
    #[error(
        "link_silence ({silence:?}) must be longer than two link_beats ({beat:?} each), or one late beat breaks a link"
    )]
    Link {
        /// `link_silence`.
        silence: Duration,
        /// `link_beat`.
        beat: Duration,
    },
    /// An agent would be unreachable although it speaks.
    #[error(
        "unreachable_after ({after:?}) must be longer than two agent_pings ({ping:?} each), or one late ping costs an agent its tasks"
    )]
    Agent {
        /// `unreachable_after`.
        after: Duration,
        /// `agent_ping`.
        ping: Duration,
    },
}

impl Durations {
    /// Checks that they can work together.
    ///
    /// # Errors
    /// The first rule of [`Unworkable`] that is broken.
    pub fn check(&self) -> Result<(), Unworkable> {
        let all = [
            ("lease_ttl", self.lease_ttl),
            ("lease_renewal", self.lease_renewal),
            ("lease_margin", self.lease_margin),
            ("cells_poll", self.cells_poll),
            ("flush", self.flush),
            ("link_beat", self.link_beat),
            ("link_silence", self.link_silence),
            ("heartbeat", self.heartbeat),
            ("agent_ping", self.agent_ping),
            ("unreachable_after", self.unreachable_after),
            ("offer_lease", self.offer_lease),
            ("offer_lease_contended", self.offer_lease_contended),
            ("outage_grace", self.outage_grace),
        ];
        if let Some((name, _)) = all.into_iter().find(|(_, each)| each.is_zero()) {
            return Err(Unworkable::Zero(name));
        }
        if self.lease_ttl <= self.lease_renewal * 2 + self.lease_margin {
            return Err(Unworkable::Lease {
                ttl: self.lease_ttl,
                renewal: self.lease_renewal,
                margin: self.lease_margin,
            });
        }
        if self.link_silence <= self.link_beat * 2 {
            return Err(Unworkable::Link {
                silence: self.link_silence,
                beat: self.link_beat,
            });
        }
        if self.unreachable_after <= self.agent_ping * 2 {
            return Err(Unworkable::Agent {
                after: self.unreachable_after,
                ping: self.agent_ping,
            });
        }
        Ok(())
    }

    /// A kernel's durations; its other bounds are the usual ones.
    #[must_use]
    pub fn kernel(&self) -> insula_kernel::Config {
        insula_kernel::Config {
            offer_lease: self.offer_lease.into(),
            offer_lease_contended: self.offer_lease_contended.into(),
            unreachable_after: self.unreachable_after.into(),
            outage_grace: self.outage_grace.into(),
            ..insula_kernel::Config::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_work_together() {
        assert_eq!(Durations::default().check(), Ok(()));
    }

    #[test]
    fn a_lease_outlives_one_late_renewal() {
        let tight = Durations {
            lease_renewal: Duration::from_secs(2),
            ..Durations::default()
        };
        assert!(matches!(tight.check(), Err(Unworkable::Lease { .. })));
        let nothing = Durations {
            link_beat: Duration::ZERO,
            ..Durations::default()
        };
        assert_eq!(nothing.check(), Err(Unworkable::Zero("link_beat")));
    }
}
