//! The keys of the configuration.

use std::time::Duration;

use crate::durations::Durations;

/// One key.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// For people: what it is, in a sentence without a full stop.
    pub(super) says: &'static str,
    pub(super) field: fn(&mut Durations) -> &mut Duration,
}

/// All of them, in the order in which they are printed.
pub(super) const KEYS: [Key; 13] = [
    Key {
        name: "lease_ttl",
        says: "how long a replica and its leases live without a renewal",
        field: |durations| &mut durations.lease_ttl,
    },
    Key {
        name: "lease_renewal",
        says: "time between two renewals",
        field: |durations| &mut durations.lease_renewal,
    },
    Key {
        name: "lease_margin",
        says: "how long before the end of its lease an owner stops to speak on the lease alone",
        field: |durations| &mut durations.lease_margin,
    },
    Key {
        name: "cells_poll",
        says: "time between two looks for new cells",
        field: |durations| &mut durations.cells_poll,
    },
    Key {
        name: "flush",
        says: "how long the last commit may take when a partition is handed over",
        field: |durations| &mut durations.flush,
    },
    Key {
        name: "link_beat",
        says: "time between two beats of a link between replicas",
        field: |durations| &mut durations.link_beat,
    },
    Key {
        name: "link_silence",
        says: "how long a link may be silent before it counts as broken",
        field: |durations| &mut durations.link_silence,
    },
    Key {
        name: "heartbeat",
        says: "time between two heartbeats of a Mesos event stream",
        field: |durations| &mut durations.heartbeat,
    },
    Key {
        name: "agent_ping",
        says: "time between two signs of life of an agent",
        field: |durations| &mut durations.agent_ping,
    },
    Key {
        name: "unreachable_after",
        says: "how long an agent may be silent before its tasks are unreachable",
        field: |durations| &mut durations.unreachable_after,
    },
    Key {
        name: "offer_lease",
        says: "how long an offer lives while nobody else waits for its resources",
        field: |durations| &mut durations.offer_lease,
    },
    Key {
        name: "offer_lease_contended",
        says: "how long an offer lives while others wait for its resources",
        field: |durations| &mut durations.offer_lease_contended,
    },
    Key {
        name: "outage_grace",
        says: "the least time that a framework has to come back after an outage of the service",
        field: |durations| &mut durations.outage_grace,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_duration_is_without_a_key() {
        // A field that is added makes this pattern incomplete.
        let Durations {
            lease_ttl: _,
            lease_renewal: _,
            lease_margin: _,
            cells_poll: _,
            flush: _,
            link_beat: _,
            link_silence: _,
            heartbeat: _,
            agent_ping: _,
            unreachable_after: _,
            offer_lease: _,
            offer_lease_contended: _,
            outage_grace: _,
        } = Durations::default();
        let mut durations = Durations::default();
        let fields: std::collections::BTreeSet<*const Duration> = KEYS
            .iter()
            .map(|key| std::ptr::from_ref((key.field)(&mut durations)))
            .collect();
        assert_eq!(fields.len(), KEYS.len(), "two keys set the same field");
    }
}
