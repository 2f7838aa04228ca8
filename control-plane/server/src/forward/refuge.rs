//! Agents that this replica can do nothing for are sent to another one (rule R24).
//!
//! A replica that alone has lost the broker, or the network to an owner, would keep the agents that are
//! connected to it from that owner, which then takes them for unreachable. After a while their sessions
//! end, and they connect again, which a load balancer turns into a connection to a replica that is
//! ready. Not so if the owner itself says that it is not ready: then most likely nobody is, such as when
//! the broker is away for all, and the agents are better off where they are. The owner excuses everybody
//! for as long as it hears nobody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Version};
use insula_types::PartitionId;

use super::Peers;
use crate::link::Links;
use crate::replica::{Owner, Owners};

/// Most agents that are sent away at a time. Another replica makes as many handshakes in a fraction of a
/// second, and ten thousand agents are gone in less time than they may be silent.
const AWAY_MAX: usize = 256;

/// How long an owner may take to say whether it is ready; it looks at two flags.
const ANSWER: Duration = Duration::from_secs(2);

/// Looks now and then whether there are such agents, for as long as the task lives.
pub async fn send_away(links: Links, owners: Owners, peers: Arc<Peers>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let mut sent = 0;
        for (address, partitions) in by_owner(&owners, links.forsaken()) {
            if peers.is_ready(&address).await == Some(false) {
                continue;
            }
            for partition in partitions {
                sent += links.send_away(partition, AWAY_MAX - sent);
            }
        }
        if sent > 0 {
            tracing::info!(
                agents = sent,
                "agents are sent to another replica, since the owner of their cell is not reached from here"
            );
        }
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
