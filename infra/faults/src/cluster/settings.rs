//! How large a cluster is, and how fast its clocks run.

use std::path::PathBuf;
use std::time::Duration;

use crate::requirements;

/// Sizes and durations. The durations are those of production divided by five, except where the
/// machine that runs the tests would not keep up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many replicas.
    pub replicas: usize,
    /// How many agents in the default cell.
    pub agents: usize,
    /// How long a lease lives.
    pub lease: Duration,
    /// How long an agent may be silent before its tasks are unreachable.
    pub unreachable_after: Duration,
    /// By how much the wall clock of each replica is wrong, as `faketime` reads it.
    pub clocks: Vec<String>,
    /// The program that the replicas are first started with, if it is not the one under test.
    pub former: Option<PathBuf>,
    /// What replicas and agents find in their environment.
    pub environment: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            replicas: 3,
            agents: 3,
            lease: Duration::from_secs(1),
            unreachable_after: Duration::from_secs(5),
            clocks: Vec::new(),
            former: None,
            environment: Vec::new(),
        }
    }
}

impl Settings {
    /// The configuration file of the replicas.
    pub(super) fn to_file(&self) -> String {
        let durations = [
            ("lease_ttl", self.lease),
            ("lease_renewal", self.lease / 4),
            ("lease_margin", self.lease / 5),
            ("link_beat", self.lease / 5),
            ("link_silence", self.lease),
            ("heartbeat", self.lease),
            ("agent_ping", self.lease),
            ("unreachable_after", self.unreachable_after),
            ("cells_poll", self.lease / 2),
        ];
        let lines = durations.map(|(name, span)| format!("{name} = {}ms\n", span.as_millis()));
        lines.concat()
    }

    /// How long an event stream may be silent: Mesos clients give up after five heartbeats.
    pub(super) fn silence(&self) -> Duration {
        self.lease * 5
    }

    /// What makes the clock of a replica wrong: a library, and by how much.
    pub(crate) fn faketime(&self, replica: usize) -> Option<(PathBuf, String)> {
        let shift = self.clocks.get(replica)?.clone();
        Some((requirements::faketime()?, shift))
    }
}
