//! The owner's ends of links.

use std::collections::BTreeSet;

use insula_kernel::Input;
use insula_kernel::input::Excused;
use insula_types::message::Peer;
use insula_types::{AgentId, CellId, LinkId};

use super::{Driver, DriverId, Incoming, OwnerLink, Question, Route};
use crate::broker::{Post, Stream};
use crate::check::Violation;
use crate::link::{Counts, Heard, Payload};
use crate::replica::ReplicaNo;
use crate::world::World;

impl World {
    /// Takes a driver out of its replica to work on it beside everything else.
    pub(super) fn take_driver(&mut self, id: DriverId) -> Option<Driver> {
        self.driver(id)?;
        let replica = self.replicas.get_mut(&id.replica)?;
        replica.drivers.remove(&id.partition)
    }

    pub(super) fn put_driver(&mut self, driver: Driver) {
        if let Some(replica) = self.replicas.get_mut(&driver.id.replica) {
            replica.drivers.insert(driver.id.partition, driver);
        }
    }

    /// A message of a gateway arrives at the owner.
    pub(crate) fn owner_reads(&mut self, id: DriverId, post: Post) -> Result<(), Violation> {
        let now = self.ctx.now;
        let Some(driver) = self.driver_mut(id).filter(|driver| !driver.giving) else {
            return Ok(());
        };
        if let Payload::Hello(gateway) = post.payload
            && post.seq == 1
            && !driver.links.contains_key(&post.link)
        {
            let counts = Counts::new(now);
            let link = OwnerLink { gateway, counts };
            driver.links.insert(post.link.clone(), link);
        }
        let Some(link) = driver.links.get_mut(&post.link) else {
            return Ok(());
        };
        match link.counts.hear(now, post.seq, &post.payload) {
            Heard::Next => self.owner_hears(id, post),
            Heard::Again => Ok(()),
            Heard::Gap => self.owner_ends_link(id, &post.link, "a message is missing"),
        }
    }

    fn owner_hears(&mut self, id: DriverId, post: Post) -> Result<(), Violation> {
        self.ctx
            .note(id, format_args!("<- {}: {}", post.link, post.payload));
        match post.payload {
            Payload::Hello(_) => {
                self.end_former_links(id, &post.link)?;
                let link = self
                    .driver(id)
                    .and_then(|driver| driver.links.get(&post.link));
                let back = link.map(|link| link.gateway);
                self.excuse_the_hidden(id, back)?;
                let Some(driver) = self.driver(id) else {
                    return Ok(());
                };
                let marks = driver.former.clone().into_iter().collect();
                self.owner_says(id, &post.link, Payload::Welcome(marks))
            }
            Payload::Input { cell, input } => {
                let incoming = Incoming {
                    cell,
                    sender: Some((post.link, post.seq)),
                    input: *input,
                };
                self.driver_input(id, incoming)
            }
            Payload::Bye { .. } => self.owner_ends_link(id, &post.link, "its gateway ended it"),
            _ => Ok(()),
        }
    }

    /// While a gateway that is alive has no link its agents are not to blame for their silence, nor
    /// before it has one again (rule R24).
    fn excuse_the_hidden(
        &mut self,
        id: DriverId,
        back: Option<ReplicaNo>,
    ) -> Result<(), Violation> {
        let alive: BTreeSet<ReplicaNo> = self.replicas.keys().copied().collect();
        let Some(driver) = self.driver_mut(id) else {
            return Ok(());
        };
        driver.hidden.retain(|gateway, _| alive.contains(gateway));
        let excused: Vec<(CellId, AgentId)> = match back {
            Some(gateway) => driver
                .hidden
                .remove(&gateway)
                .into_iter()
                .flatten()
                .collect(),
            None => driver.hidden.values().flatten().cloned().collect(),
        };
        for (cell, agent) in excused {
            let input = Input::Excused(Excused::Agents(vec![agent]));
            self.driver_input(id, Incoming::local(cell, input))?;
        }
        Ok(())
    }

    /// A gateway that opens a link has given up those that it had: nothing of them may be applied once
    /// it was told how far they were.
    fn end_former_links(&mut self, id: DriverId, new: &LinkId) -> Result<(), Violation> {
        let Some(driver) = self.driver(id) else {
            return Ok(());
        };
        let gateway = driver.links.get(new).map(|link| link.gateway);
        let former = driver
            .links
            .iter()
            .filter(|(link, end)| *link != new && Some(end.gateway) == gateway);
        let former: Vec<LinkId> = former.map(|(link, _)| link.clone()).collect();
        for link in former {
            self.owner_ends_link(id, &link, "its gateway opened another")?;
        }
        Ok(())
    }

    pub(super) fn owner_says(
        &mut self,
        id: DriverId,
        link: &LinkId,
        payload: Payload,
    ) -> Result<(), Violation> {
        let Some(mut driver) = self.take_driver(id) else {
            return Ok(());
        };
        let written = self.owner_writes(&mut driver, link, payload);
        self.put_driver(driver);
        if written {
            return Ok(());
        }
        self.owner_ends_link(id, link, "the broker is away")
    }

    /// Writes to a link's gateway; tells whether the broker took it.
    pub(super) fn owner_writes(
        &mut self,
        driver: &mut Driver,
        link: &LinkId,
        payload: Payload,
    ) -> bool {
        let Some(end) = driver.links.get_mut(link) else {
            return true;
        };
        if !matches!(payload, Payload::Beat) {
            end.counts.said += 1;
        }
        let (stream, seq) = (Stream::Out(end.gateway), end.counts.said);
        let written = self
            .broker
            .write(&mut self.ctx, stream, link.clone(), seq, payload);
        written.is_ok()
    }

    /// The owner gives a link up: its sessions are over.
    pub(crate) fn owner_ends_link(
        &mut self,
        id: DriverId,
        link: &LinkId,
        why: &str,
    ) -> Result<(), Violation> {
        let Some(mut driver) = self.take_driver(id) else {
            return Ok(());
        };
        self.owner_writes(&mut driver, link, Payload::Bye { over: false });
        let end = driver.links.remove(link);
        if let Some(end) = &end {
            driver.former.insert(link.clone(), end.counts.heard());
            driver.hide(link, end.gateway);
        }
        self.put_driver(driver);
        if end.is_none() {
            return Ok(());
        }
        self.ctx.note(id, format_args!("ends link {link}: {why}"));
        self.sessions_are_cut(id, &Route::Link(link.clone()))
    }

    /// Says on every link that the owner lives, and ends those on which nothing is heard.
    pub(crate) fn owner_beats(&mut self, id: DriverId) -> Result<(), Violation> {
        let now = self.ctx.now;
        let Some(driver) = self.driver(id) else {
            return Ok(());
        };
        let links: Vec<(LinkId, bool)> = driver
            .links
            .iter()
            .map(|(link, end)| (link.clone(), end.counts.is_silent(now)))
            .collect();
        self.excuse_the_hidden(id, None)?;
        for (link, is_silent) in links {
            if is_silent {
                self.owner_ends_link(id, &link, "nothing is heard on it")?;
            } else {
                self.owner_says(id, &link, Payload::Beat)?;
            }
        }
        Ok(())
    }

    /// All links are broken: the broker was lost from sight, or with all that it held.
    pub(crate) fn owner_loses_links(&mut self, id: DriverId) -> Result<(), Violation> {
        let links = self.driver(id).map(|driver| driver.links.keys().cloned());
        let links: Vec<LinkId> = links.into_iter().flatten().collect();
        for link in links {
            self.owner_ends_link(id, &link, "the broker was lost")?;
        }
        Ok(())
    }
}

impl Driver {
    /// The agents that spoke over a link cannot be heard.
    fn hide(&mut self, link: &LinkId, gateway: ReplicaNo) {
        let over = Route::Link(link.clone());
        let agents = self.routes.iter().filter(|(_, (_, route))| *route == over);
        let agents = agents.filter_map(|(peer, (cell, _))| match peer {
            Peer::Agent { agent, .. } => Some((cell.clone(), agent.clone())),
            Peer::Framework { .. } => None,
        });
        let agents: Vec<_> = agents.collect();
        self.hidden.entry(gateway).or_default().extend(agents);
    }

    /// Remembers where the session and the asker of an input are.
    pub(super) fn note_route(&mut self, incoming: &mut Incoming) {
        let route = match &incoming.sender {
            Some((link, _)) => Route::Link(link.clone()),
            None => Route::Local,
        };
        if let Some(request) = incoming.input.request_mut() {
            let question = Question {
                route: route.clone(),
                step: None,
            };
            self.questions.insert(*request, question);
        }
        if let Some((peer, cell)) = session_of(incoming) {
            self.routes.insert(peer, (cell, route));
        }
    }
}

/// The session that an input opens or comes from.
fn session_of(incoming: &Incoming) -> Option<(Peer, CellId)> {
    let peer = match &incoming.input {
        Input::Subscribe(subscribe) => Peer::Framework {
            framework: insula_types::FrameworkKey {
                tenant: subscribe.tenant.clone(),
                framework: subscribe
                    .framework
                    .clone()
                    .unwrap_or_else(|| subscribe.fresh.clone()),
            },
            session: subscribe.session.clone(),
        },
        Input::Agent { agent, session, .. } => Peer::Agent {
            agent: agent.clone(),
            session: session.clone(),
        },
        _ => return None,
    };
    Some((peer, incoming.cell.clone()))
}
