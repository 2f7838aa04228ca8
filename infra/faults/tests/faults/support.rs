//! What the cases share.

use std::time::Duration;

use insula_faults::requirements::{self, Found};
use insula_faults::{Cluster, Framework, Load, Place, Settings};
use tokio::time::{Instant, sleep};

/// The load of most cases: enough that something is always under way, little enough for two
/// processors.
pub(crate) const STEADY: Load = Load {
    per_second: 10,
    short: Duration::from_millis(100),
    endless: 6,
};

/// How long a patient framework may be away.
const PATIENT: Duration = Duration::from_secs(3600);

/// The programs; else says aloud why the test is skipped.
pub(crate) fn found() -> Option<Found> {
    match requirements::find() {
        Ok(found) => Some(found),
        Err(why) => {
            eprintln!("skipped: {why}");
            None
        }
    }
}

/// A cluster under load: of a framework that may be away for an hour, and of one whose tasks die
/// with it, as is the default of Mesos.
pub(crate) struct Run {
    pub(crate) cluster: Cluster,
    pub(crate) patient: Framework,
    pub(crate) hasty: Framework,
}

impl Run {
    pub(crate) async fn start(settings: Settings) -> Option<Self> {
        let found = found()?;
        let cluster = Cluster::start(Place::new(), &found, settings).await;
        let patient = cluster.framework("patient", "default", PATIENT, STEADY);
        let hasty = cluster.framework("hasty", "default", Duration::ZERO, STEADY);
        patient.until_steady().await;
        hasty.until_steady().await;
        Some(Self {
            cluster,
            patient,
            hasty,
        })
    }

    /// Waits until tasks launched after `since` run, of both frameworks; says how long that took. Then
    /// waits until all agents are connected.
    pub(crate) async fn recovered(&mut self, case: &str, since: Instant) {
        self.works_again(case, since).await;
        self.cluster.until_connected("default").await;
    }

    /// As [`Self::recovered`], whatever has become of the agents.
    pub(crate) async fn works_again(&mut self, case: &str, since: Instant) {
        let patient = self.patient.until_works_again(since).await;
        let hasty = self.hasty.until_works_again(since).await;
        println!("recovery: {case} {} ms", patient.max(hasty).as_millis());
    }

    /// Lets the disturbance last; with the long form, five times as long.
    pub(crate) async fn last_for(&self, time: Duration) {
        let times = if requirements::is_long() { 5 } else { 1 };
        sleep(time * times).await;
    }

    /// Longer than an agent may be silent.
    pub(crate) fn long_outage(&self) -> Duration {
        self.cluster.unreachable_after() + self.cluster.lease()
    }

    /// Comes to rest, and is judged.
    pub(crate) async fn end(self) {
        self.cluster.judge(&[&self.patient, &self.hasty]).await;
    }
}

/// Says how long something took that was not a launch.
pub(crate) fn say(case: &str, since: Instant) {
    println!("recovery: {case} {} ms", since.elapsed().as_millis());
}
