//! What owners say to a gateway over links.

use insula_types::{LinkId, PartitionId};

use super::{Path, Via};
use crate::broker::Post;
use crate::check::Violation;
use crate::driver::DriverId;
use crate::link::{Heard, Payload};
use crate::replica::ReplicaNo;
use crate::world::World;

impl World {
    /// A message arrives in a replica's own stream.
    pub(crate) fn gateway_reads(&mut self, no: ReplicaNo, post: Post) -> Result<(), Violation> {
        if let Payload::Serving(partition, epoch, owner) = post.payload {
            return self.gateway_learns(no, partition, epoch, owner);
        }
        let now = self.ctx.now;
        let Some(partition) = self.partition_of_link(no, &post.link) else {
            return Ok(());
        };
        let link = self
            .gateway(no)
            .and_then(|gateway| gateway.link_mut(partition));
        let Some(link) = link else {
            return Ok(());
        };
        match link.counts.hear(now, post.seq, &post.payload) {
            Heard::Next => self.gateway_hears_owner(no, partition, post),
            Heard::Again => Ok(()),
            Heard::Gap => self.link_is_broken(no, partition, "a message is missing"),
        }
    }

    fn partition_of_link(&mut self, no: ReplicaNo, link: &LinkId) -> Option<PartitionId> {
        let mut paths = self.gateway(no)?.paths.iter();
        let found = paths.find(|(_, path)| matches!(path, Path::Link(its) if its.id == *link));
        found.map(|(partition, _)| *partition)
    }

    fn gateway_hears_owner(
        &mut self,
        no: ReplicaNo,
        partition: PartitionId,
        post: Post,
    ) -> Result<(), Violation> {
        let Some(epoch) = self
            .gateway(no)
            .and_then(|gateway| Some(gateway.link_mut(partition)?.epoch))
        else {
            return Ok(());
        };
        match post.payload {
            Payload::Welcome(marks) => self.resolve_orphans(no, partition, &marks),
            Payload::Message {
                cell,
                peer,
                message,
            } => self.gateway_delivers(no, epoch, &cell, &peer, *message),
            Payload::Reply(request, outcome) => self.gateway_answers(no, request, *outcome),
            Payload::Reset(cell) => self.cell_is_reset(no, &cell),
            Payload::Bye { over } => {
                if over && let Some(gateway) = self.gateway(no) {
                    gateway.epoch_is_over(partition, epoch);
                }
                self.path_ends(no, partition, "its owner ended it")?;
                self.open_path_if_needed(no, partition);
                Ok(())
            }
            Payload::Hello(_) | Payload::Input { .. } | Payload::Serving(..) | Payload::Beat => {
                Ok(())
            }
        }
    }

    fn link_is_broken(
        &mut self,
        no: ReplicaNo,
        partition: PartitionId,
        why: &str,
    ) -> Result<(), Violation> {
        self.gateway_says(no, partition, Payload::Bye { over: false });
        self.path_ends(no, partition, why)?;
        self.open_path_if_needed(no, partition);
        Ok(())
    }

    /// Both roles of a replica say on their links that they live, and look at what they heard.
    pub(crate) fn links_beat(&mut self, no: ReplicaNo) -> Result<(), Violation> {
        let now = self.ctx.now;
        let Some(replica) = self.replicas.get_mut(&no) else {
            return Ok(());
        };
        self.ctx
            .after(crate::link::BEAT_EVERY, crate::event::Event::LinksBeat(no));
        let drivers: Vec<DriverId> = replica.drivers.values().map(|driver| driver.id).collect();
        let links = replica
            .gateway
            .paths
            .iter()
            .filter_map(|(partition, path)| match path {
                Path::Local(_) => None,
                Path::Link(link) => Some((*partition, link.counts.is_silent(now))),
            });
        let links: Vec<(PartitionId, bool)> = links.collect();
        for (partition, is_silent) in links {
            if is_silent {
                self.link_is_broken(no, partition, "nothing is heard on it")?;
            } else if !self.gateway_says(no, partition, Payload::Beat) {
                self.path_ends(no, partition, "the broker is away")?;
            }
        }
        for driver in drivers {
            self.owner_beats(driver)?;
            self.pump(driver)?;
        }
        self.expire_orphans(no);
        let partitions: Vec<PartitionId> = self.cells.values().copied().collect();
        for partition in partitions {
            self.open_path_if_needed(no, partition);
        }
        Ok(())
    }

    /// A replica finds that the broker was away, or has lost what it held: every link is broken.
    pub(crate) fn broker_is_lost(&mut self, no: ReplicaNo) -> Result<(), Violation> {
        let Some(replica) = self.replicas.get(&no) else {
            return Ok(());
        };
        let drivers: Vec<DriverId> = replica.drivers.values().map(|driver| driver.id).collect();
        let paths = replica.gateway.paths.iter();
        let links = paths.filter(|(_, path)| matches!(path, Path::Link(_)));
        let links: Vec<PartitionId> = links.map(|(partition, _)| *partition).collect();
        for partition in links {
            self.path_ends(no, partition, "the broker was lost")?;
        }
        for driver in drivers {
            self.owner_loses_links(driver)?;
        }
        Ok(())
    }

    /// Whether an ask was applied is known from the marks that the next owner loaded (rule R16).
    fn resolve_orphans(
        &mut self,
        no: ReplicaNo,
        partition: PartitionId,
        marks: &[(LinkId, u64)],
    ) -> Result<(), Violation> {
        let cells = self.cells.clone();
        let Some(gateway) = self.gateway(no) else {
            return Ok(());
        };
        let of_partition = gateway
            .asks
            .iter()
            .filter(|(_, ask)| cells.get(&ask.cell) == Some(&partition));
        let orphans: Vec<_> = of_partition
            .filter_map(|(request, ask)| match &ask.via {
                Via::Orphan(link, seq, _) => Some((*request, link.clone(), *seq)),
                Via::Unsent | Via::Local | Via::Link(..) => None,
            })
            .collect();
        for (request, link, seq) in orphans {
            let mark = marks.iter().find(|(known, _)| *known == link);
            if mark.is_some_and(|(_, mark)| seq <= *mark) {
                self.ask_is_uncertain(no, request);
                continue;
            }
            self.checks.marks.was_not_applied(partition, &link, seq)?;
            self.ask_again(no, request)?;
        }
        Ok(())
    }
}
