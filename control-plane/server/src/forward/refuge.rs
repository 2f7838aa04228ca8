//! Agents that this replica can do nothing for are sent to another one (rule R24).
//!
//! A replica that alone has lost the broker, or the network to an owner, would keep the agents that are
//! connected to it from that owner, which then takes them for unreachable. After a while their sessions
//! end, and they connect again, which a load balancer turns into a connection to a replica that is
//! ready. Not so if the owner itself says that it is not ready: then most likely nobody is, such as when
//! the broker is away for all, and the agents are better off where they are. The owner excuses everybody
//! for as long as it hears nobody.
//!
//! One that has lost the database as well owns nothing any more, and does not even know who does. If
//! another replica says that it is ready, the agents are better off there, whoever the owner is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Request, Version};
use insula_types::PartitionId;
use tokio::sync::watch;

use super::Peers;
use crate::cells::Cells;
use crate::link::Links;
use crate::replica::{Owner, Owners, Ready};

/// Most agents that are sent away at a time. Another replica makes as many handshakes in a fraction of a
/// second, and ten thousand agents are gone in less time than they may be silent.
const AWAY_MAX: usize = 256;

/// How long a replica may take to say whether it is ready; it looks at two flags.
const ANSWER: Duration = Duration::from_secs(2);

/// Most replicas that are asked whether they are ready before this one keeps what it has.
const ASKED_MAX: usize = 3;

/// What there is to look at.
pub struct Refuge {
    /// Whose agents they are.
    pub cells: Cells,
    /// The ways to owners elsewhere.
    pub links: Links,
    /// The other replicas.
    pub peers: Arc<Peers>,
    /// Whether this replica reaches the database.
    pub ready: watch::Receiver<Ready>,
    /// After how long without a word something is taken to be away.
    pub silence: Duration,
    /// How long a lease lasts that is not renewed.
    pub lease_ttl: Duration,
}

impl Refuge {
    /// Looks now and then whether there are such agents, for as long as the task lives.
    pub async fn send_away(self, every: Duration) {
        let mut blind_since = None;
        loop {
            tokio::time::sleep(every).await;
            let sent = self.forsaken().await;
            say(sent, "the owner of their cell is not reached from here");
            if self.ready.borrow().store_ok {
                blind_since = None;
                continue;
            }
            let since = *blind_since.get_or_insert_with(Instant::now);
            // By then it owns nothing any more, since no lease was renewed.
            if since.elapsed() > self.silence + self.lease_ttl {
                let sent = self.unowned(AWAY_MAX - sent).await;
                say(
                    sent,
                    "this one owns nothing any more and does not know who does",
                );
            }
        }
    }

    /// Sends agents away whose owner serves, and is not heard.
    async fn forsaken(&self) -> usize {
        let mut sent = 0;
        for (address, partitions) in by_owner(self.cells.owners(), self.links.forsaken()) {
            if self.peers.is_ready(&address).await == Some(false) {
                continue;
            }
            for partition in partitions {
                sent += self.links.send_away(partition, AWAY_MAX - sent);
            }
        }
        sent
    }

    /// Sends agents away whose owner this replica cannot find out, if another one is ready.
    async fn unowned(&self, most: usize) -> usize {
        let cells = self.cells.without_other_owner();
        // A clock that has not run for so long has seen nobody wait for so long.
        let came_before = Instant::now().checked_sub(self.silence);
        let Some(came_before) = came_before.filter(|_| !cells.is_empty()) else {
            return 0;
        };
        if !self.another_is_ready().await {
            return 0;
        }
        let sessions = self.cells.sessions();
        cells.iter().fold(0, |sent, cell| {
            sent + sessions.end_agents(cell, came_before, most - sent)
        })
    }

    async fn another_is_ready(&self) -> bool {
        let owners = self.cells.owners();
        let membership = owners.membership();
        let others = membership.replicas.iter();
        let others = others.filter(|replica| replica.replica != *owners.me());
        for replica in others.take(ASKED_MAX) {
            if self.peers.is_ready(&replica.advertise).await == Some(true) {
                return true;
            }
        }
        false
    }
}

fn say(agents: usize, why: &str) {
    if agents > 0 {
        tracing::info!(agents, "agents are sent to another replica, since {why}");
    }
}

/// Where the owners of partitions are reached, with those that are theirs.
fn by_owner(owners: &Owners, partitions: Vec<PartitionId>) -> BTreeMap<String, Vec<PartitionId>> {
    let mut by_owner: BTreeMap<String, Vec<PartitionId>> = BTreeMap::new();
    for partition in partitions {
        if let Owner::There { advertise, .. } = owners.of(partition) {
            by_owner.entry(advertise).or_default().push(partition);
        }
    }
    by_owner
}

impl Peers {
    /// Whether a replica says that it is ready; nothing if it says nothing.
    async fn is_ready(&self, address: &str) -> Option<bool> {
        let request = Request::get(format!("https://{address}/ready"))
            .version(Version::HTTP_2)
            .body(Body::empty())
            .ok()?;
        let tls = self.credentials.tls().ok()?;
        let asked = async {
            let mut place = self.at(address).place(address, tls).await.ok()?;
            let answer = place.sender.send_request(request).await.ok()?;
            Some(answer.status().is_success())
        };
        tokio::time::timeout(ANSWER, asked).await.ok()?
    }
}
